/** Which answers are event streams (HTML Standard, "Server-sent events"). */
export function isEventStream(contentType: unknown): boolean {
  return /^text\/event-stream\s*(;|$)/i.test(String(contentType));
}
