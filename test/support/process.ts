/** The server as operators run it: compiled, in a process of its own, with nothing but environment variables. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface CompiledServer {
  readonly file: string;
  remove(): Promise<void>;
}

/** Compiles `src` to a folder of its own inside the project, where its migrations and dependencies are found. */
export async function compileServer(): Promise<CompiledServer> {
  await mkdir(join(root, 'test-artefacts'), { recursive: true });
  const folder = await mkdtemp(join(root, 'test-artefacts', 'server-'));
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = ['-p', join(root, 'tsconfig.build.json'), '--noCheck', '--outDir', folder];
  await promisify(execFile)(process.execPath, [compiler, ...options], { cwd: root });
  return { file: join(folder, 'server.js'), remove: () => rm(folder, { recursive: true, force: true }) };
}

export type ServerEnvironment = Readonly<Record<string, string>>;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ServerProcess {
  readonly pid: number;
  /** Where it runs: a `.env` file there is read. */
  readonly directory: string;
  /** What it has written so far. */
  stdout(): string;
  /** Resolves when it has ended, whatever the reason. */
  readonly exit: Promise<Exit>;
  signal(name: NodeJS.Signals): void;
  /** Ends it at once, as the kernel does when memory runs out, and waits until it is gone. */
  kill(): Promise<Exit>;
}

/**
 * Starts the program with these variables and no others, in a directory that has nothing but `.env`, if that is given.
 * Does not wait for it.
 */
export async function spawnServer(
  file: string,
  environment: ServerEnvironment,
  dotEnv?: string,
): Promise<ServerProcess> {
  const cwd = await mkdtemp(join(tmpdir(), 'mcp-cwd-'));
  if (dotEnv !== undefined) await writeFile(join(cwd, '.env'), dotEnv);
  const env = { PATH: process.env.PATH, ...environment };
  const child = spawn(process.execPath, [file], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exit = ended(child).then(async ([code, signal]) => {
    await rm(cwd, { recursive: true, force: true });
    return { code, signal, stdout, stderr };
  });
  return {
    pid: child.pid ?? 0,
    directory: cwd,
    stdout: () => stdout,
    exit,
    signal: (name) => void child.kill(name),
    async kill() {
      child.kill('SIGKILL');
      return exit;
    },
  };
}

/** After `close` nothing more is written. */
async function ended(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return [code, signal];
}

/**
 * Starts the program and waits until it answers at `BASE_URL`.
 * @throws Error with what it wrote when it ends instead
 */
export async function startServer(
  file: string,
  environment: ServerEnvironment,
  dotEnv?: string,
): Promise<ServerProcess> {
  const server = await spawnServer(file, environment, dotEnv);
  const controller = new AbortController();
  const failed = server.exit.then(({ code, stderr }) => {
    throw new Error(`the server ended with ${code}: ${stderr}`);
  });
  const ready = poll(async () => (await fetch(`${environment.BASE_URL}/health`)).ok, controller.signal);
  try {
    await Promise.race([ready, failed]);
  } finally {
    controller.abort();
    failed.catch(() => undefined);
    ready.catch(() => undefined);
  }
  return server;
}

/**
 * Asks again and again until the answer is true; an exception counts as false.
 * @throws Error after `timeoutMs`, or when `signal` aborts
 */
export async function poll(
  isTrue: () => Promise<boolean>,
  signal?: AbortSignal,
  timeoutMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await isTrue().catch(() => false))) {
    signal?.throwIfAborted();
    if (performance.now() > deadline) throw new Error(`it did not become true within ${timeoutMs} ms`);
    await setTimeout(15);
  }
}

/** A port that is free now, below those that the kernel gives to outgoing connections. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
