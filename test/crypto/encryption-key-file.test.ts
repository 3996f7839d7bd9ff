/** The generated encryption key. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { readOrCreateKeyFile } from '../../src/crypto/encryption-key-file.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'mcp-key-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
});

test('a new key is 32 random bytes that only its owner can read, in a folder that only its owner can open', () => {
  const { key, file, isNew } = readOrCreateKeyFile(join(dataDir, 'new', 'folder'));
  expect(key).toHaveLength(32);
  expect(isNew).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(dataDir, 'new', 'folder')).mode & 0o777).toBe(0o700);
  expect(Buffer.from(key).equals(readOrCreateKeyFile(dataDir).key)).toBe(false);
});

test('the key is read back the next time, and nothing else is left beside it', () => {
  const first = readOrCreateKeyFile(dataDir);
  const second = readOrCreateKeyFile(dataDir);
  expect(second).toEqual({ ...first, isNew: false });
  expect(readdirSync(dataDir)).toEqual(['encryption.key']);
});

test.each(['', 'short', 'x'.repeat(44), Buffer.alloc(31).toString('base64')])(
  'a file with %j is no key: it is named and never overwritten',
  (content) => {
    const file = join(dataDir, 'encryption.key');
    writeFileSync(file, content);
    expect(() => readOrCreateKeyFile(dataDir)).toThrow(file);
    expect(readFileSync(file, 'utf8')).toBe(content);
  },
);

test('a key that cannot be read stops the start, and is not replaced', () => {
  mkdirSync(join(dataDir, 'encryption.key'));
  expect(() => readOrCreateKeyFile(dataDir)).toThrow(/EISDIR/);
  expect(readdirSync(dataDir)).toEqual(['encryption.key']);
});

test('processes that start at once all get the same key', async () => {
  const script = `
    import { readOrCreateKeyFile } from ${JSON.stringify(join(import.meta.dirname, '../../src/crypto/encryption-key-file.ts'))};
    const { key, isNew } = readOrCreateKeyFile(process.argv[1]);
    console.log(Buffer.from(key).toString('hex'), isNew);`;
  const start = async () =>
    promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script, dataDir]);
  const answers = await Promise.all(Array.from({ length: 4 }, start));
  expect(new Set(answers.map(({ stdout }) => stdout.split(' ')[0])).size).toBe(1);
  expect(readdirSync(dataDir)).toEqual(['encryption.key']);
});
