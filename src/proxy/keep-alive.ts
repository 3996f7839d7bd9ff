/** Keeps silent event streams alive: many proxies between client and server give up a connection after a minute of silence. */
import type { Readable } from 'node:stream';
import type { ServerResponse } from 'node:http';
import { EventBoundary } from './event-boundary.ts';
import { isEventStream } from './event-stream.ts';

/**
 * Sends a comment, which every client ignores (HTML Standard, "Server-sent events"), after each `silentMs` without a
 * byte; call it when `body` is being piped to `response`. Never inside an event, never to a reader that does not keep up,
 * and never where bytes are counted or compressed.
 */
export function keepAlive(response: ServerResponse, body: Readable, silentMs: number): void {
  if (silentMs === 0 || !takesComments(response)) return;
  const boundary = new EventBoundary();
  const timer = setTimeout(() => {
    const comment = boundary.comment();
    if (comment !== undefined && !response.writableEnded && !response.writableNeedDrain)
      response.write(comment);
    timer.refresh();
  }, silentMs).unref();
  body.on('data', (chunk: Buffer) => {
    boundary.add(chunk);
    timer.refresh();
  });
  body.once('close', () => clearTimeout(timer));
}

function takesComments(response: ServerResponse): boolean {
  return (
    response.statusCode === 200 &&
    isEventStream(response.getHeader('content-type')) &&
    /^(identity)?$/i.test(String(response.getHeader('content-encoding') ?? '')) &&
    !response.hasHeader('content-length')
  );
}
