/** What the steps of `npm run try` share: the client, what it remembers, the wire, and the lines. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { TryError } from './explain-failure.ts';
import type { MemoryAuthProvider } from './memory-auth-provider.ts';
import type { Exchange, RecordedFetch } from './recorded-fetch.ts';
import type { Visit } from './visit.ts';

export interface Walk {
  readonly url: URL;
  readonly visit: Visit;
  readonly provider: MemoryAuthProvider;
  readonly wire: RecordedFetch;
  readonly client: Client;
  /** Does one step, and prints its line. */
  step<T>(title: string, work: () => Promise<readonly [told: string, result: T]>): Promise<T>;
  /** What was sent and received, with these fields of the answer. */
  tell(exchange: Exchange, answerFields?: readonly string[]): string;
}

export const tokenFields = ['access_token', 'expires_in', 'refresh_token', 'scope'];

export function createClient(): Client {
  return new Client({ name: 'npm-run-try', version: '1.0.0' });
}

/** Each sign-in and each connection has one of its own, as the SDK wants it. */
export function createTransport({ url, provider, wire }: Pick<Walk, 'url' | 'provider' | 'wire'>) {
  return new StreamableHTTPClientTransport(url, { authProvider: provider, fetch: wire.fetch });
}

export function lastOf({ exchanges }: RecordedFetch): Exchange {
  const last = exchanges.at(-1);
  if (last === undefined) throw new TryError('Nothing was sent.');
  return last;
}
