/**
 * The clients of the `streams` bench. Arguments: the port of the proxy. The first line on stdin is a JSON array of access
 * tokens. Then it obeys lines: `open COUNT`, `take KIND COUNT`, `post SECONDS`, `leave COUNT`; answers each with JSON.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { pinThisProcess } from './start-proxy.ts';
import { quantiles } from './streams-quantiles.ts';

const port = Number(process.argv[2]);
/** How many connections are being opened at once: more than a listener's queue holds would wait for a repeated SYN. */
const openingAtOnce = 256;
/** Nothing more comes after so much silence. */
const silenceMs = 3_000;

const streams: Socket[] = [];
let tokens: readonly string[] = [];
/** Delays of the events of each kind, in ms, since they were last taken. */
const delays = new Map<string, number[]>();
let lastEventAt = 0n;

function readEvents(socket: Socket): void {
  let rest = '';
  socket.on('data', (chunk) => {
    const now = process.hrtime.bigint();
    // Without the sizes of chunks, wherever the proxy has put them.
    rest = (rest + chunk.toString('latin1')).replaceAll(/\r\n[\da-f]+\r\n/g, '');
    let end = 0;
    for (const found of rest.matchAll(/event: (\w+)\ndata: (\d+)\n\n/g)) {
      const [text, kind = '', sentAt = '0'] = found;
      const known = delays.get(kind) ?? [];
      if (known.length === 0) delays.set(kind, known);
      known.push(Number(now - BigInt(sentAt)) / 1e6);
      lastEventAt = now;
      end = found.index + text.length;
    }
    rest = rest.slice(Math.max(end, rest.length - 1024));
  });
  socket.on('error', () => undefined);
}

/** Resolves with the first byte of the answer. */
async function openStream(index: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const token = tokens[index % tokens.length] ?? '';
  readEvents(socket);
  socket.write(
    `GET /mcp HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\naccept: text/event-stream\r\nauthorization: Bearer ${token}\r\n\r\n`,
  );
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  const status = chunk.toString('latin1').slice(9, 12);
  if (status !== '200') throw new Error(`A stream was answered ${status}`);
  streams.push(socket);
}

async function open(count: number): Promise<object> {
  const startedAt = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < count) await openStream(next++);
  };
  await Promise.all(Array.from({ length: openingAtOnce }, worker));
  return { ms: performance.now() - startedAt, open: streams.length };
}

/** The delays of all events of this kind, once there are so many, or nothing has come for a while. */
async function take(kind: string, count: number): Promise<object> {
  lastEventAt = process.hrtime.bigint();
  const isSilent = () => Number(process.hrtime.bigint() - lastEventAt) / 1e6 > silenceMs;
  while ((delays.get(kind)?.length ?? 0) < count && !isSilent()) await setTimeout(5);
  const taken = delays.get(kind) ?? [];
  delays.delete(kind);
  return { received: taken.length, ...quantiles(taken) };
}

/** Small requests, one after the other on one connection. */
async function post(seconds: number): Promise<object> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}';
  const head = `POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\naccept: application/json, text/event-stream\r\ncontent-type: application/json`;
  const request = `${head}\r\nauthorization: Bearer ${tokens[0] ?? ''}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const taken: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const sentAt = performance.now();
    socket.write(request);
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    if (!chunk.toString('latin1').startsWith('HTTP/1.1 200'))
      throw new Error('A request was not answered 200');
    taken.push(performance.now() - sentAt);
  }
  socket.destroy();
  return { answered: taken.length, ...quantiles(taken) };
}

/** All of them at once; gives the time before the first. */
function leave(count: number): object {
  const at = process.hrtime.bigint();
  for (const socket of streams.splice(0, count)) socket.destroy();
  return { at: String(at) };
}

async function obey(line: string): Promise<object> {
  const [command = '', ...values] = line.split(' ');
  if (command === 'open') return open(Number(values[0]));
  if (command === 'take') return take(values[0] ?? '', Number(values[1]));
  if (command === 'post') return post(Number(values[0]));
  return leave(Number(values[0]));
}

pinThisProcess(1);
const lines = createInterface(process.stdin);
lines.once('line', (first) => {
  tokens = JSON.parse(first) as readonly string[];
  lines.on('line', (line) => {
    obey(line).then(
      (answer) => console.log(JSON.stringify(answer)),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
});
lines.once('close', () => process.exit());
