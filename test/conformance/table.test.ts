/** The table of requirements itself, and its other half: what docs/divergences.md says of it. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { type Requirement, requirements } from './requirements.ts';
import { countVerified } from './requirements-reporter.ts';

const rows: readonly (readonly [string, Requirement])[] = Object.entries(requirements);

test('every requirement has an id of words, a public source and one sentence', () => {
  for (const [id, { source, says }] of rows) {
    expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(source).toMatch(
      /^https:\/\/(www\.rfc-editor\.org|datatracker\.ietf\.org|modelcontextprotocol\.io|openid\.net|fetch\.spec\.whatwg\.org|github\.com\/modelcontextprotocol)\//,
    );
    expect(says).toMatch(/^\S[^\n]*\.$/);
  }
});

test('docs/divergences.md has a reason for each requirement that diverges, and for no other', async () => {
  const page = await readFile(new URL('../../docs/divergences.md', import.meta.url), 'utf8');
  const cells = page
    .split('\n')
    .filter((line) => line.startsWith('|') && !line.startsWith('| ---'))
    .slice(1)
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()));

  const listed = cells.flatMap((row) => [...(row[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, id]) => id ?? ''));

  for (const [, ids, asked, done, reason] of cells) {
    expect(`${ids}: ${asked} ${done} ${reason}`).toMatch(/^`[a-z0-9-]+`(, `[a-z0-9-]+`)*: \S.+/);
    expect(reason).not.toBe('');
  }
  expect(listed.toSorted()).toEqual(
    rows
      .filter(([, { status }]) => status === 'diverges')
      .map(([id]) => id)
      .toSorted(),
  );
});

test('a run says how many are verified, and names each that is not', () => {
  const row = { source: 'https://example.com', level: 'MUST', since: 'OAuth', says: 'It is so.' } as const;
  const table = {
    met: row,
    'met-otherwise': { ...row, status: 'diverges' },
    'left-out': { ...row, status: 'not offered' },
  } as const;

  expect(countVerified(table, new Set(['met', 'met-otherwise', 'left-out']))).toEqual({
    summary: 'requirements: 1 verified, 1 diverge (docs/divergences.md), 1 not offered',
    missing: [],
  });
  expect(countVerified(table, new Set(['left-out', 'unknown']))).toEqual({
    summary: 'requirements: 0 verified, 0 diverge (docs/divergences.md), 1 not offered, 2 NOT VERIFIED',
    missing: [
      "  no passed test verifies 'met': It is so. https://example.com",
      "  no passed test verifies 'met-otherwise': It is so. https://example.com",
    ],
  });
});
