/** One processor core for what is measured, another one for everything around it. */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { findProgram } from './programs.ts';

const taskset = cpus().length > 1 ? findProgram('taskset') : undefined;

/** Where what is measured runs, and where the rest does. */
export const cores = { measured: '0', others: '1' } as const;

export const pinningNote =
  taskset === undefined
    ? 'Everything shared all cores: there is one core only, or no `taskset`. Ratios are then of little use.'
    : 'What is measured ran on one core; the load generator, the back end and PostgreSQL on another.';

/** The command that runs another one on a core; the same command where that cannot be said. */
export function pinned(core: string, command: readonly string[]): readonly string[] {
  return taskset === undefined ? command : [taskset, '-c', core, ...command];
}

/** Moves this process, and with it what it starts from now on. Returns a function that sets it free again. */
export function pinThisProcess(core: string): () => void {
  if (taskset === undefined) return () => undefined;
  const move = (to: string): void =>
    void execFileSync(taskset, ['-acp', to, String(process.pid)], { stdio: 'ignore' });
  move(core);
  return () => move(`0-${cpus().length - 1}`);
}
