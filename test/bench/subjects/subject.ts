/** What is measured: something that stands between the load and the MCP server, or the MCP server itself. */
import { join } from 'node:path';
import { freePort } from '../../support/process.ts';
import { type MeasuredProcess, startProcess } from '../support/measured-process.ts';
import type { TokenKind, World } from '../support/world.ts';

export interface Subject {
  /** For `--only`. */
  readonly name: string;
  readonly label: string;
  readonly tokens: TokenKind;
  /** Whether it answers 401 to what is no token: then that is tried before anything is measured. */
  readonly isChecking: boolean;
  /** Why it cannot run here. */
  readonly missing?: string | undefined;
  start(world: World): Promise<MeasuredProcess>;
}

/** No proxy at all: what the load generator and the MCP server take by themselves. */
export const direct: Subject = {
  name: 'direct',
  label: 'No proxy: the back end itself',
  tokens: 'ES256',
  isChecking: false,
  start: async ({ backend }) => ({ ...backend, stop: async () => undefined }),
};

interface Program {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a program that is given a free port. */
export async function startAt(
  { folder }: World,
  name: string,
  program: (port: number) => Program,
): Promise<MeasuredProcess> {
  const port = await freePort();
  return startProcess({ ...program(port), port, cwd: folder, output: join(folder, `${name}.log`) });
}
