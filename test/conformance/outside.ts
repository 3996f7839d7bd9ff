/** How these tests reach a server: over the network alone, by an address. */
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as httpRequest,
  type RequestListener,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { decodeJwt, SignJWT } from 'jose';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { Sealer } from '../../src/crypto/sealing.ts';
import { createLogger } from '../../src/http/logging.ts';
import { KeyRing } from '../../src/flows/key-ring.ts';
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

/** Another instance on the same database, with its own clock. */
export async function startAnother(
  { site }: Outside,
  clock: () => Date,
): Promise<Pick<Outside, 'ask'> & { close(): Promise<void> }> {
  const log = createLogger('silent');
  const app = await buildApp(loadConfig(site.environment), { db: site.database.db, clock, log });
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  return { ask: (target, request) => ask(origin, target, request), close: () => app.close() };
}

/** What the MCP server behind the proxy got, and an own one that a test scripts. */
export interface Backend {
  readonly url: string;
  readonly arrived: readonly IncomingMessage[];
  close(): Promise<void>;
}

/** Answers as the listener says; it needs no identity, and remembers who called. */
export async function startBackend(listener: RequestListener): Promise<Backend> {
  const arrived: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    arrived.push(request);
    listener(request, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrived,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * A token signed with the site's own key, as nobody outside can: to show that a good signature alone opens nothing.
 * `changed` replaces claims and header members of a good one; undefined removes one.
 */
export async function signLike(
  { site }: Outside,
  accessToken: string,
  changed: {
    readonly claims?: Readonly<Record<string, unknown>>;
    readonly header?: Readonly<Record<string, unknown>>;
  },
): Promise<string> {
  const sealer = new Sealer([Buffer.from(site.environment.ENCRYPTION_KEY ?? '', 'base64')]);
  const keyRing = new KeyRing({ db: site.database.db, sealer, clock: () => new Date(), alg: 'ES256' });
  const key = await keyRing.signingKey();
  const merged = { ...decodeJwt(accessToken), ...changed.claims };
  const claims = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined));
  const header = { alg: 'ES256', kid: key.kid, typ: 'at+jwt', ...changed.header };
  return new SignJWT(claims)
    .setProtectedHeader(
      Object.fromEntries(Object.entries(header).filter(([, value]) => value !== undefined)) as {
        alg: string;
      },
    )
    .sign(key.privateKey, { crit: { exp: true } });
}
