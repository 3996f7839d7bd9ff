/** The processes of the soak: instances of the proxy, and the back end. All of them can be stopped and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { poll } from '../support/process.ts';
import type { BackendLine } from './soak-backend.ts';

export interface InstanceOptions {
  readonly node: string;
  /** The compiled server. */
  readonly file: string;
  readonly origin: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly logFile: string;
  /** It ended, and nobody had told it to. */
  readonly onCrash: (what: string) => void;
}

export class InstanceProcess {
  readonly #options: InstanceOptions;
  #child: ChildProcess | undefined;
  #isWanted = false;

  constructor(options: InstanceOptions) {
    this.#options = options;
  }

  /** Returns when it serves. */
  async start(): Promise<void> {
    const { node, file, environment, logFile, cwd, origin, onCrash } = this.#options;
    const log = openSync(logFile, 'a');
    const env = { PATH: process.env.PATH, NODE_ENV: 'production', ...environment };
    const child = spawn(node, [file], { cwd, env, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#child = child;
    this.#isWanted = true;
    const hasEnded = new AbortController();
    child.once('exit', (code, signal) => {
      hasEnded.abort();
      if (this.#isWanted) onCrash(`it ended by itself with ${code ?? signal}: ${lastWords(logFile)}`);
    });
    const isReady = async () => (await fetch(`${origin}/health/ready`)).ok;
    await poll(isReady, hasEnded.signal).catch((cause: unknown) => {
      throw new Error(`an instance does not get ready: ${lastWords(logFile)}`, { cause });
    });
  }

  /** Tells it to stop, and returns when it has: its exit code. */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    this.#isWanted = false;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
    const exit = once(child, 'exit');
    child.kill(signal);
    const [code] = (await exit) as [number | null];
    return code;
  }

  /** Memory in RAM of the process and those that it has started, in KiB. Undefined where the kernel does not tell. */
  residentKib(): number | undefined {
    return this.#child?.pid === undefined ? undefined : residentKib(this.#child.pid);
  }
}

/** What it wrote last that is no line of the log. */
function lastWords(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trim().split('\n');
  return lines
    .filter((line) => !line.startsWith('{"'))
    .slice(-45)
    .join('\n');
}

function residentKib(pid: number): number | undefined {
  try {
    const own = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    return children.reduce((sum, child) => sum + (residentKib(Number(child)) ?? 0), Number(own));
  } catch {
    return undefined;
  }
}

const backendProgram = fileURLToPath(new URL('soak-backend.ts', import.meta.url));

export class BackendProcess {
  readonly #port: number;
  readonly #onLine: (line: BackendLine) => void;
  #child: ChildProcess | undefined;

  constructor(port: number, onLine: (line: BackendLine) => void) {
    this.#port = port;
    this.#onLine = onLine;
  }

  /** Returns when it listens. */
  async start(): Promise<void> {
    const args = ['--import', 'tsx', backendProgram, String(this.#port)];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    child.stdin.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error('the back end ended')));
      createInterface(child.stdout).on('line', (text) => {
        const line = JSON.parse(text) as BackendLine;
        if ('ready' in line) resolve();
        else this.#onLine(line);
      });
    });
  }

  /** At once, and returns when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  /** Makes it print how many requests are open. */
  askOpen(): void {
    this.#child?.stdin?.write('open\n');
  }
}
