/** A PostgreSQL that shuts down in the moment in which a connection to it is made. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { DatabaseUnavailableError, sql } from '../../src/repositories/database.ts';
import { openPostgresDatabase } from '../../src/repositories/postgres-database.ts';

/** One message of the server: a letter, its length, its content. */
function message(type: string, content: string | Buffer): Buffer {
  const body = Buffer.from(content);
  const head = Buffer.from(`${type}....`);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const ready = message('Z', 'I');
const welcome = Buffer.concat([message('R', Buffer.alloc(4)), ready]);
const done = message('C', 'SET\0');
const farewell = message(
  'E',
  'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0',
);

/** Accepts whoever comes. The answer to their first statement, and the end of the connection, arrive as one piece. */
async function startLeavingServer(): Promise<number> {
  const greet = (socket: Socket): void => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(welcome);
      socket.once('data', () => socket.end(Buffer.concat([done, ready, farewell])));
    });
  };
  const server = createServer(greet).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test('a connection that the server ends as soon as it is made fails the request, not the process (design §3.8)', async () => {
  const port = await startLeavingServer();
  const db = openPostgresDatabase(`postgres://user@127.0.0.1:${port}/db?sslmode=disable`, {
    onError: () => undefined,
  });
  onTestFinished(() => db.close());

  await expect(db.query(sql`select 1`)).rejects.toThrow(DatabaseUnavailableError);
});
