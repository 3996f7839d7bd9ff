/** The programs of the benchmarks: those of this folder, compiled as the server is, and those that are installed. */
import { execFile, execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../..', import.meta.url));

export const serverProgram = join(root, 'dist', 'server.js');

export interface CompiledPrograms {
  path(name: string): string;
  remove(): Promise<void>;
}

/** Compiles them to a folder inside the project, where their dependencies are found. */
export async function compilePrograms(): Promise<CompiledPrograms> {
  await mkdir(join(root, 'test-artefacts'), { recursive: true });
  const folder = await mkdtemp(join(root, 'test-artefacts', 'bench-'));
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const project = join(root, 'test', 'bench', 'programs', 'tsconfig.json');
  const options = ['-p', project, '--noCheck', '--outDir', folder];
  await promisify(execFile)(process.execPath, [compiler, ...options], { cwd: root });
  return {
    path: (name) => join(folder, `${name}.js`),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Where a program is. Undefined: it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What a program says of its version: `2.6.12`. */
export function versionOf(path: string): string {
  const script = '"$0" -v 2>&1 || true';
  const text = execFileSync('/bin/sh', ['-c', script, path], { encoding: 'utf8' });
  return /\d+\.\d+(?:\.\d+)?/.exec(text)?.[0] ?? 'unknown';
}
