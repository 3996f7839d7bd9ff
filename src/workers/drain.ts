/** How a worker leaves while others listen in its place: nobody who connects to it is turned away. */
import type { Worker } from 'node:cluster';
import { subscribe } from 'node:diagnostics_channel';
import type { Server, ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';

/** Clients that keep a connection, and use it once in this time, leave it without noticing. */
const lastAnswersMs = 2_000;
/** For requests that are on their way on connections that were just made. */
const arrivalMs = 1_000;

/**
 * First each answer closes its connection (RFC 9112 §9.6), so that the next request goes to another worker; then
 * nothing more is accepted, on any port. Resolves when it is time to close what is left.
 * @param server the one that has been there from the start; others are known by their requests
 * @param signal aborted when there is no time for that
 */
export async function drain(worker: Worker, server: Server, signal: AbortSignal): Promise<void> {
  keepNewConnections(server);
  subscribe('http.server.request.start', (message) => {
    const { response, server } = message as { response: ServerResponse; server: Server };
    response.shouldKeepAlive = false;
    keepNewConnections(server);
  });
  await pause(lastAnswersMs, signal);
  if (signal.aborted) return;
  // Closes all listeners of this process; who waits to be accepted is accepted by another. The channel to the primary
  // ends with the last connection.
  worker.disconnect();
  await pause(arrivalMs, signal);
  // Those that were kept and not used meanwhile: a request on them would be refused from here on.
  Reflect.deleteProperty(server, 'closeIdleConnections');
  server.closeIdleConnections();
}

/** Node 26 closes also those on which no request has come yet, when it closes a server. */
function keepNewConnections(server: Server): void {
  server.closeIdleConnections = () => undefined;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => undefined);
}
