/** Processes whose time and memory are measured, with what they have started. Linux tells both in `/proc`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { poll } from '../../support/process.ts';
import { cores, pinned } from './pinning.ts';

export interface MeasuredProcess {
  readonly port: number;
  /** A file with what it has printed. */
  readonly output: string;
  /** By `performance.now()`. */
  readonly startedAt: number;
  /** Processor time used so far, in seconds. */
  cpuSeconds(): number;
  rssMiB(): number;
  stop(): Promise<void>;
}

export interface ProcessToStart {
  readonly command: readonly string[];
  /** Where it will listen, on loopback. */
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** A file for what it prints. */
  readonly output: string;
  /** Default: that of what is measured */
  readonly core?: string;
}

/** Starts it, and waits until it takes connections. @throws Error with what it printed when it ends instead */
export async function startProcess(options: ProcessToStart): Promise<MeasuredProcess> {
  const { port, cwd, output } = options;
  const [command = '', ...args] = pinned(options.core ?? cores.measured, options.command);
  const descriptor = openSync(output, 'a');
  const startedAt = performance.now();
  const env = { PATH: process.env.PATH, ...options.env };
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', descriptor, descriptor] });
  await once(child, 'spawn');
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  await poll(async () => hasEnded() || accepts(port));
  if (hasEnded()) {
    const printed = readFileSync(output, 'utf8').slice(-2000);
    throw new Error(`${options.command.join(' ')} ended: ${printed}`);
  }
  const pids = (): number[] => withDescendants(child.pid ?? 0);
  return {
    port,
    output,
    startedAt,
    cpuSeconds: () => pids().reduce((sum, pid) => sum + cpuSecondsOf(pid), 0),
    rssMiB: () => pids().reduce((sum, pid) => sum + rssMiBOf(pid), 0),
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await exit;
  clearTimeout(timer);
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}

/** The fields of `/proc/PID/stat` after the name, from the state on. */
function statOf(pid: number): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

function withDescendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(statOf(Number(name))[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const collect = (of: number): number[] => [of, ...(children.get(of) ?? []).flatMap(collect)];
  return collect(pid);
}

/** User and system time, in clock ticks of a hundredth of a second as on every Linux of today. */
function cpuSecondsOf(pid: number): number {
  const stat = statOf(pid);
  return (Number(stat[11] ?? 0) + Number(stat[12] ?? 0)) / 100;
}

function rssMiBOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
