/** `/mcp`: who gets through, and what everyone else is told (RFC 6750, RFC 9068, RFC 9728). */
import { randomBytes, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { type AccessTokenClaims, signAccessToken } from '../../src/crypto/access-token.ts';
import { Sealer } from '../../src/crypto/sealing.ts';
import { KeyRing } from '../../src/flows/key-ring.ts';
import { type Arrived, startTestApp, type TestApp } from '../support/app.ts';
import {
  callMcp,
  register,
  signIn,
  type TestClient,
  type Tokens,
  registerStranger,
} from '../support/authorize.ts';
import { textOf } from '../support/html.ts';

let proxy: TestApp;
let client: TestClient;
let tokens: Tokens;
beforeAll(async () => {
  proxy = await startTestApp();
  client = await register(proxy);
  tokens = await signIn(proxy, client);
  return proxy.close;
});

const challenge =
  'Bearer resource_metadata="http://localhost:8080/.well-known/oauth-protected-resource/mcp", scope="openid profile email"';
const refusedChallenge =
  /^Bearer error="invalid_token", error_description="[^"]+", resource_metadata="[^"]+", scope="[^"]+"$/;

const methods = ['GET', 'POST', 'DELETE', 'HEAD', 'PUT', 'PATCH'] as const;

/** A token signed with this server's own key, with the claims of a good one but for what is changed. */
async function signed(changed: Partial<AccessTokenClaims>): Promise<string> {
  const { db, clock, config } = proxy;
  const sealer = new Sealer(config.encryptionKeys ?? []);
  const keyRing = new KeyRing({ db, sealer, clock, alg: config.signingAlg });
  const { jti, sub } = JSON.parse(
    Buffer.from(tokens.accessToken.split('.')[1] ?? '', 'base64url').toString(),
  ) as { jti: string; sub: string };
  return signAccessToken(await keyRing.signingKey(), {
    jti,
    issuer: config.baseUrl,
    audience: `${config.baseUrl}/mcp`,
    subject: sub,
    clientId: client.clientId,
    scope: 'openid',
    email: undefined,
    name: undefined,
    issuedAt: clock(),
    expiresAt: new Date(clock().getTime() + 60_000),
    ...changed,
  });
}

describe('without a token', () => {
  test.each(methods)(
    '%s: 401 with where to ask and for what, without an error (RFC 6750 §3.1, RFC 9728 §5.1)',
    async (method) => {
      for (const url of ['/mcp', '/mcp/', '/mcp/messages?session=1']) {
        const answer = await callMcp(proxy, undefined, { method, url });
        expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([401, challenge]);
        expect(answer.headers['cache-control']).toBe('no-store');
        expect(answer.headers['content-type']).toMatch(/^application\/json\b/);
      }
    },
  );

  test('the metadata that the challenge names is there, and is about this resource (RFC 9728 §3.3)', async () => {
    const { headers } = await callMcp(proxy, undefined);
    const [, url = ''] = /resource_metadata="([^"]+)"/.exec(String(headers['www-authenticate'])) ?? [];
    const document = await proxy.send({ url: new URL(url).pathname });
    expect(document.json()).toMatchObject({ resource: 'http://localhost:8080/mcp' });
  });

  test('a browser that opens the address gets a page that explains it, still as 401 with the challenge', async () => {
    const page = await callMcp(proxy, undefined, { headers: { accept: 'text/html,application/xhtml+xml' } });
    expect([page.statusCode, page.headers['www-authenticate']]).toEqual([401, challenge]);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(textOf(page)).toContain('http://localhost:8080/mcp');
  });

  test('a client that opens an event stream gets JSON (MCP transports)', async () => {
    const answer = await callMcp(proxy, undefined, { headers: { accept: 'text/event-stream, text/html' } });
    expect(answer.json()).toMatchObject({ error: 'unauthorized' });
  });
});

describe('a token in the wrong place is none (OAuth 2.1 §5.1)', () => {
  test('in the query', async () => {
    const url = `/mcp?access_token=${tokens.accessToken}`;
    expect((await callMcp(proxy, undefined, { url })).headers['www-authenticate']).toBe(challenge);
  });

  test('in a form', async () => {
    const answer = await callMcp(proxy, undefined, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: `access_token=${tokens.accessToken}`,
    });
    expect(answer.statusCode).toBe(401);
  });

  test('in a cookie or another header', async () => {
    for (const [name, value] of [
      ['cookie', `access_token=${tokens.accessToken}; Authorization=Bearer ${tokens.accessToken}`],
      ['proxy-authorization', `Bearer ${tokens.accessToken}`],
      ['x-authorization', `Bearer ${tokens.accessToken}`],
      ['x-forwarded-access-token', tokens.accessToken],
      ['mcp-session-id', tokens.accessToken],
    ] as const) {
      expect((await callMcp(proxy, undefined, { headers: { [name]: value } })).statusCode).toBe(401);
    }
  });

  test('beside a good one they change nothing', async () => {
    const answer = await callMcp(proxy, tokens.accessToken, { url: '/mcp?access_token=other' });
    expect(answer.statusCode).toBe(200);
  });
});

