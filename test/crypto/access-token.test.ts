/** Access tokens by the profile of RFC 9068: ours are accepted, and nothing that only looks like one. */
import { createHmac, randomUUID } from 'node:crypto';
import { type CryptoKey, exportSPKI, importJWK, SignJWT } from 'jose';
import { allowInsecureRequests, customFetch, validateJwtAccessToken } from 'oauth4webapi';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  generateSigningKey,
  importSigningKey,
  signAccessToken,
  type SigningAlg,
  verifyAccessTokenSignature,
} from '../../src/crypto/access-token.ts';

const issuer = 'http://localhost:8080';
const audience = `${issuer}/mcp`;
const now = new Date('2026-11-23T12:00:00Z');
const seconds = now.getTime() / 1000;

interface Key {
  readonly kid: string;
  readonly alg: SigningAlg;
  readonly publicJwk: Readonly<Record<string, unknown>>;
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

async function createKey(alg: SigningAlg): Promise<Key> {
  const { kid, publicJwk, privateJwk } = await generateSigningKey(alg);
  const [publicKey, privateKey] = [
    await importSigningKey(publicJwk, alg),
    await importSigningKey(privateJwk, alg),
  ];
  return { kid, alg, publicJwk, publicKey, privateKey };
}

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
let strangersKey: Key;
beforeAll(async () => {
  [key, rsaKey, strangersKey] = await Promise.all([
    createKey('ES256'),
    createKey('RS256'),
    createKey('ES256'),
  ]);
});

const verify = async (token: string, expected: { audience?: string | undefined; now?: Date } = {}) =>
  verifyAccessTokenSignature(token, new Map([key, rsaKey].map((known) => [known.kid, known])), {
    issuer,
    audience,
    now,
    ...expected,
  });

/** A token that is ours in everything but what is changed. */
async function forge(
  changedClaims: Readonly<Record<string, unknown>>,
  changedHeader: Readonly<Record<string, unknown>> = {},
  signer = key.privateKey,
): Promise<string> {
  const payload = {
    iss: issuer,
    aud: audience,
    sub: 'ada',
    client_id: 'client',
    jti: randomUUID(),
    iat: seconds,
    exp: seconds + 3600,
    ...changedClaims,
  };
  return new SignJWT(payload)
    .setProtectedHeader({
      alg: 'ES256',
      kid: key.kid,
      typ: 'at+jwt',
      ...changedHeader,
    })
    .sign(signer, { crit: { exp: true } });
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const payloadOf = (token: string): string => token.split('.')[1] ?? '';

describe('our own tokens', () => {
  test.each(['ES256', 'RS256'] as const)('%s: signed and accepted (RFC 9068 §2, §4)', async (alg) => {
    const token = await signAccessToken(alg === 'ES256' ? key : rsaKey, claims);
    expect(await verify(token)).toEqual({
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
});

describe('refused', () => {
  test('alg none, in any spelling (RFC 8725 §3.1)', async () => {
    for (const alg of ['none', 'None', 'NONE', '']) {
      const header = encode({ alg, kid: key.kid, typ: 'at+jwt' });
      expect(await verify(`${header}.${payloadOf(await forge({}))}.`)).toMatchObject({ outcome: 'invalid' });
    }
  });

  test.each(['HS256', 'HS384', 'HS512'])(
    '%s with our public key as the secret (RFC 8725 §3.1)',
    async (alg) => {
      const header = encode({ alg, kid: key.kid, typ: 'at+jwt' });
      const signed = `${header}.${payloadOf(await forge({}))}`;
      for (const secret of [await exportSPKI(key.publicKey), JSON.stringify(key.publicJwk)]) {
        const hash = alg.replace('HS', 'sha');
        const signature = createHmac(hash, secret).update(signed).digest('base64url');
        expect(await verify(`${signed}.${signature}`)).toMatchObject({ outcome: 'invalid' });
      }
    },
  );

  test('another algorithm than the key’s own (RFC 8725 §3.1)', async () => {
    const token = await forge({}, { alg: 'RS256', kid: key.kid }, rsaKey.privateKey);
    expect(await verify(token)).toMatchObject({ outcome: 'invalid' });
  });

  test.each([
    ['an ID token', { typ: 'JWT' }],
    ['no typ', { typ: undefined }],
    ['a logout token', { typ: 'logout+jwt' }],
  ])('typ of %s (RFC 9068 §4, RFC 8725 §3.11)', async (_, header) => {
    expect(await verify(await forge({}, header))).toMatchObject({ outcome: 'invalid' });
  });

  test.each([
    ['another issuer', { iss: 'http://localhost:8081' }],
    ['an issuer with a slash', { iss: `${issuer}/` }],
    ['no issuer', { iss: undefined }],
    ['another audience', { aud: `${issuer}/other` }],
    ['an audience with a slash', { aud: `${audience}/` }],
    ['no audience', { aud: undefined }],
    ['several audiences', { aud: [audience, 'https://other.example'] }],
    ['no expiry', { exp: undefined }],
    ['an expiry in words', { exp: 'never' }],
    ['no jti', { jti: undefined }],
    ['a jti that is not one of ours', { jti: "' or 1=1 --" }],
    ['no subject', { sub: undefined }],
    ['no client', { client_id: undefined }],
    ['no time of issue', { iat: undefined }],
    ['a time before which it is not valid', { nbf: seconds + 60 }],
  ])('%s (RFC 9068 §2.2, §4)', async (_, changed) => {
    expect(await verify(await forge(changed))).toMatchObject({ outcome: 'invalid' });
  });

  test('an expired token, but for a few seconds between clocks (RFC 9068 §4, RFC 7519 §4.1.4)', async () => {
    const token = await forge({ exp: seconds });
    expect(await verify(token)).toMatchObject({ outcome: 'valid' });
    expect(await verify(token, { now: new Date((seconds + 6) * 1000) })).toMatchObject({
      outcome: 'invalid',
    });
  });

  test('a critical extension that nobody here knows (RFC 7515 §4.1.11)', async () => {
    expect(await verify(await forge({}, { crit: ['exp'], exp: 1 }))).toMatchObject({ outcome: 'invalid' });
    const { kid } = key;
    const header = encode({ alg: 'ES256', kid, typ: 'at+jwt', crit: ['unknown'], unknown: 1 });
    const [, payload, signature] = (await forge({})).split('.');
    expect(await verify(`${header}.${payload}.${signature}`)).toMatchObject({ outcome: 'invalid' });
  });

  test('a stranger’s signature under one of our key ids (RFC 9068 §4)', async () => {
    expect(await verify(await forge({}, {}, strangersKey.privateKey))).toMatchObject({ outcome: 'invalid' });
  });

  test('a key that the token brings along (RFC 8725 §3.10)', async () => {
    const jwk = { ...strangersKey.publicJwk };
    const token = await forge({}, { jwk, jku: 'https://evil.example/jwks' }, strangersKey.privateKey);
    expect(await verify(token)).toMatchObject({ outcome: 'invalid' });
  });

  test.each([undefined, 'unknown', '../../etc/passwd', '__proto__', ''])(
    'kid %j: told apart, because another instance may have made the key',
    async (kid) => {
      const token = await forge({}, { kid }, strangersKey.privateKey);
      expect(await verify(token)).toEqual({ outcome: 'unknown_key' });
    },
  );

  test.each(['', '.', '..', 'a', 'a.b', 'a.b.c', 'a.b.c.d.e', 'mop_rt_x', 'é.é.é', '{}.{}.{}'])(
    '%j is no token, and no crash',
    async (token) => {
      expect(await verify(token)).toMatchObject({ outcome: 'invalid' });
    },
  );

  test('a changed payload', async () => {
    const [header, payload, signature] = (await forge({})).split('.');
    const changed = Buffer.from(payload ?? '', 'base64url')
      .toString()
      .replace('ada', 'eve');
    const token = `${header}.${Buffer.from(changed).toString('base64url')}.${signature}`;
    expect(await verify(token)).toMatchObject({ outcome: 'invalid' });
  });
});

test('without an audience any resource of ours is accepted, for revocation (RFC 7009 §2.1)', async () => {
  const token = await forge({ aud: `${issuer}/other` });
  expect(await verify(token, { audience: undefined })).toMatchObject({ outcome: 'valid' });
});

test('a signing key cannot be a shared secret', async () => {
  const secret = { kty: 'oct', k: Buffer.alloc(32).toString('base64url') };
  await expect(importJWK(secret, 'HS256')).resolves.toBeInstanceOf(Uint8Array);
  await expect(importSigningKey(secret, 'HS256')).rejects.toThrow(TypeError);
});
