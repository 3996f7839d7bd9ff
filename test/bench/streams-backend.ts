/**
 * The MCP server of the `streams` bench: answers each GET with an event stream that stays open, and each POST with JSON.
 * Obeys lines on stdin: `open`, `broadcast`, `busy SECONDS`, `await-closed COUNT`; answers each with a line of JSON.
 */
import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { pinThisProcess } from './start-proxy.ts';

const eventsPerSecond = 10;
const streams = new Set<Socket>();
let closed = 0;
let whenClosed: { readonly count: number; readonly tell: () => void } | undefined;

const json = '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"ok"}]}}';
const jsonAnswer = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n${json}`;
const streamAnswer =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n';

/** One event as one chunk: its time is when it is written, on the clock that all processes share. */
function event(kind: string, sentAt = process.hrtime.bigint()): string {
  const text = `event: ${kind}\ndata: ${sentAt}\n\n`;
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

const server = createServer({ noDelay: true }, (socket) => {
  let request = '';
  socket.on('data', (chunk) => {
    request += chunk.toString('latin1');
    for (let end = request.indexOf('\r\n\r\n'); end !== -1; end = request.indexOf('\r\n\r\n')) {
      if (request.startsWith('GET ')) {
        streams.add(socket);
        socket.write(streamAnswer + event('first'));
        request = '';
        return;
      }
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(request.slice(0, end))?.[1] ?? 0);
      if (request.length < end + 4 + length) return;
      request = request.slice(end + 4 + length);
      socket.write(jsonAnswer);
    }
  });
  socket.on('error', () => undefined);
  socket.once('close', () => {
    if (!streams.delete(socket)) return;
    closed += 1;
    if (whenClosed !== undefined && closed >= whenClosed.count) whenClosed.tell();
  });
});

function broadcast(): object {
  const text = event('all');
  for (const socket of streams) socket.write(text);
  return { sent: streams.size };
}

/** Each stream gets its events evenly spread; the streams take turns. */
async function keepBusy(seconds: number): Promise<object> {
  const all = [...streams];
  const events = all.length * eventsPerSecond * seconds;
  const startedAt = performance.now();
  return new Promise((resolve) => {
    let sent = 0;
    const timer = setInterval(() => {
      const due = Math.min(events, ((performance.now() - startedAt) / 1000) * eventsPerSecond * all.length);
      for (; sent < due; sent += 1) all[sent % all.length]?.write(event('busy'));
      if (sent < events) return;
      clearInterval(timer);
      resolve({ sent });
    }, 5);
  });
}

/** Counted from the start of the process. */
async function awaitClosed(count: number): Promise<object> {
  if (closed < count) {
    await new Promise<void>((tell) => {
      whenClosed = { count, tell };
    });
  }
  return { closed, at: String(process.hrtime.bigint()) };
}

async function obey(line: string): Promise<object> {
  const [command = '', value = '0'] = line.split(' ');
  if (command === 'broadcast') return broadcast();
  if (command === 'busy') return keepBusy(Number(value));
  if (command === 'await-closed') return awaitClosed(Number(value));
  return { open: streams.size };
}

pinThisProcess(1);
createInterface(process.stdin)
  .on('line', (line) => void obey(line).then((answer) => console.log(JSON.stringify(answer))))
  .once('close', () => process.exit());
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  console.log((server.address() as AddressInfo).port);
});
