/** How these tests reach a server: over the network alone, by an address. */
import { once } from 'node:events';
import { type IncomingMessage, type OutgoingHttpHeaders, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Answer, TestApp } from '../support/app.ts';
import { type DatabaseKind, databaseKinds } from '../support/database.ts';
import { type Site, type SiteOptions, startSite } from '../support/instances.ts';
import { remote } from '../journeys/remote.ts';

/** A public name, for what only holds there. Nothing looks it up: requests go to where the site listens. */
export const publicUrl = 'https://mcp.example.com';

export interface Outside {
  readonly site: Site;
  /** The issuer. */
  readonly issuer: string;
  /** For the verbs of `test/support/authorize.ts`. */
  readonly proxy: TestApp;
  /** Sends exactly what is said, to one instance: `target` may be a whole URL, as to a proxy (RFC 9112 §3.2.2). */
  ask(target: string, request?: AskOptions): Promise<Answer>;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

/** A site on PostgreSQL where there is one; `isPublic` gives it the public https name. */
export async function openSite(
  options: SiteOptions & { readonly isPublic?: boolean; readonly kind?: DatabaseKind } = {},
): Promise<Outside> {
  const { isPublic = false, kind = databaseKinds[0] ?? 'embedded', ...rest } = options;
  const site = await startSite(kind, {
    ...rest,
    ...(isPublic && {
      environment: { BASE_URL: publicUrl, ...rest.environment },
      provider: { redirectUris: [`${publicUrl}/callback`], ...rest.provider },
    }),
  });
  const { front, instances } = site;
  return {
    site,
    issuer: isPublic ? publicUrl : front.origin,
    proxy: remote(front.origin),
    ask: (target, request) => ask(instances[0]?.origin ?? '', target, request),
  };
}

async function ask(
  origin: string,
  target: string,
  { method = 'GET', headers, body }: AskOptions = {},
): Promise<Answer> {
  const { hostname, port } = new URL(origin);
  const outgoing = httpRequest({
    hostname,
    port,
    path: target,
    method,
    agent: false,
    headers: headers ?? {},
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const received = await text(response);
  return {
    statusCode: response.statusCode ?? 0,
    headers: response.headers,
    body: received,
    json: () => JSON.parse(received) as unknown,
  } as Answer;
}
