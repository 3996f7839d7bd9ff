/** Access tokens by the profile of RFC 9068: what is in them, and that others accept them. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { importJWK } from 'jose';
import { allowInsecureRequests, customFetch, validateJwtAccessToken } from 'oauth4webapi';
import { beforeAll, expect, test } from 'vitest';
import { importPrivateKey, importPublicKey, signAccessToken } from '../../src/crypto/access-token.ts';
import { audience, createKey, issuer, type Key, now, seconds, verify } from './signing-keys.ts';

const claims = {
  jti: randomUUID(),
  issuer,
  audience,
  subject: 'ada',
  clientId: 'client',
  scope: 'openid email',
  email: 'ada@example.com',
  name: 'Ada Lovelace ✓',
  issuedAt: now,
  expiresAt: new Date(now.getTime() + 3600_000),
};

let key: Key;
let rsaKey: Key;
beforeAll(async () => {
  [key, rsaKey] = await Promise.all([createKey('ES256'), createKey('RS256')]);
});

test.each(['ES256', 'RS256'] as const)('%s: signed and accepted (RFC 9068 §2, §4)', async (alg) => {
  const token = await signAccessToken(alg === 'ES256' ? key : rsaKey, claims);
  expect(await verify(token, [key, rsaKey])).toEqual({
    outcome: 'valid',
    jti: claims.jti,
    audience,
    clientId: 'client',
    expiresAt: claims.expiresAt,
  });
});

test('header and claims are those of the profile, and nothing more than sub, email and name (RFC 9068 §2.1, §2.2)', async () => {
  const [header = '', payload = ''] = (await signAccessToken(key, claims)).split('.');
  const decode = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
  expect(decode(header)).toEqual({ alg: 'ES256', kid: key.kid, typ: 'at+jwt' });
  expect(decode(payload)).toEqual({
    iss: issuer,
    aud: audience,
    sub: 'ada',
    client_id: 'client',
    scope: 'openid email',
    email: 'ada@example.com',
    name: 'Ada Lovelace ✓',
    jti: claims.jti,
    iat: seconds,
    exp: seconds + 3600,
  });
});

test.each(['ES256', 'RS256'] as const)(
  '%s: an independent implementation accepts them, with the published keys (RFC 9068 §4, RFC 7517)',
  async (alg) => {
    const current = new Date();
    const signer = alg === 'ES256' ? key : rsaKey;
    const token = await signAccessToken(signer, {
      ...claims,
      issuedAt: current,
      expiresAt: new Date(current.getTime() + 60_000),
    });
    const request = new Request(audience, { headers: { authorization: `Bearer ${token}` } });
    const server = { issuer, jwks_uri: `${issuer}/jwks` };
    const accepted = await validateJwtAccessToken(server, request, audience, {
      [allowInsecureRequests]: true,
      [customFetch]: async () => Response.json({ keys: [key.publicJwk, rsaKey.publicJwk] }),
      signingAlgorithms: [alg],
    });
    expect(accepted).toMatchObject({ sub: 'ada', client_id: 'client', jti: claims.jti });
  },
);

test('published keys say what they are for, and hold no private part (RFC 7517 §4, RFC 7518 §6)', () => {
  expect(Object.keys(key.publicJwk).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  expect(Object.keys(rsaKey.publicJwk).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
  expect(key.publicJwk).toMatchObject({ use: 'sig', alg: 'ES256', kid: key.kid });
});

test('a signing key cannot be a shared secret', async () => {
  const secret = { kty: 'oct', k: Buffer.alloc(32).toString('base64url') };
  await expect(importJWK(secret, 'HS256')).resolves.toBeInstanceOf(Uint8Array);
  expect(() => importPublicKey(secret, 'HS256')).toThrow(TypeError);
  expect(() => importPrivateKey(secret)).toThrow(TypeError);
});

test('a key is for its own algorithm, and strong enough for it (RFC 7518 §3.1, §3.3)', async () => {
  expect(() => importPublicKey(key.publicJwk, 'RS256')).toThrow(TypeError);
  expect(() => importPublicKey(rsaKey.publicJwk, 'ES256')).toThrow(TypeError);
  expect(() => importPublicKey(key.publicJwk, 'HS256')).toThrow(TypeError);
  const { publicKey: weak } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  expect(() => importPublicKey(weak.export({ format: 'jwk' }), 'RS256')).toThrow(TypeError);
  const { publicKey: otherCurve } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  expect(() => importPublicKey(otherCurve.export({ format: 'jwk' }), 'ES256')).toThrow(TypeError);
});
