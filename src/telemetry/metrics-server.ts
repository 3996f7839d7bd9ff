/** Serves `/metrics` on a port of its own, with nothing else on it: what it tells is not for clients. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Registry } from 'prom-client';

/** What there is to tell: the metrics of this process, or of several. */
export type MetricsSource = Pick<Registry, 'contentType' | 'metrics'>;

/** Returns what stops it, and where it listens. */
export async function serveMetrics(
  source: MetricsSource,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((request, response) => {
    request.resume();
    if (request.url?.split('?', 1)[0] !== '/metrics') {
      response.writeHead(404).end();
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
    } else {
      source.metrics().then(
        (text) => response.writeHead(200, { 'content-type': source.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    }
  });
  server.listen({ host, port });
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
