/** A collector on loopback: takes traces by OTLP over HTTP, and reads the protobuf that they are sent as. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
}

export interface TraceCollector {
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  /** All that arrived, as text: for what must not be in it. */
  readonly bytes: () => string;
  readonly authorizations: readonly (string | undefined)[];
  close(): Promise<void>;
}

export async function startTraceCollector(status = 200): Promise<TraceCollector> {
  const bodies: Buffer[] = [];
  const spans: CollectedSpan[] = [];
  const authorizations: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      bodies.push(body);
      authorizations.push(request.headers.authorization);
      if (request.url === '/v1/traces') spans.push(...readSpans(body));
      response.writeHead(status).end();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    bytes: () => Buffer.concat(bodies).toString('latin1'),
    authorizations,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** ExportTraceServiceRequest.resource_spans (1) . scope_spans (2) . spans (2), opentelemetry-proto 1. */
function readSpans(body: Buffer): readonly CollectedSpan[] {
  return [1, 2, 2]
    .reduce<readonly Buffer[]>((messages, number) => messages.flatMap((one) => fields(one, number)), [body])
    .map((span) => ({
      traceId: fields(span, 1)[0]?.toString('hex') ?? '',
      spanId: fields(span, 2)[0]?.toString('hex') ?? '',
      parentSpanId: fields(span, 4)[0]?.toString('hex') ?? '',
      name: fields(span, 5)[0]?.toString('utf8') ?? '',
    }));
}

/** The length-delimited fields of a message with this number. */
function fields(message: Buffer, number: number): readonly Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message[at] ?? 0;
      at += 1;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const type = key & 7;
    if (type === 0) varint();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else {
      const length = varint();
      if (key >> 3 === number) found.push(message.subarray(at, at + length));
      at += length;
    }
  }
  return found;
}
