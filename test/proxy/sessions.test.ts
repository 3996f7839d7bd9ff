/** A session id is good for the person that got it (protocol.md 101, MCP security best practices, "Session Hijacking"). */
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { McpSessions } from '../../src/flows/mcp-sessions.ts';
import { type Database, DatabaseUnavailableError } from '../../src/repositories/database.ts';
import { defaultTestDatabase, type TestDatabase } from '../support/database.ts';
import { alice, headerLines, open, send, startBackend, startManual, startProxy } from './support.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await defaultTestDatabase();
});
afterAll(() => database.drop());

const clock = () => new Date();
/** Whoever the request says it is. */
const authenticate = async (request: { headers: IncomingMessage['headers']; principal?: unknown }) => {
  request.principal = { ...alice, subject: request.headers.authorization ?? '' };
};

async function startSessions(answer: Readonly<Record<string, string>> = {}) {
  const arrived: IncomingMessage[] = [];
  const backend = await startBackend((request, response) => {
    arrived.push(request);
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json', ...answer }).end('{}');
  });
  const sessions = new McpSessions({ db: database.db, clock });
  const proxy = await startProxy(`${backend.origin}/mcp`, { sessions, authenticate });
  const ask = async (person: string, headers: readonly string[] = [], method = 'POST') =>
    send(`${proxy.origin}/mcp`, {
      method,
      headers: headerLines(`Authorization: ${person}`, 'Host: x', ...headers),
    });
  return { arrived, proxy, ask };
}

const notFound = {
  jsonrpc: '2.0',
  id: null,
  error: { code: -32_001, message: 'Session not found' },
};

test.each(['GET', 'POST', 'DELETE', 'PUT'])(
  '%s in another person’s session is 404, like one that does not exist, and never arrives',
  async (method) => {
    const { arrived, ask } = await startSessions({ 'mcp-session-id': `opened-for-${method}` });
    expect((await ask('ada')).headers['mcp-session-id']).toBe(`opened-for-${method}`);

    const another = await ask('bob', [`Mcp-Session-Id: opened-for-${method}`], method);
    const unknown = await ask('bob', ['Mcp-Session-Id: made-up'], method);
    const before = arrived.length;
    const own = await ask('ada', [`Mcp-Session-Id: opened-for-${method}`], method);

    expect([another.status, unknown.status, own.status]).toEqual([404, 404, 200]);
    expect(JSON.parse(another.text)).toEqual(notFound);
    expect({ ...another.headers, date: '' }).toEqual({ ...unknown.headers, date: '' });
    expect(another.body).toEqual(unknown.body);
    expect(another.headers['cache-control']).toBe('no-store');
    expect([before, arrived.length]).toEqual([1, 2]);
    expect(arrived[1]?.headers['mcp-session-id']).toBe(`opened-for-${method}`);
  },
);

test.each([
  [['Mcp-Session-Id: own', 'Mcp-Session-Id: victims']],
  [['Mcp-Session-Id: victims', 'mcp-session-id: own']],
  [['Mcp-Session-Id: own', 'Mcp_Session_Id: victims']],
  [['mcp.session.id: victims']],
  [['MCP_SESSION_ID: victims']],
  [['Mcp-Session-Id: own, victims']],
  [['Mcp-Session-Id: VICTIMS']],
  [['Connection: Mcp-Session-Id', 'Mcp-Session-Id: victims']],
])('no way of writing it gets past: %j (RFC 3875 §4.1.18)', async (headers) => {
  const own = await startSessions({ 'mcp-session-id': 'own' });
  await own.ask('bob');
  const victims = await startSessions({ 'mcp-session-id': 'victims' });
  await victims.ask('ada');

  expect((await own.ask('bob', headers)).status).toBe(404);
  expect(own.arrived).toHaveLength(1);
});

test('without a session, or with an empty id, nothing is in the way (MCP 2026-07-28: there are none)', async () => {
  const { ask } = await startSessions();
  expect((await ask('ada')).status).toBe(200);
  expect((await ask('ada', ['Mcp-Session-Id: '])).status).toBe(200);
});

test('where the MCP server repeats the id with each answer, that is no news', async () => {
  let queries = 0;
  const db: Database = {
    ...database.db,
    query: async (query) => {
      queries += 1;
      return database.db.query(query);
    },
  };
  const backend = await startBackend((_request, response) =>
    response.writeHead(200, { 'mcp-session-id': 'repeated' }).end(),
  );
  const sessions = new McpSessions({ db, clock });
  const proxy = await startProxy(`${backend.origin}/mcp`, { sessions });
  await send(`${proxy.origin}/mcp`);

  for (let round = 0; round < 3; round += 1)
    await send(`${proxy.origin}/mcp`, { headers: { 'mcp-session-id': 'repeated' } });

  expect(queries).toBe(1);
});