describe('a good token', () => {
  test.each(methods)(
    '%s goes through, with the person’s identity and without the token (MCP authorization: no passthrough)',
    async (method) => {
      const answer = await callMcp(proxy, tokens.accessToken, { method, url: '/mcp/x?y=1' });
      expect(answer.statusCode).toBe(200);
      if (method === 'HEAD') return;
      const arrived = answer.json<Arrived>();
      expect(arrived).toMatchObject({ method, url: '/mcp/x?y=1' });
      expect(arrived.headers).toMatchObject({ 'x-forwarded-email': 'ada@example.com' });
      expect(arrived.headers).not.toHaveProperty('authorization');
      expect(JSON.stringify(arrived.headers)).not.toContain(tokens.accessToken);
    },
  );

  test.each(['bearer', 'BEARER', 'Bearer '])('the scheme %j has no case (RFC 9110 §11.1)', async (scheme) => {
    const headers = { authorization: `${scheme} ${tokens.accessToken}` };
    expect((await callMcp(proxy, undefined, { headers })).statusCode).toBe(200);
  });

  test('is asked for on every request; a session id is no authentication (MCP security best practices)', async () => {
    const session = { 'mcp-session-id': 'unknown' };
    expect((await callMcp(proxy, tokens.accessToken, { headers: session })).statusCode).toBe(404);
    expect((await callMcp(proxy, undefined, { headers: session })).statusCode).toBe(401);
  });
});

describe('a bad token is 401 invalid_token, never 403 or 5xx (RFC 6750 §3.1)', () => {
  test.each<[string, () => string | Promise<string>]>([
    ['nonsense', () => 'nonsense'],
    ['half a JWT', () => 'a.b.c'],
    ['a refresh token', () => tokens.refreshToken],
    ['a token with another signature', () => tokens.accessToken.replace(/.{8}$/, 'AAAAAAAA')],
    ['a token without its signature', () => tokens.accessToken.replace(/[^.]+$/, '')],
    ['a huge token', () => 'x'.repeat(15_000)],
    ['a token for another resource of ours', () => signed({ audience: `${proxy.config.baseUrl}/other` })],
    ['a token for our origin', () => signed({ audience: proxy.config.baseUrl })],
    ['a token of another issuer with our key', () => signed({ issuer: 'https://evil.example' })],
    ['a token that was never issued, with our key', () => signed({ jti: randomUUID() })],
    ['an expired token', () => signed({ expiresAt: new Date(proxy.clock().getTime() - 10_000) })],
  ])('%s', async (_, token) => {
    const answer = await callMcp(proxy, await token());
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toMatch(refusedChallenge);
    expect(answer.json()).toMatchObject({ error: 'invalid_token' });
    expect((await callMcp(proxy, tokens.accessToken)).statusCode).toBe(200);
  });

  test('the identity provider’s own tokens are not ours (MCP authorization: token passthrough)', async () => {
    const { headers } = (await callMcp(proxy, tokens.accessToken)).json<Arrived>();
    const upstreamToken = String(headers['x-forwarded-access-token']);
    expect(upstreamToken).toMatch(/^[\w-]{20,}$/);
    expect((await callMcp(proxy, upstreamToken)).statusCode).toBe(401);
  });

  test('the tokens of another server with other keys', async () => {
    const other = await startTestApp({ config: { encryptionKeys: [randomBytes(32)] } });
    const stranger = await signIn(other, await register(other));
    const answer = await callMcp(proxy, stranger.accessToken);
    await other.close();
    expect(answer.statusCode).toBe(401);
  });

  test.each(['Bearer', 'Bearer ', 'Bearer a b', 'Bearer a, Bearer b', 'Bearer \u00e9', 'Bearer "a"'])(
    'a malformed header %j (RFC 6750 §3.1)',
    async (authorization) => {
      const answer = await callMcp(proxy, undefined, { headers: { authorization } });
      expect([answer.statusCode, answer.json<{ error: string }>().error]).toEqual([401, 'invalid_token']);
    },
  );

  test('one that has expired since it was last accepted', async () => {
    const own = await startTestApp({ db: proxy.db, config: proxy.config });
    const fresh = await signIn(own, client);
    own.clock.advance({ seconds: 3598 });
    const alive = await callMcp(own, fresh.accessToken);
    own.clock.advance({ seconds: 2 });
    const expired = await callMcp(own, fresh.accessToken);
    await own.close();
    expect([alive.statusCode, expired.statusCode]).toEqual([200, 401]);
  });

  test('one whose client was deleted (design: revocation is real)', async () => {
    const removed = await registerStranger(proxy);
    const { accessToken } = await signIn(proxy, removed);
    expect((await callMcp(proxy, accessToken)).statusCode).toBe(200);
    await proxy.db.query({ text: 'delete from clients where client_id = $1', values: [removed.clientId] });
    await expect
      .poll(async () => (await callMcp(proxy, accessToken)).statusCode, { timeout: 5000, interval: 20 })
      .toBe(401);
  });
});
