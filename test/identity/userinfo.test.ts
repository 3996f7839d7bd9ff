/** What the userinfo endpoint may add to an ID token, and how a provider without ID tokens says who a person is. */
import { expect, test } from 'vitest';
import { connectTo, outcomeOf, signIn, startProvider } from './support.ts';

type Upstream = Awaited<ReturnType<typeof startProvider>>;

/** The provider's ID token says only this about the person. */
function sayInIdToken(upstream: Upstream, replaced: Readonly<Record<string, unknown>>) {
  upstream.on('/token', async () => ({
    body: await upstream.tokens({ id_token: await upstream.idToken(replaced) }),
  }));
}

const nothing = { email: undefined, email_verified: undefined, name: undefined };

test('userinfo completes what the ID token lacks (OpenID Connect Core §5.3)', async () => {
  const upstream = await startProvider();
  sayInIdToken(upstream, nothing);
  upstream.on('/userinfo', () => ({ body: { sub: 'person-1', name: 'Ada', email: 'ada@example.com' } }));

  const { identity } = await signIn(connectTo(upstream.issuer));

  expect(identity).toEqual({
    issuer: upstream.issuer,
    subject: 'person-1',
    name: 'Ada',
    email: 'ada@example.com',
    isEmailVerified: false,
  });
  expect(upstream.callsTo('/userinfo')[0]!.headers.authorization).toBe('Bearer upstream-access-token');
});

test('the signed ID token is believed before userinfo', async () => {
  const upstream = await startProvider();
  upstream.on('/userinfo', () => ({ body: { sub: 'person-1', name: 'Eve', email: 'eve@example.com' } }));

  const { identity } = await signIn(connectTo(upstream.issuer));

  expect(identity).toMatchObject({ name: 'Ada', email: 'ada@example.com' });
});

test.each([
  ['the ID token', { email_verified: false }, {}],
  ['userinfo', {}, { email_verified: false }],
  ['the ID token, in words', { email_verified: 'false' }, { email_verified: true }],
  ['userinfo, in words', { email_verified: undefined }, { email_verified: 'false' }],
])(
  'an e-mail that %s calls unverified is not used (OpenID Connect Core §5.7)',
  async (_, inToken, inUserInfo) => {
    const upstream = await startProvider();
    sayInIdToken(upstream, inToken);
    upstream.on('/userinfo', () => ({ body: { sub: 'person-1', email: 'ada@example.com', ...inUserInfo } }));

    const { identity } = await signIn(connectTo(upstream.issuer));

    expect(identity.email).toBeUndefined();
    expect(identity.name).toBe('Ada');
  },
);

test.each(['person-2', '', undefined, 1])(
  'userinfo about someone else (sub %s) is never used (OpenID Connect Core §5.3.2)',
  async (sub) => {
    const upstream = await startProvider();
    upstream.on('/userinfo', () => ({ body: { sub, email: 'eve@example.com' } }));

    expect(await outcomeOf(signIn(connectTo(upstream.issuer)))).toBe('refused: server_error');
  },
);

test.each([
  ['the other one', { email: 'eve@example.com' }, { email: 'ada@example.com', email_verified: true }, false],
  ['no address', { email: 'eve@example.com' }, { email_verified: true }, false],
  ['no address', { email_verified: true }, { email: 'eve@example.com' }, false],
  ['this one', { email: 'eve@example.com' }, { email: 'eve@example.com', email_verified: true }, true],
])(
  'email_verified said of %s (ID token %j, userinfo %j): the address is verified: %s (OpenID Connect Core §5.1)',
  async (_, inIdToken, inUserInfo, isEmailVerified) => {
    const upstream = await startProvider();
    sayInIdToken(upstream, { email: undefined, email_verified: undefined, ...inIdToken });
    upstream.on('/userinfo', () => ({ body: { sub: 'person-1', ...inUserInfo } }));

    const { identity } = await signIn(connectTo(upstream.issuer));

    expect(identity).toMatchObject({ email: 'eve@example.com', isEmailVerified });
  },
);

const failures = [
  ['500', { status: 500 }],
  ['a page', { headers: { 'content-type': 'text/html' }, body: '<h1>Hello</h1>' }],
  ['a redirect', { status: 302, headers: { location: 'https://evil.example/' } }],
  ['more than a mebibyte', { body: { sub: 'person-1', name: 'x'.repeat(1024 * 1024) } }],
  ['nothing', { hangs: true }],
] as const;