/** A database that answers when the test says so. */
function startSlow(): {
  readonly db: Database;
  readonly asked: Promise<void>;
  answer(): void;
  fail(error: Error): void;
} {
  let ask = (): void => undefined;
  let answer = (): void => undefined;
  let fail = (_error: Error): void => undefined;
  const asked = new Promise<void>((resolve) => (ask = resolve));
  const answered = new Promise<void>((resolve, reject) => {
    answer = resolve;
    fail = reject;
  });
  const db: Database = {
    ...database.db,
    query: async (query) => {
      ask();
      await answered;
      return database.db.query(query);
    },
  };
  return { db, asked, answer: () => answer(), fail: (error) => fail(error) };
}

test('the id does not reach the client before it is remembered, and everything after it arrives whole', async () => {
  const slow = startSlow();
  const { proxy, next } = await startManual({ sessions: new McpSessions({ db: slow.db, clock }) });
  let isThere = false;
  const opening = open(`${proxy.origin}/mcp`, { method: 'POST', body: '{}' }).then((stream) => {
    isThere = true;
    return stream;
  });
  const { response } = await next();
  response.writeHead(200, { 'content-type': 'text/event-stream', 'mcp-session-id': 'late' });
  response.write('data: 1\n\n');
  await slow.asked;
  response.end('data: 2\n\n');
  await once(response, 'finish');
  expect(isThere).toBe(false);

  slow.answer();
  const chunks: unknown[] = [];
  for await (const chunk of await opening) chunks.push(chunk);

  expect(chunks.join('')).toBe('data: 1\n\ndata: 2\n\n');
});

test('when it cannot be remembered, the client gets neither the id nor the answer', async () => {
  const db: Database = {
    ...database.db,
    query: async () => Promise.reject(new DatabaseUnavailableError('away')),
  };
  const { proxy, next } = await startManual({ sessions: new McpSessions({ db, clock }) });
  const asking = send(`${proxy.origin}/mcp`, { method: 'POST', body: '{}' });
  const { response } = await next();
  response.writeHead(200, { 'mcp-session-id': 'lost', 'content-encoding': 'gzip' }).write('secret');
  const told = once(response, 'close');

  const answer = await asking;
  await told;

  expect(answer.status).toBe(500);
  expect(answer.headers).not.toHaveProperty('mcp-session-id');
  expect(answer.headers).not.toHaveProperty('content-encoding');
  expect(answer.text).not.toContain('secret');
});

test('an MCP server that dies while it is remembered does not bring anything down', async () => {
  const slow = startSlow();
  const { proxy, next } = await startManual({ sessions: new McpSessions({ db: slow.db, clock }) });
  const asking = send(`${proxy.origin}/mcp`, { method: 'POST', body: '{}' });
  const { response } = await next();
  response.writeHead(200, { 'mcp-session-id': 'dying' }).write('the beginning');
  await slow.asked;
  response.destroy();
  await once(response, 'close');
  for (let turns = 0; turns < 100; turns += 1) await new Promise(setImmediate);

  slow.answer();

  expect((await asking).status).toBe(502);
});

test.each(['its client leaves', 'it cannot be remembered'])(
  'while a session is remembered, its connection may be another caller’s: that one does not suffer when %s',
  async (how) => {
    const slow = startSlow();
    const { proxy, next } = await startManual({ sessions: new McpSessions({ db: slow.db, clock }) });
    const opening = httpRequest(`${proxy.origin}/mcp`, { method: 'POST', agent: false });
    opening.on('error', () => undefined);
    opening.end('{}');
    const first = await next();
    first.response.setHeader('mcp-session-id', 'new').end('opened');
    await slow.asked;
    const asking = send(`${proxy.origin}/mcp`, { method: 'POST', body: '{}' });
    const second = await next();
    expect(second.request.socket).toBe(first.request.socket);

    if (how === 'its client leaves') opening.destroy();
    else slow.fail(new DatabaseUnavailableError('away'));
    for (let turns = 0; turns < 100; turns += 1) await new Promise(setImmediate);

    second.response.end('answered');
    expect(await asking).toMatchObject({ status: 200, text: 'answered' });
  },
);
