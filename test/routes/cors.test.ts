/** Which scripts of other sites may read which answers (OAuth 2.1 §3.1). */
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestApp, type Answer, type TestApp } from '../support/app.ts';

let open: TestApp;
let closed: TestApp;
beforeAll(async () => {
  open = await startTestApp();
  closed = await startTestApp({
    db: open.db,
    config: { ...open.config, corsAllowedOrigins: ['https://app.example'] },
  });
  return async () => {
    await closed.close();
    await open.close();
  };
});

const allowedBy = (answer: Answer): unknown => answer.headers['access-control-allow-origin'];

const forMachines = [
  ['GET', '/.well-known/oauth-authorization-server', 200],
  ['GET', '/.well-known/oauth-protected-resource/mcp', 200],
  ['GET', '/.well-known/unknown', 404],
  ['GET', '/jwks', 200],
  ['POST', '/token', 400],
  ['GET', '/token', 405],
  ['POST', '/revoke', 400],
  ['POST', '/register', 400],
  ['POST', '/mcp', 401],
  ['GET', '/mcp/x', 401],
  ['DELETE', '/mcp', 401],
] as const;

const forPeople = [
  '/authorize',
  '/consent',
  '/callback',
  '/',
  '/%61uthorize',
  '/authorize?x=1',
  '/c%6fnsent',
];

describe('endpoints for machines', () => {
  test.each(forMachines)(
    '%s %s may be read by anyone, errors included, and never with credentials',
    async (method, url, status) => {
      const answer = await open.send({ method, url, headers: { origin: 'https://any.example' } });
      expect([answer.statusCode, allowedBy(answer)]).toEqual([status, '*']);
      expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
      expect(answer.headers['access-control-expose-headers']).toMatch(/WWW-Authenticate.*Mcp-Session-Id/);
    },
  );

  test.each(['/token', '/register', '/revoke', '/mcp', '/mcp/x', '/.well-known/oauth-protected-resource'])(
    'a preflight for %s allows the headers that MCP clients send (MCP transports; Fetch: * does not cover Authorization)',
    async (url) => {
      const wanted =
        'authorization,content-type,mcp-protocol-version,mcp-session-id,last-event-id,mcp-param-region';
      const answer = await open.send({
        method: 'OPTIONS',
        url,
        headers: {
          origin: 'https://any.example',
          'access-control-request-method': 'POST',
          'access-control-request-headers': wanted,
        },
      });
      expect([answer.statusCode, allowedBy(answer)]).toEqual([204, '*']);
      expect(answer.headers['access-control-allow-headers']).toBe(wanted);
      expect(answer.headers['access-control-allow-methods']).toMatch(/\bDELETE\b/);
      expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
      expect(answer.headers).not.toHaveProperty('www-authenticate');
    },
  );

  test('with a list of origins only those are named, one at a time (CORS_ALLOWED_ORIGINS)', async () => {
    const request = { method: 'POST', url: '/token' } as const;
    const [listed, other] = [
      await closed.send({ ...request, headers: { origin: 'https://app.example' } }),
      await closed.send({ ...request, headers: { origin: 'https://app.example.evil.example' } }),
    ];
    expect(allowedBy(listed)).toBe('https://app.example');
    expect(allowedBy(other)).toBeUndefined();
    for (const answer of [listed, other]) expect(answer.headers.vary).toMatch(/\bOrigin\b/);
  });
});

describe('addresses for people: the authorization endpoint MUST NOT be open to scripts (OAuth 2.1 §3.1)', () => {
  test.each(forPeople)('%s, however it is spelled and asked', async (url) => {
    for (const method of ['GET', 'POST', 'PUT', 'OPTIONS'] as const) {
      for (const proxy of [open, closed]) {
        const origin = 'https://app.example';
        const headers = { origin, 'access-control-request-method': 'GET' };
        const answer = await proxy.send({ method, url, headers });
        expect(allowedBy(answer)).toBeUndefined();
        expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
      }
    }
  });
});
