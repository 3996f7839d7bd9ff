/** What only looks like one of our access tokens is refused (RFC 9068 §4, RFC 8725). */
import { createHmac, createSign, randomUUID } from 'node:crypto';
import { exportSPKI, SignJWT } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { audience, createKey, issuer, type Key, seconds, verify as verifyWith } from './signing-keys.ts';

let key: Key;
let rsaKey: Key;
let strangersKey: Key;
beforeAll(async () => {
  const algs = ['ES256', 'RS256', 'ES256'] as const;
  [key, rsaKey, strangersKey] = (await Promise.all(algs.map(createKey))) as [Key, Key, Key];
});

const verify = async (token: string, expected: Parameters<typeof verifyWith>[2] = {}) =>
  verifyWith(token, [key, rsaKey], expected);

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

test('a token that is ours in everything is accepted: what follows is refused for what is changed', async () => {
  expect(await verify(await forge({}))).toMatchObject({ outcome: 'valid' });
});

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

test('a payload of characters that only look like the signed bytes when they are cut to one byte each', async () => {
  const [header, payload = '', signature] = (await forge({})).split('.');
  const alike = payload.replaceAll(/[A-Za-z]/g, (letter) =>
    String.fromCharCode(0x100 + letter.charCodeAt(0)),
  );
  expect(await verify(`${header}.${alike}.${signature}`)).toMatchObject({ outcome: 'invalid' });
});

test('a signature that is written down in another way, or is not whole (RFC 7515 §5.2)', async () => {
  const token = await forge({});
  const [header, payload, signature = ''] = token.split('.');
  // Two of the four ways to write the last byte's last bits down, which a lenient reader takes for the same.
  const last = signature.at(-1) ?? '';
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const otherwise = signature.slice(0, -1) + alphabet[alphabet.indexOf(last) + 1];
  expect(Buffer.from(otherwise, 'base64url')).toEqual(Buffer.from(signature, 'base64url'));
  const der = createSign('sha256').update(`${header}.${payload}`).sign(key.privateKey, 'base64url');
  for (const changed of [otherwise, `${signature}=`, `${signature}!`, signature.slice(0, -2), der, '']) {
    expect(await verify(`${header}.${payload}.${changed}`)).toMatchObject({ outcome: 'invalid' });
  }
});

test('the type may be a whole media type, in any case (RFC 7515 §4.1.9)', async () => {
  for (const typ of ['application/at+jwt', 'AT+JWT'])
    expect(await verify(await forge({}, { typ }))).toMatchObject({ outcome: 'valid' });
});

test('a changed payload', async () => {
  const [header, payload, signature] = (await forge({})).split('.');
  const changed = Buffer.from(payload ?? '', 'base64url')
    .toString()
    .replace('ada', 'eve');
  const token = `${header}.${Buffer.from(changed).toString('base64url')}.${signature}`;
  expect(await verify(token)).toMatchObject({ outcome: 'invalid' });
});

test('without an audience any resource of ours is accepted, for revocation (RFC 7009 §2.1)', async () => {
  const token = await forge({ aud: `${issuer}/other` });
  expect(await verify(token, { audience: undefined })).toMatchObject({ outcome: 'valid' });
});
