/** Once per run: installs the programs of others, in a folder of their own, and says so when it cannot. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    programs: ProvidedPrograms;
  }
}

export interface ProvidedPrograms {
  /** Why the programs are not there; undefined when they are. */
  readonly missing?: string;
}

const folder = fileURLToPath(new URL('programs', import.meta.url));

/** @throws Error in CI, where a run without the suites must not look like a good one */
export default async function setup(project: TestProject): Promise<void> {
  const missing = await install().then(
    () => undefined,
    (error: unknown) => `npm ci --prefix test/suites/programs failed: ${reasonOf(error)}`,
  );
  if (missing !== undefined && process.env.CI !== undefined) throw new Error(missing);
  project.provide('programs', missing === undefined ? {} : { missing });
}

/** Nothing that is installed runs at installation. What is there already, whole and of this lock file, stays. */
async function install(): Promise<void> {
  const lock = await readFile(join(folder, 'package-lock.json'));
  const version = createHash('sha256').update(lock).digest('hex');
  const marker = join(folder, 'node_modules', '.installed');
  const installed = await readFile(marker, 'utf8').catch(() => undefined);
  if (installed === version) return;
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await promisify(execFile)('npm', ['ci', '--prefix', folder, ...options], { timeout: 240_000 });
  await writeFile(marker, version);
}

/** npm's first line names the code: `npm error code ENOTFOUND`. */
function reasonOf(error: unknown): string {
  const { stderr = '', message } = error as { readonly stderr?: string; readonly message: string };
  return (stderr.trim() || message).split('\n', 1).join('');
}
