/** What real clients sent when they were recorded, sent again: each request in its order, with its headers. */
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from '../../support/app.ts';
import { authorize, revoke, type TestClient } from '../../support/authorize.ts';
import { formOf } from '../../support/browser.ts';
import { createClock } from '../../support/clock.ts';
import { type Backend, openSite, type Outside, startBackend } from '../outside.ts';
import { made, readPairs, readRecording, readRecordings, type RecordedRequest } from './recording.ts';

const clock = createClock();
/** What the MCP server is to answer next: what it answered when the client was recorded. */
let nextStatus = 200;
let backend: Backend;
let outside: Outside;
beforeAll(async () => {
  backend = await startBackend((request, response) => {
    request.resume();
    const type = request.headers.accept === 'text/event-stream' ? 'text/event-stream' : 'application/json';
    response
      .writeHead(nextStatus, { 'content-type': type, 'mcp-session-id': 'some mcp-session-id' })
      .end('{}');
  });
  outside = await openSite({
    clock,
    environment: { MCP_SERVER_URL: `${backend.url}/mcp`, ACCESS_TOKEN_TTL_SECONDS: '60' },
  });
});
afterAll(async () => {
  await outside.site.close();
  await backend.close();
});

/** A client that has nothing yet, and gets what it needs on the way. */
class Replay {
  client: TestClient = { clientId: '', clientSecret: undefined, redirectUri: '' };
  readonly values = new Map<string, string>();

  #value(name: string): string {
    const value = this.values.get(name);
    if (value === undefined) throw new Error(`nothing has given the client its ${name} yet`);
    return value;
  }

  /** The form with what each run makes anew. */
  form(body: string): string {
    const recorded = readPairs(body);
    const revoked = recorded.get('token_type_hint') === 'access_token' ? 'access_token' : 'refresh_token';
    const fill = (name: string) => this.#value(name === 'token' ? revoked : name);
    const pairs = [...recorded].map(([name, value]) => [name, value === made ? fill(name) : value]);
    return formOf(Object.fromEntries(pairs) as Record<string, string>);
  }

  headers(recorded: RecordedRequest): Record<string, string> {
    const { clientId, clientSecret = '' } = this.client;
    const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
    const fill = (name: string, value: string) => {
      if (value === `Bearer ${made}`) return `Bearer ${this.#value('access_token')}`;
      if (value === `Basic ${made}`) return `Basic ${basic}`;
      return value === made ? `some ${name}` : value;
    };
    const entries = Object.entries(recorded.headers).map(([name, value]) => [name, fill(name, value)]);
    return Object.fromEntries(entries) as Record<string, string>;
  }

  async send(recorded: RecordedRequest): Promise<Answer> {
    const { method, path, status, body } = recorded;
    nextStatus = status;
    const isForm = path === '/token' || path === '/revoke';
    const payload = isForm ? this.form(body) : body;
    const isMessage = payload !== '' && path.startsWith('/mcp');
    return outside.proxy.send({
      method,
      url: path,
      headers: this.headers(recorded),
      ...(payload !== '' && { payload: isMessage ? messageOf(payload) : payload }),
    });
  }
}

/** `jsonrpc tools/call add` as the message that it was. */
function messageOf(recorded: string): string {
  const [, method = '', name] = recorded.split(' ');
  const params = name === undefined ? {} : { name, arguments: {} };
  if (method === 'response') return JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} });
  const id = method.startsWith('notifications/') ? {} : { id: 1 };
  return JSON.stringify({ jsonrpc: '2.0', ...id, method, params });
}

describe('replayed', () => {
  test.each(readRecordings())(
    '%s: every request gets the answer that it got when it was recorded',
    async (file) => {
      const { requests } = readRecording(file, outside.issuer);
      const replay = new Replay();
      expect(requests.length).toBeGreaterThan(15);

      for (const [index, recorded] of requests.entries()) {
        const where = `${file}, request ${index + 1}: ${recorded.method} ${recorded.path}`;
        if (recorded.path === '/authorize') {
          await authorizeAgain(replay, recorded);
        } else {
          await endTokens(replay, recorded, requests.slice(index + 1));
          const before = backend.arrived.length;
          const answer = await replay.send(recorded);
          expect(answer.statusCode, `${where}\n${answer.body}`).toBe(recorded.status);
          expectShape(replay, recorded, answer, backend.arrived.slice(before));
        }
      }
    },
  );
});

/** The person approves and signs in; every recorded parameter is sent. */
async function authorizeAgain(replay: Replay, { query }: RecordedRequest): Promise<void> {
  const sent = [...query].filter(([, value]) => value !== made);
  const parameters = Object.fromEntries(sent);
  const { code, codeVerifier, location } = await authorize(outside.proxy, replay.client, parameters);
  expect(location.href.startsWith(`${replay.client.redirectUri}?`)).toBe(true);
  expect(location.searchParams.get('iss')).toBe(outside.issuer);
  replay.values.set('code', code);
  replay.values.set('code_verifier', codeVerifier);
}

