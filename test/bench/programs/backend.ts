/** Answers every request with the same 300 bytes, where there is no nginx to do it. `backend.js PORT BODY` */
import { createServer } from 'node:net';

const [port, body = ''] = process.argv.slice(2);
const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
const answer = Buffer.from(head + body);

createServer({ noDelay: true }, (socket) => {
  let received = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    for (let end = endOfRequest(received); end !== -1; end = endOfRequest(received)) {
      received = received.slice(end);
      socket.write(answer);
    }
  });
}).listen(Number(port), '127.0.0.1');

/** Where the first request ends; -1 when it is not complete. Bodies have a `Content-Length`. */
function endOfRequest(text: string): number {
  const bodyAt = text.indexOf('\r\n\r\n') + 4;
  if (bodyAt === 3) return -1;
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, bodyAt))?.[1] ?? 0);
  return text.length < bodyAt + length ? -1 : bodyAt + length;
}
