/** When a request is over: answered to the end, or left by its client. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

type Callback = (response: ServerResponse) => void;

const callbacks = Symbol('what is to be called when a response is over');
const unfinished = Symbol('responses on a connection that are not over');

interface Watched extends ServerResponse {
  /** Undefined: nobody has asked. Null: it is over. */
  [callbacks]?: Callback[] | null;
}
interface WatchedSocket extends Socket {
  [unfinished]?: Watched[];
}

/**
 * Calls back once. A response that waits for its turn on a connection (pipelining, RFC 9112 §9.3.2) hears nothing of
 * the connection's end, since Node tells only the one that is being sent: so the connection itself is watched, too.
 *
 * Called for every request: a function that is the same for all, and finds what it needs by the response, leaves less
 * to be collected than one made for each.
 */
export function whenOver(response: Watched, callback: Callback): void {
  const known = response[callbacks];
  if (known === null) return callback(response);
  if (known !== undefined) return void known.push(callback);
  response[callbacks] = [callback];
  const socket: WatchedSocket = response.req.socket;
  (socket[unfinished] ?? watch(socket)).push(response);
  response.once('close', endOfResponse);
  if (socket.destroyed) end(response);
}

/** An array: there is rarely more than one, and a `Set` would keep what is over alive for longer (see DenseSet). */
function watch(socket: WatchedSocket): Watched[] {
  const responses: Watched[] = [];
  socket[unfinished] = responses;
  socket.once('close', () => {
    for (let next = responses.shift(); next !== undefined; next = responses.shift()) end(next);
  });
  return responses;
}

function endOfResponse(this: Watched): void {
  end(this);
}

function end(response: Watched): void {
  const waiting = response[callbacks];
  if (!waiting) return;
  response[callbacks] = null;
  const responses = (response.req.socket as WatchedSocket | null)?.[unfinished] ?? [];
  const at = responses.indexOf(response);
  if (at === responses.length - 1) responses.pop();
  else if (at >= 0) responses.splice(at, 1);
  for (const callback of waiting) callback(response);
}