/**
 * Does what was done to the client's tokens before a request that was refused: when a refresh brought it back they had
 * expired, and when it did not its grant had been revoked.
 */
async function endTokens(
  replay: Replay,
  { path, status, headers }: RecordedRequest,
  later: readonly RecordedRequest[],
): Promise<void> {
  if (!path.startsWith('/mcp') || status !== 401 || headers.authorization === undefined) return;
  const refresh = later.find((next) => next.path === '/token');
  if (refresh?.body.startsWith('grant_type=refresh_token') !== true) return;
  if (refresh.status === 200) return clock.advance({ minutes: 2 });
  const answer = await revoke(outside.proxy, replay.client, replay.values.get('refresh_token') ?? '');
  expect(answer.statusCode).toBe(200);
}

function expectShape(
  replay: Replay,
  recorded: RecordedRequest,
  answer: Answer,
  arrived: readonly IncomingMessage[],
): void {
  const { path, status } = recorded;
  if (path === '/register') return expectRegistration(replay, recorded, answer);
  if (path === '/token') return expectTokens(replay, status, answer);
  if (path.startsWith('/.well-known/')) return expectDocument(path, answer);
  if (path === '/jwks') return expect(answer.json()).toMatchObject({ keys: [{ use: 'sig' }] });
  if (!path.startsWith('/mcp')) return;
  if (status === 401) {
    expect(arrived).toEqual([]);
    return expectChallenge(recorded, answer);
  }
  return expectPassed(replay, recorded, arrived);
}

/** Everything that was asked for is echoed, nothing is null (RFC 7591 §3.2.1). */
function expectRegistration(replay: Replay, { body }: RecordedRequest, answer: Answer): void {
  const asked = JSON.parse(body) as Readonly<Record<string, unknown>>;
  const { redirect_uris, grant_types, response_types, client_name, token_endpoint_auth_method } = asked;
  const echoed = answer.json<{ client_id: string; client_secret?: string }>();
  expect(echoed).toMatchObject({
    redirect_uris,
    grant_types,
    response_types,
    client_name,
    token_endpoint_auth_method,
  });
  expect(Object.values(echoed)).not.toContain(null);
  expect('client_secret' in echoed).toBe(token_endpoint_auth_method !== 'none');
  const [redirectUri = ''] = redirect_uris as string[];
  replay.client = { clientId: echoed.client_id, clientSecret: echoed.client_secret, redirectUri };
  replay.values.set('client_id', echoed.client_id);
  replay.values.set('client_secret', echoed.client_secret ?? '');
}

/** RFC 6749 §5.1, §5.2 */
function expectTokens(replay: Replay, status: number, answer: Answer): void {
  expect(answer.headers['cache-control']).toBe('no-store');
  if (status !== 200) {
    expect(answer.json()).toMatchObject({ error: status === 401 ? 'invalid_client' : 'invalid_grant' });
    return;
  }
  const tokens = answer.json<{ access_token: string; refresh_token: string }>();
  expect(tokens).toMatchObject({
    token_type: 'Bearer',
    expires_in: expect.any(Number) as number,
    scope: expect.any(String) as string,
    access_token: expect.any(String) as string,
    refresh_token: expect.any(String) as string,
  });
  replay.values.set('access_token', tokens.access_token);
  replay.values.set('refresh_token', tokens.refresh_token);
}

/** RFC 9728 §3.2, RFC 8414 §3.2 */
function expectDocument(path: string, answer: Answer): void {
  const { issuer } = outside;
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  expect(answer.json()).toMatchObject(
    path.includes('protected-resource')
      ? { resource: `${issuer}/mcp`, authorization_servers: [issuer] }
      : { issuer, token_endpoint: `${issuer}/token`, registration_endpoint: `${issuer}/register` },
  );
}

/** RFC 6750 §3, RFC 9728 §5.1: without a token there is no error to name. */
function expectChallenge({ headers }: RecordedRequest, answer: Answer): void {
  const challenge = String(answer.headers['www-authenticate']);
  expect(challenge).toContain(
    `resource_metadata="${outside.issuer}/.well-known/oauth-protected-resource/mcp`,
  );
  expect(challenge.includes('error="invalid_token"')).toBe(headers.authorization !== undefined);
}

/** The MCP server got every header of the client as it was, but not its token (protocol.md 117, 125). */
function expectPassed(replay: Replay, recorded: RecordedRequest, arrived: readonly IncomingMessage[]): void {
  const { authorization, ...expected } = replay.headers(recorded);
  expect(authorization).toMatch(/^Bearer /);
  expect(arrived.map(({ method }) => method)).toEqual([recorded.method]);
  const headers = arrived[0]?.headers ?? {};
  expect(headers).toMatchObject(expected);
  expect(headers.authorization).toBeUndefined();
  expect(headers['x-forwarded-email']).toBe('ada@example.com');
}
