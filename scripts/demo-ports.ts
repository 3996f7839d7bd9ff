/** Ports for a demo: the wanted ones where they are free, so that addresses stay the same from run to run. */
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** `wanted`, or any free port when it is taken on one of localhost's addresses. */
export async function freeLocalPort(wanted: number): Promise<number> {
  const addresses = await lookup('localhost', { all: true });
  let port = wanted;
  for (const { address } of addresses) {
    const found = await tryPort(port, address);
    if (found === 'taken') return freeLocalPort(0);
    port = found;
  }
  return port;
}

/** The port, chosen by the system when it is 0. */
async function tryPort(port: number, host: string): Promise<number | 'taken'> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    if (isTaken(error)) return 'taken';
    // An address that this machine does not have, such as that of IPv6.
    return port;
  }
  const found = (server.address() as AddressInfo).port;
  server.close();
  await once(server, 'close');
  return found;
}

/** Starts something on a port, or on any free one when that is taken. */
export async function startOnPort<T>(wanted: number, start: (port: number) => Promise<T>): Promise<T> {
  try {
    return await start(wanted);
  } catch (error) {
    if (!isTaken(error)) throw error;
    return await start(0);
  }
}

/** In use, or not for this user: then another one will do. */
function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(EADDRINUSE|EACCES)$/.test(String(error.code));
}
