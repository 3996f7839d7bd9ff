/** Signed identities: what is in them, and that they and access tokens never pass for one another (RFC 8725 §3.11). */
import { randomUUID } from 'node:crypto';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { signAccessToken } from '../../src/crypto/access-token.ts';
import { signIdentityAssertion } from '../../src/crypto/identity-assertion.ts';
import { audience, createKey, issuer, type Key, now, seconds, verify } from './signing-keys.ts';

const serverUrl = 'http://mcp-server:3000/mcp';
const claims = {
  jti: randomUUID(),
  issuer,
  audience: serverUrl,
  subjectType: 'person',
  subject: 'ada',
  email: 'ada@example.com',
  name: 'Ada Lovelace ✓',
  groups: undefined,
  clientId: 'client',
  scope: 'openid email',
  issuedAt: now,
  expiresAt: new Date(now.getTime() + 120_000),
} as const;

let key: Key;
let rsaKey: Key;
beforeAll(async () => {
  [key, rsaKey] = await Promise.all([createKey('ES256'), createKey('RS256')]);
});

const decode = (jwt: string): unknown[] =>
  jwt.split('.', 2).map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown);

test('a person: who, by which client, for what, for whom and until when, under a type of its own', async () => {
  expect(decode(await signIdentityAssertion(key, claims))).toEqual([
    { alg: 'ES256', kid: key.kid, typ: 'mcp-identity+jwt' },
    {
      iss: issuer,
      aud: serverUrl,
      sub: 'ada',
      subject_type: 'person',
      email: 'ada@example.com',
      name: 'Ada Lovelace ✓',
      client_id: 'client',
      scope: 'openid email',
      jti: claims.jti,
      iat: seconds,
      exp: seconds + 120,
    },
  ]);
});

test('a machine says so, and has neither e-mail nor name: they are left out, not null', async () => {
  const machine = {
    ...claims,
    subjectType: 'machine',
    subject: 'client',
    email: undefined,
    name: undefined,
  } as const;

  const [, payload] = decode(await signIdentityAssertion(key, machine));

  expect(payload).toMatchObject({ sub: 'client', subject_type: 'machine' });
  expect(Object.keys(payload as object)).not.toEqual(expect.arrayContaining(['email']));
  expect(Object.keys(payload as object)).not.toEqual(expect.arrayContaining(['name']));
});

test.each(['ES256', 'RS256'] as const)('%s: the published keys verify it (RFC 7517)', async (alg) => {
  const keys = createLocalJWKSet({ keys: [key.publicJwk, rsaKey.publicJwk] as never });
  const jwt = await signIdentityAssertion(alg === 'ES256' ? key : rsaKey, claims);
  const { payload } = await jwtVerify(jwt, keys, { typ: 'mcp-identity+jwt', currentDate: now });
  expect(payload.sub).toBe('ada');
});

test('it is no access token, even with the audience and the claims of one (RFC 9068 §4, RFC 8725 §3.11)', async () => {
  const lookAlike = { ...claims, audience };

  expect(await verify(await signAccessToken(key, lookAlike), [key])).toMatchObject({ outcome: 'valid' });
  expect(await verify(await signIdentityAssertion(key, lookAlike), [key])).toEqual({
    outcome: 'invalid',
    reason: 'another type of token',
  });
});
