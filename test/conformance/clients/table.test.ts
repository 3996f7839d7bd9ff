/** The table that people read (`docs/clients.md`), the catalogue and the tests name the same clients. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { knownClients } from '../../../src/protocol/known-clients.ts';
import { documentedClients } from './documented-clients.ts';
import { readRecording, readRecordings } from './recording.ts';

const text = readFileSync(new URL('../../../docs/clients.md', import.meta.url), 'utf8');
const [, programs = '', libraries = ''] = text.split(/^## .*$/m);

/** Name and how it was tested, for each row behind the head. */
function rowsOf(section: string): readonly (readonly [string, string])[] {
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  return rows.slice(2).map((line) => {
    const [, name = '', tested = ''] = line.split('|').map((cell) => cell.trim());
    return [name, tested];
  });
}

test('every known client has its row, in the order of the catalogue', () => {
  expect(rowsOf(programs).map(([name]) => name)).toEqual(knownClients.map(({ name }) => name));
});

test('a row says "documented requests" for exactly those clients that are tested so', () => {
  const documented = knownClients.filter(({ id }) => id in documentedClients).map(({ name }) => name);
  const said = rowsOf(programs).filter(([, tested]) => tested === 'documented requests');

  expect(said.map(([name]) => name)).toEqual(documented);
  expect(Object.keys(documentedClients)).toHaveLength(documented.length);
});

test('every recording is behind a row that says so', () => {
  const recorded = readRecordings().map((file) => readRecording(file, '').name.toLowerCase());
  const rows = [...rowsOf(programs), ...rowsOf(libraries)];
  const said = rows.filter(([, tested]) => tested.includes('recorded sequence')).map(([name]) => name);

  for (const name of recorded) {
    expect(said.some((row) => isAbout(name, row))).toBe(true);
  }
  for (const row of said) {
    expect(recorded.some((name) => isAbout(name, row))).toBe(true);
  }
});

/** A recording is named `SDK 2.4, newest era (…)`, its row `MCP TypeScript SDK 2.4`. */
function isAbout(recording: string, row: string): boolean {
  const [name = ''] = recording.replace(/^the /, '').split(/,| \(|\n/);
  const bare = name.replace(/ [\d.]+$/, '');
  return row.toLowerCase().includes(bare) && (!bare.startsWith('sdk') || row.toLowerCase().endsWith(name));
}
