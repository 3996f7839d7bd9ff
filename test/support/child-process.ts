/** Runs a TypeScript program of the tests as a real process, and talks to it by lines. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Child {
  /** The next line that it prints. Throws, with what it wrote to stderr, when it ends first. */
  line(): Promise<string>;
  say(line: string): void;
  /** Sends a signal; with SIGKILL, resolves when the process is gone. */
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
}

export function startChild(script: URL, ...args: readonly string[]): Child {
  const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(script), ...args]);
  const exit = once(child, 'exit');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  let errors = '';
  child.stderr.on('data', (data) => (errors += String(data)));
  child.stdin.on('error', () => undefined);
  return {
    async line() {
      const { done, value } = await lines.next();
      if (done === true) throw new Error(`The process ended. ${errors}`);
      return value;
    },
    say: (line) => void child.stdin.write(`${line}\n`),
    async signal(name) {
      child.kill(name);
      if (name === 'SIGKILL') await exit;
    },
  };
}
