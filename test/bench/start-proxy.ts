/** The proxy as a process of its own, as it runs in production, held on one core. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { freePort, poll } from '../support/process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const taskset = '/usr/bin/taskset';
const serverFile = fileURLToPath(new URL('../../dist/server.js', import.meta.url));

export interface ProxyEnvironment extends Readonly<Record<string, string>> {
  readonly BASE_URL: string;
}

export interface RunningProxy {
  readonly pid: number;
  /** Where this process listens. */
  readonly origin: string;
  /** From the start of the process to its first answer at `/health/ready`, in ms. */
  readonly readyAfterMs: number;
  /** Lets it finish what it does. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** The variables of a proxy in front of `mcpServerUrl`. No provider has to be reached, and no limit is in the way. */
export async function proxyEnvironment(
  mcpServerUrl: string,
  database: Readonly<Record<string, string>>,
): Promise<ProxyEnvironment> {
  const port = await freePort();
  return {
    BASE_URL: `http://127.0.0.1:${port}`,
    HOST: '127.0.0.1',
    PORT: String(port),
    MCP_SERVER_URL: mcpServerUrl,
    GITHUB_CLIENT_ID: 'bench',
    GITHUB_CLIENT_SECRET: 'bench-secret',
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    RATE_LIMIT_MAX: '1000000',
    MCP_RATE_LIMIT_MAX: '100000000',
    ...database,
  };
}

/**
 * @param cores `one`: it may use one core, the first
 * @throws Error with what the proxy wrote when it does not get ready
 */
export async function startProxy(
  node: string,
  environment: ProxyEnvironment,
  cores: 'one' | 'all' = 'one',
): Promise<RunningProxy> {
  const [program, ...args] = [...(cores === 'one' ? pinnedTo(0) : []), node, serverFile] as const;
  const startedAt = performance.now();
  const child = spawn(program, args, {
    cwd: root,
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const hasEnded = new AbortController();
  child.once('exit', () => hasEnded.abort());
  const { BASE_URL, PORT } = environment;
  const origin = PORT === undefined ? BASE_URL : `http://127.0.0.1:${PORT}`;
  const isReady = async () => (await fetch(`${origin}/health/ready`)).ok;
  await poll(isReady, hasEnded.signal).catch((cause: unknown) => {
    child.kill('SIGKILL');
    throw new Error(`The proxy does not get ready: ${errors}`, { cause });
  });
  return {
    pid: child.pid ?? 0,
    origin,
    readyAfterMs: performance.now() - startedAt,
    stop: () => end(child, 'SIGTERM'),
    kill: () => end(child, 'SIGKILL'),
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

/** Words before a command that hold it on one core; none where there is no `taskset`. */
export function pinnedTo(core: number): readonly string[] {
  return existsSync(taskset) ? [taskset, '-c', String(core)] : [];
}

/** Holds this process on one core, with what it starts from now on. Returns what sets it free again. */
export function pinThisProcess(core: number): () => void {
  if (!existsSync(taskset)) return () => undefined;
  const move = (cores: string) =>
    void execFileSync(taskset, ['-a', '-p', '-c', cores, String(process.pid)], { stdio: 'ignore' });
  move(String(core));
  return () => move(`0-${cpus().length - 1}`);
}

/** Memory of a process that is in RAM, in KiB. Undefined where the kernel does not tell. */
export function residentKib(pid: number): number | undefined {
  return existsSync(`/proc/${pid}/status`) ? readKib(readFileSync(`/proc/${pid}/status`, 'utf8')) : undefined;
}

function readKib(status: string): number | undefined {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return found === undefined ? undefined : Number(found);
}
