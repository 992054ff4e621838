// Configuration: all faults at once, secrets from files and never in print.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ConfigFaults,
  describeSettings,
  printConfig,
  readConfig,
} from '../../../src/platform/settings/config.js';
import { apiSettings } from '../../../src/platform/settings/settings-api.js';
import { ingestSettings } from '../../../src/platform/settings/settings-ingest.js';
import { opsSettings } from '../../../src/platform/settings/settings-ops.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const ingest = { NATS_URL: 'nats://u:secret1@h:4222', DATABASE_URL: 'postgresql://i:secret2@h/db' };

describe('readConfig', () => {
  test('names every wrong variable in one message, and what is expected', () => {
    const read = () =>
      readConfig(apiSettings, {
        GRPC_PORT: '70000',
        IDENTITY_MODE: 'none',
        DATABASE_URL: 'mysql://a:hunter2@b/c',
      });
    expect(read).toThrow(ConfigFaults);
    expect(read).toThrow(/GRPC_PORT: wrong value "70000", expected a port number/);
    expect(read).toThrow(/IDENTITY_MODE: wrong value "none", expected tls, istio-xfcc or linkerd/);
    expect(read).toThrow(/\n {2}DATABASE_URL: wrong form, expected/);
    expect(read).toThrow(/ACCOUNT_DATABASE_URL: not set/);
    expect(read).not.toThrow(/hunter2/);
  });

  test('names what another setting makes required beside all other faults, and only with that setting', () => {
    const databases = { DATABASE_URL: 'postgres://a/b', ACCOUNT_DATABASE_URL: 'postgres://a/b' };
    const read = (env: object) => () => readConfig(apiSettings, { ...databases, ...env });
    const inTlsMode = read({ IDENTITY_MODE: 'tls', TLS_CERT_FILE: 'c', GRPC_PORT: 'x' });
    expect(inTlsMode).toThrow(/has 4 fault\(s\)/);
    expect(inTlsMode).toThrow(
      /TLS_CERT_FILE: the file "c" cannot be read \(ENOENT\), expected the path of a readable file/,
    );
    expect(inTlsMode).toThrow(/GRPC_PORT: wrong value "x"/);
    expect(inTlsMode).toThrow(
      /TLS_KEY_FILE: not set, expected the path of a readable file, required with IDENTITY_MODE=tls/,
    );
    expect(inTlsMode).toThrow(/TLS_CA_FILE: not set/);
    expect(read({ IDENTITY_MODE: 'linkerd' })()).toMatchObject({ tlsKeyFile: undefined });
    expect(read({ IDENTITY_MODE: 'nobody' })).toThrow(/has 1 fault\(s\)/);
  });

  test.each([
    'postgres://i:p%zz@h/db',
    'postgres://%zz:p@h/db',
    'postgres://i%:41zz@h/db',
    'postgres://i@h:99999/db',
  ])('refuses a URL that no connection could use: %s', (url) => {
    const read = () => readConfig(ingestSettings, { ...ingest, DATABASE_URL: url });
    expect(read).toThrow(/has 1 fault\(s\):\n {2}DATABASE_URL: wrong form, expected/);
    expect(read).not.toThrow(/%zz/);
  });

  test('takes IP addresses of both kinds, and no word that looks like one', () => {
    const read = (addresses: string) =>
      readConfig(apiSettings, {
        DATABASE_URL: 'postgres://a/b',
        ACCOUNT_DATABASE_URL: 'postgres://a/b',
        IDENTITY_MODE: 'linkerd',
        SIDECAR_ADDRESSES: addresses,
      }).sidecarAddresses;
    expect(read('10.0.0.7,fd00:10::a1')).toEqual(['10.0.0.7', 'fd00:10::a1']);
    for (const wrong of ['cafe', '300.1.1.1', '10.0.0.7,', 'localhost']) {
      expect(() => read(wrong)).toThrow(/SIDECAR_ADDRESSES: wrong value/);
    }
  });

  test('fills in defaults and leaves optional settings undefined', () => {
    const config = readConfig(ingestSettings, ingest);
    expect(config.batchSize).toBe(6000);
    expect(config.adminPort).toBe(9465);
    expect(config.natsPassword).toBeUndefined();
  });

  test('takes an empty variable for an unset one', () => {
    expect(readConfig(ingestSettings, { ...ingest, BATCH_SIZE: '' }).batchSize).toBe(6000);
  });

  test('prints no secret, however the configuration is printed', () => {
    const config = readConfig(ingestSettings, ingest);
    expect(config.databaseUrl.reveal()).toBe('postgresql://i:secret2@h/db');
    const printed = [
      printConfig(ingestSettings, config),
      JSON.stringify(config),
      inspect(config),
      `${config.natsUrl}`,
    ].join();
    expect(printed).not.toMatch(/secret[12]/);
    expect(printed).toContain('[redacted]');
    expect(printed).toContain('MSISDN_DIGITS=9-15');
  });

  test('reads a secret from the file that NAME_FILE names, and again after it was rotated', () => {
    const file = join(folder, 'url');
    writeFileSync(file, 'postgresql://o:old@h/db\n');
    const config = readConfig(opsSettings, { DATABASE_URL_FILE: file });
    expect(config.databaseUrl.reveal()).toBe('postgresql://o:old@h/db');
    writeFileSync(file, 'postgresql://o:new@h/db\n');
    expect(config.databaseUrl.reveal()).toBe('postgresql://o:new@h/db');
    writeFileSync(file, '');
    expect(config.databaseUrl.reveal()).toBe('postgresql://o:new@h/db');
  });

  test('refuses a secret that is set twice or whose file is missing', () => {
    expect(() =>
      readConfig(opsSettings, { DATABASE_URL: 'postgres://a/b', DATABASE_URL_FILE: 'x' }),
    ).toThrow(/DATABASE_URL: set twice/);
    expect(() => readConfig(opsSettings, { DATABASE_URL_FILE: join(folder, 'none') })).toThrow(
      /DATABASE_URL: the file that DATABASE_URL_FILE names cannot be read \(ENOENT\)/,
    );
  });
});

test('describeSettings says which settings are required, optional or defaulted', () => {
  const rows = Object.fromEntries(describeSettings(apiSettings).map((row) => [row.name, row]));
  expect(rows.IDENTITY_MODE?.fallback).toBe('required');
  expect(rows.SIDECAR_ADDRESSES?.fallback).toBe('optional');
  expect(rows.TLS_CERT_FILE?.fallback).toBe('required with IDENTITY_MODE=tls');
  expect(rows.GRPC_PORT?.fallback).toBe('3030');
  expect(rows.DATABASE_URL?.secret).toBe(true);
});
