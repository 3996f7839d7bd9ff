/** Forwards TCP connections on loopback, to another place from one moment to the next, or to nowhere. For tests. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Forwarder {
  readonly port: number;
  /** Cuts all connections; new ones go there. Undefined: they are refused. */
  setTarget(port: number | undefined): void;
  /** Nothing passes any more, in either direction, and nobody is told: as when a network swallows packets. */
  freeze(): void;
  /** What was sent meanwhile arrives, late. */
  thaw(): void;
  close(): Promise<void>;
}

export async function startForwarder(port: number): Promise<Forwarder> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const held = new Set<Socket>();
  let target: number | undefined = port;
  let isFrozen = false;

  const server = createServer((near) => {
    near.on('error', () => undefined);
    if (isFrozen) held.add(near);
    else forward(near);
  });

  function forward(near: Socket): void {
    if (target === undefined) {
      near.destroy();
      return;
    }
    const far = connect(target, '127.0.0.1').on('error', () => near.destroy());
    const pair = [near, far] as const;
    pairs.add(pair);
    far.on('close', () => {
      pairs.delete(pair);
      if (!isFrozen) near.destroy();
    });
    near.on('close', () => far.destroy());
    near.pipe(far).pipe(near);
  }

  function cut(): void {
    for (const socket of [...pairs].flat()) socket.destroy();
    for (const socket of held) socket.destroy();
    pairs.clear();
    held.clear();
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    setTarget(next) {
      target = next;
      cut();
    },
    freeze() {
      isFrozen = true;
      for (const [near, far] of pairs) {
        near.unpipe().pause();
        far.unpipe().pause();
      }
    },
    thaw() {
      isFrozen = false;
      for (const [near, far] of pairs) near.pipe(far).pipe(near);
      for (const near of held) forward(near);
      held.clear();
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}

/** The same database, by way of a forwarder. */
export function dsnThrough(dsn: string, { port }: Pick<Forwarder, 'port'>): string {
  const url = new URL(dsn);
  url.port = String(port);
  return url.href;
}
