/** The lines of the official SDK, and the program that uses one of them. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installed, type Program, run } from './programs.ts';

export interface Sdk {
  readonly name: string;
  /** The newest that it speaks with our server. */
  readonly revision: string;
  readonly api: 'v1' | 'v2';
  readonly folder: string;
  readonly era: 'legacy' | 'auto';
}

export const sdks: readonly Sdk[] = [
  { name: 'SDK 1.11', revision: '2025-03-26', api: 'v1', folder: 'sdk-1.11', era: 'legacy' },
  { name: 'SDK 1.20', revision: '2025-06-18', api: 'v1', folder: 'sdk-1.20', era: 'legacy' },
  { name: 'SDK 1.32', revision: '2025-11-25', api: 'v1', folder: 'sdk-1.32', era: 'legacy' },
  {
    name: 'SDK 2.4',
    revision: '2025-11-25',
    api: 'v2',
    folder: '@modelcontextprotocol/client',
    era: 'legacy',
  },
  { name: 'SDK 2.4', revision: '2026-07-28', api: 'v2', folder: '@modelcontextprotocol/client', era: 'auto' },
];

/** Starts `sdk-client.ts`, which keeps its registration and tokens in its home. */
export async function startSdk(
  { api, folder, era }: Sdk,
  mcpUrl: string,
  home: string,
  ...more: readonly string[]
): Promise<Program> {
  const program = fileURLToPath(new URL('sdk-client.ts', import.meta.url));
  return run(program, [api, installed(folder), era, mcpUrl, join(home, 'session.json'), ...more], { home });
}
