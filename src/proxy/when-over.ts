/** When a request is over: answered to the end, or left by its client. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What is still to be called when a connection closes. */
const callbacksOf = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls back once. A response that waits for its turn on a connection (pipelining, RFC 9112 §9.3.2) hears nothing of
 * the connection's end, since Node tells only the one that is being sent: so the connection itself is watched, too.
 */
export function whenOver(response: ServerResponse, callback: () => void): void {
  const { socket } = response.req;
  const callbacks = callbacksOf.get(socket) ?? watch(socket);
  const callOnce = (): void => {
    if (callbacks.delete(callOnce)) callback();
  };
  callbacks.add(callOnce);
  response.once('close', callOnce);
  if (socket.destroyed) callOnce();
}

function watch(socket: Socket): Set<() => void> {
  const callbacks = new Set<() => void>();
  callbacksOf.set(socket, callbacks);
  socket.once('close', () => {
    for (const callback of callbacks) callback();
  });
  return callbacks;
}