test.each(failures)(
  'userinfo that answers %s is done without, when the ID token says enough',
  async (_, answer) => {
    const upstream = await startProvider();
    upstream.on('/userinfo', () => answer);

    const { identity } = await signIn(connectTo(upstream.issuer, { timeoutMs: 250 }));

    expect(identity).toMatchObject({ subject: 'person-1', name: 'Ada', email: 'ada@example.com' });
  },
);

test.each(failures)(
  'userinfo that answers %s is a failure that passes, when only userinfo names the person',
  async (_, answer) => {
    const upstream = await startProvider();
    sayInIdToken(upstream, nothing);
    upstream.on('/userinfo', () => answer);

    expect(await outcomeOf(signIn(connectTo(upstream.issuer, { timeoutMs: 250 })))).toBe('unavailable');
  },
);

test.each(failures)(
  'userinfo that answers %s is a failure that passes, when a list asks for groups and only userinfo has them',
  async (_, answer) => {
    const upstream = await startProvider();
    upstream.on('/userinfo', () => answer);
    const provider = connectTo(upstream.issuer, { timeoutMs: 250 }, { wantsGroups: true });

    expect(await outcomeOf(signIn(provider))).toBe('unavailable');
  },
);

test('userinfo that is refused to us is done without: the ID token names the person (OpenID Connect Core §2)', async () => {
  const upstream = await startProvider();
  sayInIdToken(upstream, nothing);
  const headers = { 'www-authenticate': 'Bearer error="insufficient_scope"' };
  upstream.on('/userinfo', () => ({ status: 403, headers, body: { error: 'insufficient_scope' } }));

  const { identity } = await signIn(connectTo(upstream.issuer));

  expect(identity).toEqual({ issuer: upstream.issuer, subject: 'person-1', isEmailVerified: false });
});

test('a provider without userinfo endpoint is fine (OpenID Connect Discovery §3: recommended)', async () => {
  const upstream = await startProvider();
  upstream.on('/.well-known/openid-configuration', () => ({
    body: { ...upstream.metadata(), userinfo_endpoint: null },
  }));

  const { identity } = await signIn(connectTo(upstream.issuer));

  expect(identity.subject).toBe('person-1');
  expect(upstream.callsTo('/userinfo')).toHaveLength(0);
});

/** A provider that publishes nothing: no ID token can be checked. */
async function startPlainProvider() {
  const upstream = await startProvider();
  upstream.on('/.well-known/openid-configuration', () => ({ status: 404 }));
  return upstream;
}

test.each([
  ['sub', { sub: 'abc', id: 7 }, 'abc'],
  ['id, a number', { id: 583_231 }, '583231'],
  ['id, a text', { id: 'u_1' }, 'u_1'],
])('without ID tokens the subject is %s', async (_, claims, subject) => {
  const upstream = await startPlainProvider();
  upstream.on('/userinfo', () => ({ body: { ...claims, login: 'ada', email: 'ada@example.com' } }));

  const { identity } = await signIn(connectTo(upstream.issuer));

  expect(identity).toEqual({
    issuer: upstream.issuer,
    subject,
    name: 'ada',
    email: 'ada@example.com',
    isEmailVerified: false,
  });
});

test('an ID token that cannot be checked is not looked at', async () => {
  const upstream = await startPlainProvider();
  sayInIdToken(upstream, { sub: 'admin', iss: 'https://evil.example' });
  upstream.on('/userinfo', () => ({ body: { sub: 'person-1' } }));

  expect((await signIn(connectTo(upstream.issuer))).identity.subject).toBe('person-1');
});

test.each([
  ['no subject', { body: { name: 'Ada' } }, 'refused: server_error'],
  ['an id that JSON cannot carry exactly', { body: '{"id": 90071992547409931}' }, 'refused: server_error'],
  ['401', { status: 401 }, 'refused: server_error'],
  ['404', { status: 404 }, 'refused: server_error'],
  ['a page', { body: '<h1>Hello</h1>' }, 'unavailable'],
  ['a list', { body: [1] }, 'unavailable'],
  ['502', { status: 502 }, 'unavailable'],
])('userinfo alone that answers %s names nobody', async (_, answer, outcome) => {
  const upstream = await startPlainProvider();
  upstream.on('/userinfo', () => answer);

  expect(await outcomeOf(signIn(connectTo(upstream.issuer)))).toBe(outcome);
});
