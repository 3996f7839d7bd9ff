/** The table of requirements itself, and its other half: what docs/divergences.md says of it. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { type Requirement, requirements } from './requirements.ts';

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
