/**
 * Load at a constant rate, whatever the answers do: requests leave when they are due, over idle connections or new
 * ones. `load.js PORT HOST TOKEN-FILE BODY RATE SECONDS` prints what came of it as JSON, times in microseconds.
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

const [port, host = '', tokenFile = '', body = '', rate, seconds] = process.argv.slice(2);
const perMs = Number(rate) / 1000;
const total = Number(rate) * Number(seconds);
/** More than this waiting at once, and the rate is not kept. */
const maxConnections = 1_000;

const requests = readFileSync(tokenFile, 'utf8')
  .trim()
  .split('\n')
  .map((token) =>
    Buffer.from(
      `POST /mcp HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n` +
        'Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n' +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
    ),
  );

const latencies = new Float64Array(total);
const lateness = new Float64Array(total);
const idle: Connection[] = [];
let [sent, answered, failures, connections] = [0, 0, 0, 0];

class Connection {
  readonly #socket: Socket;
  #sentAt = 0;
  #received = '';

  constructor() {
    connections += 1;
    this.#socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => fail());
  }

  send(request: Buffer): void {
    this.#sentAt = performance.now();
    this.#socket.write(request);
  }

  #read(chunk: Buffer): void {
    const now = performance.now();
    this.#received += chunk.toString('latin1');
    const bodyAt = this.#received.indexOf('\r\n\r\n') + 4;
    if (bodyAt === 3) return;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#received)?.[1] ?? NaN);
    if (this.#received.length < bodyAt + length) return;
    if (this.#received.startsWith('HTTP/1.1 200')) latencies[answered] = (now - this.#sentAt) * 1000;
    else failures += 1;
    this.#received = '';
    answered += 1;
    idle.push(this);
    if (answered === total) finish();
  }
}

function sendDue(begunAt: number): void {
  const now = performance.now();
  const due = Math.min(total, Math.floor((now - begunAt) * perMs));
  for (; sent < due; sent += 1) {
    const connection = idle.pop() ?? (connections < maxConnections ? new Connection() : undefined);
    if (connection === undefined) return fail();
    lateness[sent] = (now - begunAt - sent / perMs) * 1000;
    connection.send(requests[sent % requests.length] ?? Buffer.alloc(0));
  }
  if (sent < total) setTimeout(() => sendDue(begunAt), 1);
}

/** A connection that closes, or too many that wait: the rate was not kept, and the numbers mean nothing. */
function fail(): never {
  console.log(JSON.stringify({ failures: failures + total - answered }));
  process.exit(0);
}

function finish(): never {
  const at = (values: Float64Array, share: number): number =>
    values.toSorted()[Math.floor(total * share)] ?? 0;
  const result = { failures, p50: at(latencies, 0.5), p99: at(latencies, 0.99), late99: at(lateness, 0.99) };
  console.log(JSON.stringify(result));
  process.exit(0);
}

for (let count = 0; count < 64; count += 1) idle.push(new Connection());
setTimeout(() => sendDue(performance.now()), 300);
