// The HTTP side door answers probes and Prometheus, and nothing else.
import { expect, test } from 'vitest';
import { startAdminHttp } from '../../../src/platform/admin-http.js';
import { createRegistry } from '../../../src/platform/metrics.js';

test('probes, metrics, and 404 for the rest', async () => {
  let ready = false;
  const admin = await startAdminHttp({
    host: '127.0.0.1',
    port: 0,
    registry: createRegistry('test', '1.2.3'),
    ready: () => ready,
  });
  const get = (path: string) => fetch(`http://127.0.0.1:${admin.port}${path}`);
  try {
    expect((await get('/livez')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(503);
    ready = true;
    expect((await get('/readyz')).status).toBe(200);
    const metrics = await (await get('/metrics')).text();
    expect(metrics).toMatch(
      /sms_analytics_build_info\{version="1.2.3",node="v[^"]+",binary="test"\} 1/,
    );
    expect(metrics).toContain('nodejs_eventloop_lag_seconds');
    expect((await get('/config')).status).toBe(404);
    await expect(
      startAdminHttp({
        host: '127.0.0.1',
        port: admin.port,
        registry: createRegistry('b', '1'),
        ready: () => true,
      }),
    ).rejects.toThrow(/ADMIN_PORT: port \d+ on 127.0.0.1 is taken/);
  } finally {
    await admin.close();
  }
});
