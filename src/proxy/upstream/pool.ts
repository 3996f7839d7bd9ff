/** The connections to one server: kept while they are of use, and never more than may be open. */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Connection } from './connection.ts';

export interface PoolOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly origin: string;
  /** How long a connection may take to be made, with TLS. */
  readonly connectTimeoutMs: number;
  readonly maxConnections: number;
}

const sweepMs = 1_000;
/** A machine that vanished says nothing: the kernel asks, so that streams that are silent for hours are found dead. */
const keepAliveProbeMs = 60_000;

export class Pool {
  readonly #options: PoolOptions;
  readonly #connect: Connect;
  /** The one that was used last is used next, so that those of a busier time can go. */
  readonly #idle: Connection[] = [];
  readonly #open = new Set<Connection>();
  readonly #sweeper: NodeJS.Timeout;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#connect = connector(options.origin);
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs).unref();
  }

  get size(): number {
    return this.#open.size;
  }

  /** A connection of one's own until its answer is over. Undefined: as many as may be open are in use. */
  take(): Connection | undefined {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.isUsable && performance.now() - idle.idleSince < idle.maxIdleMs) return idle;
      this.#drop(idle);
    }
    return this.#open.size < this.#options.maxConnections && !this.#isClosed ? this.#add() : undefined;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#sweeper);
    for (const connection of this.#open) connection.destroy();
  }

  #add(): Connection {
    let connection: Connection;
    const socket = this.#connect((bytes) => connection.read(bytes));
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveProbeMs);
    const patience = setTimeout(() => {
      socket.destroy(Object.assign(new Error('connecting takes too long'), { code: 'ETIMEDOUT' }));
    }, this.#options.connectTimeoutMs);
    const settle = (): void => clearTimeout(patience);
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', settle).once('close', settle);
    connection = new Connection(socket, {
      free: (free) => {
        free.idleSince = performance.now();
        this.#idle.push(free);
      },
      gone: (gone) => this.#forget(gone),
    });
    this.#open.add(connection);
    return connection;
  }

  #drop(connection: Connection): void {
    this.#forget(connection);
    connection.destroy();
  }

  #forget(connection: Connection): void {
    this.#open.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  #sweep(): void {
    const now = performance.now();
    for (const idle of this.#idle.filter((one) => now - one.idleSince >= one.maxIdleMs)) this.#drop(idle);
  }
}

type Connect = (onBytes: (bytes: Buffer) => void) => Socket;

/**
 * What is read on plain connections lands here, and is used before the next is read. Windows reads ahead into it
 * (overlapped I/O), so there each read has memory of its own.
 */
const landing = process.platform === 'win32' ? undefined : Buffer.allocUnsafeSlow(65_536);

function connector(origin: string): Connect {
  const { protocol, hostname, port } = new URL(origin);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (protocol === 'https:') {
    const address = { host, port: Number(port || 443), ALPNProtocols: ['http/1.1'] };
    const named = isIP(host) === 0 ? { ...address, servername: host } : address;
    return (onBytes) => connectTls(named).on('data', onBytes);
  }
  const address = { host, port: Number(port || 80) };
  if (landing === undefined) return (onBytes) => connectTcp(address).on('data', onBytes);
  return (onBytes) =>
    connectTcp({
      ...address,
      onread: {
        buffer: landing,
        callback: (length) => {
          onBytes(landing.subarray(0, length));
          return true;
        },
      },
    });
}
