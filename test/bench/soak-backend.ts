/**
 * The MCP server of the soak, as a process that can be killed: `soak-backend.ts PORT`.
 *
 * It prints a JSON line for each request as it arrives ({@link Arrival}), and one for each body that is not what its
 * client sent. The query of a request says what to do with it. On the line `open` it prints how many are open.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Who the proxy says is calling; a header that did not come is empty. */
export interface Identity {
  readonly user: string;
  readonly email: string;
  readonly name: string;
  readonly clientId: string;
  readonly accessToken: string;
}

export interface Arrival extends Identity {
  /** The number that its client gave the request: no two have the same. */
  readonly number: number;
}

/** What the process prints, a line each. */
export type BackendLine =
  | { readonly arrived: Arrival }
  | { readonly wrong: string }
  | { readonly open: number }
  | { readonly ready: true };

/** Body of an answer to a request whose body was read. */
export interface Echo extends Arrival {
  readonly bytes: number;
  readonly sha256: string;
}

const program = fileURLToPath(import.meta.url);
if (process.argv[1] === program) serve(Number(process.argv[2]));

function serve(port: number): void {
  let open = 0;
  const noise = randomBytes(4 * 1024 * 1024);
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://backend').searchParams;
    const arrival = { number: Number(query.get('number')), ...identityOf(request) };
    print({ arrived: arrival });
    open += 1;
    response.once('close', () => (open -= 1));
    const what = query.get('do');
    if (what === 'echo') void echo(request, response, arrival, query);
    else request.resume();
    if (what === 'download') sendNoise(response, noise, query);
    if (what === 'stream') void sendEvents(response, arrival.number, query);
  });
  server.listen(port, '127.0.0.1', () => print({ ready: true }));
  createInterface(process.stdin).on('line', () => print({ open }));
}

/** Pipes are written at once, so that a line is out before anything can kill the process. */
function print(line: BackendLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function identityOf({ headers }: IncomingMessage): Identity {
  const read = (name: string) => Buffer.from(String(headers[name] ?? ''), 'latin1').toString('utf8');
  return {
    user: read('x-forwarded-user'),
    email: read('x-forwarded-email'),
    name: read('x-forwarded-name'),
    clientId: read('x-forwarded-client-id'),
    accessToken: read('x-forwarded-access-token'),
  };
}

/** Reads the body, thinks for `waitMs`, and says what it saw. `session` opens an MCP session of that name. */
async function echo(
  request: IncomingMessage,
  response: ServerResponse,
  arrival: Arrival,
  query: URLSearchParams,
): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch {
    return;
  }
  const sha256 = hash.digest('hex');
  if (sha256 !== query.get('sha256'))
    print({ wrong: `request ${arrival.number} ended after ${bytes} bytes, with another body than was sent` });
  const session = query.get('session');
  const body = JSON.stringify({ ...arrival, bytes, sha256 } satisfies Echo);
  setTimeout(
    () => {
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        ...(session !== null && { 'mcp-session-id': session }),
      });
      response.end(body);
    },
    Number(query.get('waitMs')),
  );
}

/** `bytes` of noise, with their length if `counted`, and their hash in front. */
function sendNoise(response: ServerResponse, noise: Buffer, query: URLSearchParams): void {
  const bytes = Number(query.get('bytes'));
  const start = Math.floor(Math.random() * (noise.length - bytes));
  const body = noise.subarray(start, start + bytes);
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    'x-sha256': createHash('sha256').update(body).digest('hex'),
    ...(query.has('counted') && { 'content-length': bytes }),
  });
  for (let offset = 0; offset < bytes; offset += 65_536)
    response.write(body.subarray(offset, offset + 65_536));
  response.end();
}

/** As many numbered events, one each `everyMs`, and then `end`. Some come in two halves, which may be far apart. */
async function sendEvents(response: ServerResponse, number: number, query: URLSearchParams): Promise<void> {
  const [events, everyMs, pauseMs] = ['events', 'everyMs', 'pauseMs'].map((name) => Number(query.get(name)));
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.flushHeaders();
  for (let event = 1; !response.destroyed && event <= (events ?? 0); event += 1) {
    const text = `id: ${event}\ndata: ${JSON.stringify({ number, event, padding: 'x'.repeat((event * 37) % 400) })}\n\n`;
    if (event % 7 === 0) {
      const half = Math.floor(text.length / 2);
      response.write(text.slice(0, half));
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      response.write(text.slice(half));
    } else response.write(text);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  response.end('event: end\ndata: {}\n\n');
}
