/**
 * Servers on loopback under the public names of others: who asks through `fetch` here gets them as DNS would give the
 * real ones. Nothing leaves the machine: a name that no one plays is refused, as is any port.
 */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface HostRequest {
  readonly method: string;
  /** As it was asked for, public name included. */
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The parameters of the query or of the form. */
  readonly parameters: URLSearchParams;
}

/** An object is sent as JSON, a string as it is. */
export interface HostAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export type Host = (request: HostRequest) => HostAnswer | Promise<HostAnswer>;

export interface PublicHosts {
  readonly fetch: typeof fetch;
  /** What was asked, in order. */
  readonly calls: readonly HostRequest[];
  close(): Promise<void>;
}

const originHeader = 'x-public-origin';

export async function startPublicHosts(hosts: Readonly<Record<string, Host>>): Promise<PublicHosts> {
  const calls: HostRequest[] = [];
  const server = createServer((request, response) => {
    const answerRequest = async () => {
      const { [originHeader]: origin, ...headers } = request.headers;
      const url = new URL(request.url ?? '/', String(origin));
      const body = await text(request);
      const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
      const parameters = isForm ? new URLSearchParams(body) : url.searchParams;
      const asked = { method: request.method ?? '', url, headers, body, parameters };
      calls.push(asked);
      const answer = (await hosts[url.origin]?.(asked)) ?? { status: 404 };
      const isText = typeof answer.body === 'string' || answer.body === undefined;
      response
        .writeHead(answer.status ?? 200, {
          ...(!isText && { 'content-type': 'application/json; charset=utf-8' }),
          ...answer.headers,
        })
        .end(isText ? answer.body : JSON.stringify(answer.body));
    };
    answerRequest().catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    calls,
    fetch: async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      if (url.hostname === '127.0.0.1') return fetch(url, init);
      if (hosts[url.origin] === undefined) throw new Error(`nobody plays ${url.origin}`);
      const headers = new Headers(init?.headers);
      headers.set(originHeader, url.origin);
      return fetch(`http://127.0.0.1:${port}${url.pathname}${url.search}`, { ...init, headers });
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Follows the address that a browser was sent to, as a person who is signed in there; returns where it leads. */
export async function visit(hosts: PublicHosts, url: URL): Promise<URL> {
  const response = await hosts.fetch(url, { redirect: 'manual', headers: { accept: 'text/html' } });
  const location = response.headers.get('location');
  if (location === null) throw new Error(`${url.host} shows ${response.status}: ${await response.text()}`);
  return new URL(location);
}

/** A page for the person, which leads nowhere: what these providers show for mistakes of the app. */
export function pageOf(status: number, words: string): HostAnswer {
  return { status, headers: { 'content-type': 'text/html; charset=utf-8' }, body: `<h1>${words}</h1>` };
}

export function redirectTo(
  redirectUri: string,
  parameters: Readonly<Record<string, string | undefined>>,
): HostAnswer {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return { status: 302, headers: { location: url.href } };
}
