/** docs/doctor.md says what the program says. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { catalogue, readable } from '../../src/doctor/finding.ts';
import { asJson, describe as print } from '../../src/doctor/print.ts';
import { Report } from '../../src/doctor/finding.ts';

it('every finding is explained in docs/doctor.md, and no other one', async () => {
  const page = await readFile(new URL('../../docs/doctor.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));

  const cells = rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  expect(new Set(cells)).toEqual(
    new Set(
      Object.entries(catalogue).map(([id, { severity, what, hurts, fix }]) => [
        `\`${id}\``,
        severity,
        what,
        hurts,
        fix,
      ]),
    ),
  );
});

it('what others wrote reaches the terminal as harmless text on one line, and not in megabytes', () => {
  const report = new Report();

  report.found('mcp.not-mcp', `\u001B[2J\u202E evil\nline \uD800${'x'.repeat(2_000_000)}`);

  const text = print(report, false);
  for (const character of ['\u001B', '\u202E', '\uD800']) {
    expect(text).not.toContain(character);
    expect(asJson(report)).not.toContain(character);
  }
  expect(text).toContain('[2J evil line');
  expect(text.length).toBeLessThan(1000);
  expect(readable('a\u0007b')).toBe('ab');
});
