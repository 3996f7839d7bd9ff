/** What a client assertion must say (RFC 7523 §3). */
import { describe, expect, test } from 'vitest';
import { assertionProblem, readAssertion } from '../../src/protocol/client-assertion.ts';

const now = new Date('2026-01-01T00:00:00Z');
const seconds = now.getTime() / 1000;
const clientId = 'https://client.example/metadata.json';
const audiences = ['https://mcp.example.com', 'https://mcp.example.com/token'];
const good = { iss: clientId, sub: clientId, aud: audiences[0], exp: seconds + 60, jti: 'one' };

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (claims: object, header: object = { alg: 'ES256' }) =>
  `${encode(header)}.${encode(claims)}.c2lnbmF0dXJl`;

const problemOf = (changed: object) => {
  const assertion = readAssertion(jwt({ ...good, ...changed }));
  return assertion === undefined ? 'unreadable' : assertionProblem(assertion, { clientId, audiences, now });
};

describe('accepted', () => {
  test.each<[string, object]>([
    ['the issuer as audience', {}],
    ['the token endpoint as audience', { aud: audiences[1] }],
    ['both', { aud: audiences }],
    ['exp five minutes ahead', { exp: seconds + 300 }],
    ['a clock a minute ahead of ours', { iat: seconds + 60, nbf: seconds + 60, exp: seconds + 360 }],
    ['a clock a minute behind ours', { exp: seconds - 59 }],
    ['times with a fraction', { iat: seconds - 0.5, exp: seconds + 59.5 }],
  ])('%s', (_, changed) => {
    expect(problemOf(changed)).toBeUndefined();
  });
});

describe('refused (RFC 7523 §3)', () => {
  test.each<[string, object, string]>([
    ['another issuer', { iss: 'https://other.example' }, 'iss or sub is not the client'],
    ['another subject', { sub: 'https://other.example' }, 'iss or sub is not the client'],
    ['another audience', { aud: 'https://evil.example' }, 'aud is not this server'],
    ['an audience besides ours', { aud: [audiences[0], 'https://evil.example'] }, 'aud is not this server'],
    ['a prefix of ours', { aud: 'https://mcp.example.com/' }, 'aud is not this server'],
    ['expired', { exp: seconds - 60 }, 'it has expired'],
    ['exp far ahead', { exp: seconds + 361 }, 'exp is too far ahead'],
    ['exp beyond all dates', { exp: 1e300 }, 'exp is too far ahead'],
    ['iat in the future', { iat: seconds + 61 }, 'iat is in the future'],
    ['nbf in the future', { nbf: seconds + 61 }, 'nbf is in the future'],
    ['no exp', { exp: undefined }, 'unreadable'],
    ['exp as text', { exp: String(seconds + 60) }, 'unreadable'],
    ['no jti', { jti: undefined }, 'unreadable'],
    ['an empty jti', { jti: '' }, 'unreadable'],
    ['a jti of 257 characters', { jti: 'a'.repeat(257) }, 'unreadable'],
    ['no audience', { aud: undefined }, 'unreadable'],
    ['an empty list of audiences', { aud: [] }, 'unreadable'],
  ])('%s', (_, changed, problem) => {
    expect(problemOf(changed)).toBe(problem);
  });

  test.each<[string, string]>([
    ['alg none', jwt(good, { alg: 'none' })],
    ['a shared secret', jwt(good, { alg: 'HS256' })],
    ['no alg', jwt(good, {})],
    ['a critical extension (RFC 7515 §4.1.11)', jwt(good, { alg: 'ES256', crit: ['b64'], b64: false })],
    ['two parts', jwt(good).split('.').slice(0, 2).join('.')],
    ['no signature', `${jwt(good).split('.').slice(0, 2).join('.')}.`],
    ['no JSON', 'e30.bm8.c2ln'],
    ['a list', `${encode({ alg: 'ES256' })}.${encode([good])}.c2ln`],
    ['more than 8192 characters', jwt({ ...good, more: 'a'.repeat(8192) })],
    ['nothing', ''],
  ])('%s cannot be read', (_, assertion) => {
    expect(readAssertion(assertion)).toBeUndefined();
  });
});
