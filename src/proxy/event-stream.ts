/** Which answers are event streams (HTML Standard, "Server-sent events"). */
import type { ServerResponse } from 'node:http';

/** Those that are known to be one though Node does not keep their headers. */
const eventStreams = new WeakSet<ServerResponse>();

export function isEventStream(contentType: unknown): boolean {
  return /^text\/event-stream\s*(;|$)/i.test(String(contentType));
}

/** Says so of an answer whose headers were sent without being set one by one. */
export function markEventStream(response: ServerResponse): void {
  eventStreams.add(response);
}

/** A GET's event stream: an offer of messages that has no end of its own. */
export function isStandingStream(response: ServerResponse): boolean {
  return (
    response.req.method === 'GET' &&
    (eventStreams.has(response) || isEventStream(response.getHeader('content-type')))
  );
}
