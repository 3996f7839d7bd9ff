/**
 * A web server under a made-up public name, with a certificate of its own: it publishes client metadata documents and
 * keys. It listens on loopback; the server under test is told that the name leads there, and that it may go there.
 */
import { once } from 'node:events';
import type { IncomingHttpHeaders, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Overrides } from '../../src/services.ts';
import { type Certificate, createCertificate } from './tls.ts';

/** What is published at a path: JSON, or whatever a listener does. */
export type Published = RequestListener | Readonly<Record<string, unknown>>;

export interface DocumentHost {
  readonly hostname: string;
  readonly port: number;
  /** The URL of a path, under the made-up name. */
  url(path: string): string;
  /** Publishes at a path; undefined takes it away. */
  publish(path: string, published: Published | undefined): void;
  /** Every request that arrived, in order. */
  readonly requests: readonly { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  /** From now on connections are cut. */
  setAway(isAway: boolean): void;
  /** For the server under test: finds this host, and trusts its certificate. */
  readonly outbound: NonNullable<Overrides['outbound']>;
  close(): Promise<void>;
}

export interface DocumentHostOptions {
  readonly hostname?: string;
  readonly address?: string;
  readonly port?: number;
  readonly certificate?: Certificate;
}

export async function startDocumentHost(options: DocumentHostOptions = {}): Promise<DocumentHost> {
  const { hostname = 'app.example', address = '127.0.0.1' } = options;
  const certificate = options.certificate ?? createCertificate([hostname]);
  const published = new Map<string, Published>();
  const requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];
  let isAway = false;
  const server = createServer(certificate, (request, response) => {
    const path = request.url ?? '';
    requests.push({ path, headers: request.headers });
    const found = published.get(path);
    if (typeof found === 'function') return found(request, response);
    if (found === undefined) return response.writeHead(404).end();
    return sendJson(response, found);
  });
  server.on('connection', (socket) => {
    if (isAway) socket.destroy();
  });
  server.on('tlsClientError', () => undefined);
  await once(server.listen(options.port ?? 0, address), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    hostname,
    port,
    url: (path) => `https://${hostname}:${port}${path}`,
    publish(path, document) {
      if (document === undefined) published.delete(path);
      else published.set(path, document);
    },
    requests,
    setAway(value) {
      isAway = value;
      if (value) server.closeAllConnections();
    },
    outbound: {
      ca: certificate.cert,
      resolveHost: async (name) => {
        if (name !== hostname) throw new Error(`${name} is not known`);
        return [address];
      },
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function sendJson(
  response: ServerResponse,
  document: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(document));
}

/** What a server under test has to permit to reach a host on loopback. */
export const loopbackPermitted = {
  enabled: true,
  allowedHosts: [],
  deniedHosts: [],
  allowedNetworks: ['127.0.0.1'],
};
