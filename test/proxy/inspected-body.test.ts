/** Bodies that somebody has to judge first: read whole, within bounds, and sent on byte for byte (protocol.md 125, 126). */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Principal } from '../../src/protocol/principal.ts';
import type { RpcMessage } from '../../src/protocol/json-rpc.ts';
import {
  alice,
  headerLines,
  open,
  send,
  sendBytes,
  startBackend,
  startManual,
  startProxy,
  statusOf,
} from './support.ts';

const json = { 'content-type': 'application/json' };
const call =
  '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"delete_file","arguments":{"x":1}}}';

interface Arrived {
  readonly body: Buffer;
  readonly headers: IncomingMessage['headers'];
}

/** A proxy that judges by what a policy would look at, and everything that its backend got. */
async function startInspected(maxBodyBytes = 10_000, options: { readonly principal?: Principal } = {}) {
  const arrived: Arrived[] = [];
  const judged: (readonly RpcMessage[])[] = [];
  const backend = await startBackend((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      arrived.push({ body: Buffer.concat(chunks), headers: request.headers });
      response.end('done');
    });
  });
  const proxy = await startProxy(`${backend.origin}/mcp`, {
    ...options,
    inspection: {
      maxBodyBytes,
      authorize: async (_principal, messages) => {
        judged.push(messages);
        return undefined;
      },
    },
  });
  const post = async (body: Buffer | string, headers: Record<string, string> | readonly string[] = json) =>
    send(`${proxy.origin}/mcp`, { method: 'POST', headers, body });
  return { proxy, post, arrived, judged };
}

describe('what passes, passes byte for byte', () => {
  test.each([
    ['application/json', call],
    ['APPLICATION/JSON; charset=UTF-8', ` \n${call}\t`],
    ['application/json;charset="utf-8"', '{"\\u006dethod":"ping","x":1.0e0,"y":"\\u00e9é🦊"}'],
    ['application/json', `[${call},{"id":1,"result":{}}]`],
  ])('%s %s', async (contentType, body) => {
    const { post, arrived, judged } = await startInspected();
    const answer = await post(body, { 'content-type': contentType });
    expect([answer.status, answer.text]).toEqual([200, 'done']);
    expect(arrived[0]?.body.toString()).toBe(body);
    expect(arrived[0]?.headers).toMatchObject({
      'content-type': contentType,
      'content-length': String(Buffer.byteLength(body)),
    });
    expect(judged).toHaveLength(1);
  });

  test('in chunks of one byte, cut anywhere, whatever the message (RFC 9112 §7.1)', async () => {
    const { proxy, arrived, judged } = await startInspected();
    const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fc.json(), cuts, async (params, sizes) => {
        const body = Buffer.from(`{"id":1,"x":${params},"method":"tools/call"}`);
        const chunks: string[] = [];
        for (let at = 0, turn = 0; at < body.length; turn += 1) {
          const piece = body.subarray(at, at + (sizes[turn % sizes.length] ?? 1));
          chunks.push(`${piece.length.toString(16)}\r\n${piece.toString('latin1')}\r\n`);
          at += piece.length;
        }
        const head =
          'POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n';
        const response = await sendBytes(
          proxy.port,
          `${head}Transfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\n\r\n`,
        );

        const isRepeated = statusOf(response) === 400;
        if (isRepeated) return;
        expect(statusOf(response)).toBe(200);
        expect(arrived.at(-1)?.body.equals(body)).toBe(true);
        expect(judged.at(-1)?.[0]?.method).toBe('tools/call');
      }),
      { numRuns: 40 },
    );
    expect(arrived.length).toBeGreaterThan(20);
  });

  test('one byte at a time, as the network may bring it', async () => {
    const { proxy, arrived } = await startInspected();
    const socket = connect(proxy.port, '127.0.0.1').setNoDelay(true);
    onTestFinished(() => void socket.destroy());
    const head = `POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${call.length}\r\n\r\n`;
    for (const character of head + call) {
      socket.write(character);
      await setImmediate();
    }
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(statusOf(answer.toString())).toBe(200);
    expect(arrived[0]?.body.toString()).toBe(call);
  });

  test.each(['GET', 'DELETE', 'POST', 'HEAD'])('a %s without a body has nothing to judge', async (method) => {
    const { proxy, judged } = await startInspected();
    expect((await send(`${proxy.origin}/mcp`, { method })).status).toBe(200);
    expect(judged).toEqual([]);
  });

  test.each(['PUT', 'PATCH', 'DELETE', 'QUERY'])('a %s with a body is judged like a POST', async (method) => {
    const { proxy, arrived, judged } = await startInspected();
    const sent = { method, body: call, headers: { ...json, 'content-length': String(call.length) } };
    expect((await send(`${proxy.origin}/mcp/below`, sent)).status).toBe(200);
    expect((await send(`${proxy.origin}/mcp`, { ...sent, body: 'x'.repeat(call.length) })).status).toBe(400);
    expect([arrived.length, judged.length]).toEqual([1, 1]);
  });
});

