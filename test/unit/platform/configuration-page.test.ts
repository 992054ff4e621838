import { expect, it } from 'vitest';
import { configurationPage } from '../../../src/platform/settings/configuration-page.js';
import { settingsByBinary } from '../../../src/platform/settings/settings.js';

it('deploy/CONFIGURATION.md says what can be set, as the binaries read it', async () => {
  const page = configurationPage(settingsByBinary);
  expect(page).toContain('| `ANSWER_CACHE_MIB` |');
  await expect(page).toMatchFileSnapshot('../../../deploy/CONFIGURATION.md');
});
