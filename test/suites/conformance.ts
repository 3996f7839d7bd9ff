/** The public MCP conformance runner, and what it found. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installed, newHome, type Program, run } from './programs.ts';

interface Check {
  readonly id: string;
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
  readonly errorMessage?: string;
}

/** By scenario. */
export type Checks = ReadonlyMap<string, readonly Check[]>;

export interface ConformanceRun extends Program {
  /** Waits for the end, and reads every check. */
  checks(): Promise<Checks>;
}

/** Starts `conformance <command> --<option> <value> …`. */
export async function runConformance(
  command: 'authorization' | 'server',
  options: Readonly<Record<string, string>>,
): Promise<ConformanceRun> {
  const home = await newHome();
  const results = join(home, 'results');
  const file = installed('@modelcontextprotocol/conformance/dist/index.js');
  const args = Object.entries({ ...options, 'output-dir': results }).flatMap(([name, value]) => [
    `--${name}`,
    value,
  ]);
  const program = await run(file, [command, ...args], { home });
  return {
    ...program,
    async checks() {
      await program.exit;
      const folders = await readdir(results).catch(() => {
        throw new Error(`the runner left no results, but said:\n${program.output()}`);
      });
      const read = folders.sort().map(async (folder) => {
        const text = await readFile(join(results, folder, 'checks.json'), 'utf8');
        return [scenarioOf(folder), JSON.parse(text) as Check[]] as const;
      });
      return new Map(await Promise.all(read));
    },
  };
}

/** Folders are named `<kind of server>-<scenario>-<time>`. */
function scenarioOf(folder: string): string {
  return folder.replace(/^(authorization-server|server)-/, '').replace(/-\d{4}-\d{2}-\d{2}T.*$/, '');
}

/** `id STATUS` of each check, by scenario; what is wrong comes with its reason. */
export function verdicts(checks: Checks): Record<string, string[]> {
  const lines = [...checks].map(([scenario, found]) => [
    scenario,
    found.map(({ id, status, errorMessage }) =>
      status === 'FAILURE' ? `${id} ${status}: ${errorMessage ?? ''}` : `${id} ${status}`,
    ),
  ]);
  return Object.fromEntries(lines) as Record<string, string[]>;
}
