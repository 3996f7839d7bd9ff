/** What the numbers were measured on. */
import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem, type as systemName } from 'node:os';

export interface Machine {
  readonly measuredAt: string;
  /** Of the program that runs what is measured: `v26.1.0`. */
  readonly node: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
}

export function describeMachine(node: string): Machine {
  const processors = cpus();
  return {
    measuredAt: new Date().toISOString().slice(0, 10),
    node: execFileSync(node, ['--version'], { encoding: 'utf8' }).trim(),
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${systemName()} ${release().replace(/[^\d.].*$/, '')}`,
  };
}

export function machineLine({ measuredAt, node, processor, cores, memoryGiB, system }: Machine): string {
  return `${measuredAt}, Node ${node.slice(1)}, ${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}`;
}