describe('what is refused never reaches the MCP server, and the answer is JSON-RPC (protocol.md 129)', () => {
  test.each<[string, number, number, readonly string[], Buffer | string]>([
    ['no JSON', 400, -32700, ['Content-Type: application/json'], 'x'],
    [
      'method twice',
      400,
      -32600,
      ['Content-Type: application/json'],
      '{"method":"ping","method":"tools/call"}',
    ],
    ['a byte order mark', 400, -32700, ['Content-Type: application/json'], `\ufeff${call}`],
    ['UTF-16', 400, -32700, ['Content-Type: application/json'], Buffer.from(call, 'utf16le')],
    ['no content type', 415, -32600, [], call],
    ['another content type', 415, -32600, ['Content-Type: text/plain'], call],
    ['a content type that only looks like JSON', 415, -32600, ['Content-Type: application/json-seq'], call],
    ['another charset', 415, -32600, ['Content-Type: application/json; charset=utf-16'], call],
    ['UTF-7', 415, -32600, ['Content-Type: application/json;charset=utf-7'], call],
    ['two charsets', 415, -32600, ['Content-Type: application/json; charset=utf-8; charset=utf-16'], call],
    ['two content types', 415, -32600, ['Content-Type: application/json', 'Content-Type: text/plain'], call],
    ['gzip', 415, -32600, ['Content-Type: application/json', 'Content-Encoding: gzip'], gzipSync(call)],
    [
      'gzip, said to concern the connection',
      415,
      -32600,
      ['Content-Type: application/json', 'Content-Encoding: gzip', 'Connection: content-encoding'],
      gzipSync(call),
    ],
    [
      'identity and gzip',
      415,
      -32600,
      ['Content-Type: application/json', 'Content-Encoding: identity, gzip'],
      call,
    ],
    [
      'another method in the header',
      400,
      -32020,
      ['Content-Type: application/json', 'Mcp-Method: ping'],
      call,
    ],
    [
      'another name in the header',
      400,
      -32020,
      ['Content-Type: application/json', 'Mcp-Method: tools/call', 'Mcp-Name: list_files'],
      call,
    ],
    [
      'a name twice',
      400,
      -32020,
      ['Content-Type: application/json', 'Mcp-Name: delete_file', 'Mcp-Name: delete_file'],
      call,
    ],
    [
      'too much',
      413,
      -32600,
      ['Content-Type: application/json'],
      `{"method":"ping","x":"${'x'.repeat(10_000)}"}`,
    ],
  ])('%s: %i, %i', async (_name, status, code, headers, body) => {
    const { post, arrived, judged } = await startInspected();
    const length = Buffer.byteLength(body);
    const answer = await post(body, headerLines('Host: x', `Content-Length: ${length}`, ...headers));
    expect([answer.status, answer.headers['content-type'], answer.headers['cache-control']]).toEqual([
      status,
      'application/json; charset=utf-8',
      'no-store',
    ]);
    expect(JSON.parse(answer.text)).toEqual({
      jsonrpc: '2.0',
      id: code === -32020 ? 7 : null,
      error: { code, message: expect.not.stringContaining('delete_file') as string },
    });
    expect([arrived, judged]).toEqual([[], []]);
  });

  test('too much in chunks, without a length said before: 413, and the connection lives on', async () => {
    const { proxy, arrived } = await startInspected();
    const socket = connect(proxy.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    const head =
      'POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
    const chunk = `1000\r\n${'['.repeat(4096)}\r\n`;
    socket.write(head + chunk.repeat(4));
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(statusOf(first.toString())).toBe(413);
    socket.write(
      `${chunk.repeat(4)}0\r\n\r\nPOST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${call.length}\r\n\r\n${call}`,
    );
    const [second] = (await once(socket, 'data')) as [Buffer];
    expect(statusOf(second.toString())).toBe(200);
    expect(arrived.map(({ body }) => body.toString())).toEqual([call]);
  });

  test('a client that leaves before the end has asked for nothing', async () => {
    const { proxy, arrived, judged } = await startInspected();
    const request = httpRequest(`${proxy.origin}/mcp`, {
      method: 'POST',
      headers: { ...json, 'content-length': '500' },
    });
    request.on('error', () => undefined).write(call);
    await once(request, 'socket');
    await setImmediate();
    request.destroy();
    expect((await send(`${proxy.origin}/mcp`, { method: 'POST', headers: json, body: call })).status).toBe(
      200,
    );
    expect([arrived.length, judged.length]).toEqual([1, 1]);
    expect(proxy.log.filter((line) => (JSON.parse(line) as { level: number }).level > 30)).toEqual([]);
  });
});

describe('memory is bounded', () => {
  const begin = (port: number, bytes: number) => {
    const request = httpRequest(`http://127.0.0.1:${port}/mcp`, {
      method: 'POST',
      headers: { ...json, 'transfer-encoding': 'chunked' },
      agent: false,
    });
    onTestFinished(() => void request.destroy());
    request.on('error', () => undefined).write(`{"method":"ping","x":"${'x'.repeat(bytes)}`);
    return request;
  };

  test('one person’s unfinished requests may keep four of the largest bodies; what ends gives its room back', async () => {
    const { proxy, post } = await startInspected(10_000);
    const unfinished = [1, 2, 3, 4].map(() => begin(proxy.port, 9900));
    await expect
      .poll(async () => (await post(`{"method":"ping","x":"${'x'.repeat(900)}"}`)).status)
      .toBe(503);

    const refused = await post(`{"method":"ping","x":"${'x'.repeat(900)}"}`);
    expect(refused.headers['retry-after']).toBe('1');
    for (const request of unfinished.slice(0, 2)) request.destroy();
    for (const request of unfinished.slice(2)) request.end('"}');

    await expect.poll(async () => (await post(call)).status).toBe(200);
    for (let count = 0; count < 50; count += 1) {
      expect((await post(`{"method":"ping","x":"${'x'.repeat(9900)}"}`)).status).toBe(200);
    }
  });

  test('a refusal and an event stream keep nothing', async () => {
    const { proxy, next } = await startManual({
      inspection: { maxBodyBytes: 1000, authorize: async () => undefined },
    });
    const url = `${proxy.origin}/mcp`;
    const body = `{"method":"ping","x":"${'x'.repeat(900)}"}`;
    for (let count = 0; count < 10; count += 1) {
      expect((await send(url, { method: 'POST', headers: json, body: `${body}}` })).status).toBe(400);
    }
    for (let count = 0; count < 10; count += 1) {
      const opening = open(url, { method: 'POST', headers: json, body });
      const { request, response } = await next();
      request.resume();
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
      expect((await opening).statusCode).toBe(200);
    }
  });
});

describe('streams still stream', () => {
  test('an event stream that answers a judged request brings each event at once, and ends with its client', async () => {
    const { proxy, next } = await startManual({
      inspection: { maxBodyBytes: 1000, authorize: async () => undefined },
    });
    const opening = open(`${proxy.origin}/mcp`, { method: 'POST', headers: json, body: call });
    const { request, response } = await next();
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    const stream = await opening;
    for (const event of ['data: 1\n\n', ': keep-alive\n\n']) {
      response.write(event);
      const [chunk] = (await once(stream, 'data')) as [Buffer];
      expect(chunk.toString()).toBe(event);
    }
    stream.destroy();
    await once(response, 'close');
    expect(response.writableFinished).toBe(false);
  });

  test('a large body under a large bound arrives whole', async () => {
    const { post, arrived } = await startInspected(20_000_000);
    const body = `{"method":"tools/call","id":1,"params":{"arguments":{"data":"${'A'.repeat(15_000_000)}"},"name":"x"}}`;
    expect((await post(body)).status).toBe(200);
    expect(arrived[0]?.body.length).toBe(body.length);
  });

  test('a client that leaves while it waits for the answer ends the request behind (protocol.md 127)', async () => {
    const { proxy, next } = await startManual({
      inspection: { maxBodyBytes: 1000, authorize: async () => undefined },
    });
    const request = httpRequest(`${proxy.origin}/mcp`, { method: 'POST', headers: json, agent: false });
    request.on('error', () => undefined).end(call);
    const { response } = await next();
    request.destroy();
    await once(response, 'close');
    expect(response.writableFinished).toBe(false);
  });
});

test('without an inspection no body is looked at, and headers may say what they like (design §3.10)', async () => {
  const backend = await startBackend((request, response) => {
    request.resume().on('end', () => response.end(String(request.headers['mcp-method'])));
  });
  const proxy = await startProxy(`${backend.origin}/mcp`, { principal: alice });
  const headers = { 'content-type': 'text/plain', 'content-encoding': 'gzip', 'mcp-method': 'ping' };
  const answer = await send(`${proxy.origin}/mcp`, {
    method: 'POST',
    headers,
    body: '{"method":1,"method":2',
  });
  expect([answer.status, answer.text]).toEqual([200, 'ping']);
});
