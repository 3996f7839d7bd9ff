/** Runs the project's scripts as npm does, and programs as the image does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tsx = pathToFileURL(join(root, 'node_modules', 'tsx', 'dist', 'loader.mjs')).href;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves with all of stdout so far, once it matches. Throws when the program ends first. */
  printed(pattern: RegExp): Promise<string>;
  readonly ended: Promise<Ended>;
  /** Asks it to stop, and waits until it has. */
  stop(): Promise<Ended>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Starts a program with these variables and hardly any others; a `.ts` file through tsx, as `npm run` does. */
export function start(file: string, args: readonly string[], options: RunOptions = {}): Running {
  const path = join(root, file);
  const child = spawn(process.execPath, [...(file.endsWith('.ts') ? ['--import', tsx] : []), path, ...args], {
    // Without anything else in PATH there is no browser to open.
    env: { PATH: dirname(process.execPath), ...options.env },
    cwd: options.cwd ?? root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    async printed(pattern) {
      const found = new Promise<void>((resolve) => {
        const look = () => pattern.test(stdout) && resolve();
        child.stdout.on('data', look);
        look();
      });
      await Promise.race([found, ended]);
      if (!pattern.test(stdout)) throw new Error(`${file} ended without ${pattern}: ${stdout}${stderr}`);
      return stdout;
    },
    async stop() {
      // As Ctrl-C does.
      child.kill('SIGINT');
      return ended;
    },
  };
}

export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return start(file, args, options).ended;
}
