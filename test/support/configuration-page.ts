// The page of all settings, made from the tables that the binaries read. A test holds
// deploy/CONFIGURATION.md to it.
import { describeSettings, type SettingTable } from '../../src/platform/settings/config.js';

const HEAD = `# Configuration

Everything that can be set, by binary, as environment variables. A secret can also be given by a \
file: \`<NAME>_FILE\` is
its path. Wrong settings are told all at once, before anything starts. This page is generated from
\`src/platform/settings/settings.ts\`: \`npm test -- test/unit/platform -u\` writes it anew, \
\`npm test\` refuses an old one.
`;

const cell = (text: string) => text.replaceAll('|', '\\|');

/** Markdown, one table for each binary. */
export function configurationPage(byBinary: Readonly<Record<string, SettingTable>>): string {
  const parts = Object.entries(byBinary).map(([binary, table]) => {
    const rows = describeSettings(table).map(({ name, what, expected, fallback, secret }) => {
      const shown = /^(required|optional)/.test(fallback) ? fallback : `\`${fallback}\``;
      const named = `\`${name}\`${secret ? ' (secret)' : ''}`;
      return `| ${[named, cell(what), cell(expected), shown].join(' | ')} |`;
    });
    return [
      `\n## ${binary}\n`,
      '| variable | what | expected | default |',
      '|---|---|---|---|',
      ...rows,
      '',
    ].join('\n');
  });
  return HEAD + parts.join('');
}
