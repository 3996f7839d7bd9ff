/** Names are looked up at real name servers, on loopback: every address, once, and not for ever. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createResolveHost } from '../../src/outbound/resolve-host.ts';

const typeA = 1;
const typeAAAA = 28;

let server: Socket;
let records: ReadonlyMap<number, readonly number[][]>;
let asked: number;
beforeEach(async () => {
  records = new Map();
  asked = 0;
  server = createSocket('udp4');
  server.on('message', (query, from) => {
    asked += 1;
    const answer = answerTo(query);
    if (answer !== undefined) server.send(answer, from.port, from.address);
  });
  await once(server.bind(0, '127.0.0.1'), 'listening');
});
afterEach(() => {
  server.close();
});

const resolve = (name = 'app.example', signal = AbortSignal.timeout(5000)) =>
  createResolveHost([`127.0.0.1:${server.address().port}`])(name, signal);

/** The answer of a name server with these records for whatever name; none at all for names that begin with `silent`. */
function answerTo(query: Buffer): Buffer | undefined {
  if (query.includes('silent')) return undefined;
  const end = query.indexOf(0, 12) + 5;
  const found = records.get(query.readUInt16BE(end - 4)) ?? [];
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180, 2);
  header.writeUInt16BE(found.length, 6);
  header.fill(0, 8);
  const answers = found.map((address) => {
    const record = Buffer.alloc(12 + address.length);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(address.length === 4 ? typeA : typeAAAA, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(60, 6);
    record.writeUInt16BE(address.length, 10);
    record.set(address, 12);
    return record;
  });
  return Buffer.concat([header, query.subarray(12, end), ...answers]);
}

const ipv6 = [0x26, 6, 0x47, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

test('every address of both families is found, with one question for each', async () => {
  records = new Map([
    [
      typeA,
      [
        [93, 184, 215, 14],
        [10, 0, 0, 1],
      ],
    ],
    [typeAAAA, [ipv6]],
  ]);
  expect(await resolve()).toEqual(['93.184.215.14', '10.0.0.1', '2606:4700::1']);
  expect(asked).toBe(2);
});

test('a name with addresses of one family only has those', async () => {
  records = new Map([[typeAAAA, [ipv6]]]);
  expect(await resolve()).toEqual(['2606:4700::1']);
});

test('a name without an address is a failure', async () => {
  await expect(resolve()).rejects.toThrow('no address');
});

test('a name server that does not answer is given up when the caller gives up', async () => {
  const startedAt = performance.now();
  await expect(resolve('silent.example', AbortSignal.timeout(100))).rejects.toThrow('no address');
  expect(performance.now() - startedAt).toBeLessThan(1400);
});
