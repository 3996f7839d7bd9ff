/** One request of the soak over a real socket, and everything about its answer that can be judged. */
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http';

export interface Sending {
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent in pieces of 64 KiB, as the other side takes them. */
  readonly body?: Uint8Array;
  /** Chunked instead of counted. */
  readonly isChunked?: boolean;
  /** The client goes away so many ms after the start. */
  readonly abortAfterMs?: number;
  /** Of an aborted request's body only so many bytes are sent. */
  readonly bytesToSend?: number;
  /** Gets the answer as it comes, which is then not collected. */
  readonly onData?: (chunk: Buffer) => void;
}

export interface Received {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly headersAt: number;
  readonly endedAt: number;
  readonly body: Buffer;
  readonly isWhole: boolean;
}

/** `silence`: there was no answer. `left`: the client went away by itself. */
export type Outcome =
  | { readonly kind: 'answer'; readonly received: Received }
  | { readonly kind: 'silence'; readonly endedAt: number; readonly reason: string }
  | { readonly kind: 'left' };

/** A connection may be used again by whoever comes next; those of an instance that ended are given up. */
const agent = new Agent({ keepAlive: true, maxFreeSockets: 64 });

export function closeConnections(): void {
  agent.destroy();
}

export async function send(sending: Sending): Promise<Outcome> {
  return new Promise((resolve) => {
    let hasLeft = false;
    const { body } = sending;
    const counted = body !== undefined &&
      sending.isChunked !== true && { 'content-length': String(body.length) };
    const outgoing = httpRequest(sending.origin + sending.path, {
      agent,
      method: sending.method,
      headers: { ...sending.headers, ...counted },
    });
    const timer =
      sending.abortAfterMs === undefined
        ? undefined
        : setTimeout(() => {
            hasLeft = true;
            outgoing.destroy();
            resolve({ kind: 'left' });
          }, sending.abortAfterMs);
    const settle = (outcome: Outcome): void => {
      clearTimeout(timer);
      resolve(hasLeft ? { kind: 'left' } : outcome);
    };
    outgoing.on('error', (error) =>
      settle({ kind: 'silence', endedAt: performance.now(), reason: error.message }),
    );
    outgoing.once('response', (response) => {
      const headersAt = performance.now();
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => {
        if (sending.onData === undefined) chunks.push(chunk);
        else sending.onData(chunk);
      });
      response.on('error', () => undefined);
      response.once('close', () =>
        settle({
          kind: 'answer',
          received: {
            status: response.statusCode ?? 0,
            headers: response.headers,
            headersAt,
            endedAt: performance.now(),
            body: Buffer.concat(chunks),
            isWhole: response.complete,
          },
        }),
      );
    });
    void sendBody(outgoing, sending);
  });
}

async function sendBody(
  outgoing: ReturnType<typeof httpRequest>,
  { body, bytesToSend }: Sending,
): Promise<void> {
  if (body === undefined) return void outgoing.end();
  const end = bytesToSend ?? body.length;
  for (let offset = 0; offset < end && !outgoing.destroyed; offset += 65_536) {
    const piece = body.subarray(offset, Math.min(offset + 65_536, end));
    await new Promise<void>((resolve) => outgoing.write(piece, () => resolve()));
  }
  if (bytesToSend === undefined) outgoing.end();
}
