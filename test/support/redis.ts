/** A real Redis for tests of shared counters: the machine's own program, on a free loopback port. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from './postgres.ts';

export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Whether this machine has Redis; tests that need it are skipped and named otherwise. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

export async function startRedis(): Promise<RedisServer> {
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const child = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] });
  await ready(child);
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

function ready({ stdout }: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = '';
    stdout?.on('data', (chunk) => {
      printed += String(chunk);
      if (printed.includes('Ready to accept connections')) resolve();
    });
    stdout?.on('end', () => reject(new Error(`redis-server ended: ${printed}`)));
  });
}
