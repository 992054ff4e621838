import { expect, it } from 'vitest';
import { settingsByBinary } from '../../../src/platform/settings/settings.js';
import { configurationPage } from '../../support/configuration-page.js';

it('deploy/CONFIGURATION.md says what can be set, as the binaries read it', async () => {
  const page = configurationPage(settingsByBinary);
  expect(page).toContain('| `ANSWER_CACHE_MIB` |');
  await expect(page).toMatchFileSnapshot('../../../deploy/CONFIGURATION.md');
});
