/** What the provider answers to a sign-in: errors are told from failures, and neither reaches people in its own words. */
import { expect, test } from 'vitest';
import { misbehavingClient, secrets } from '../support/misbehaving-provider.ts';
import { answer, connectTo, outcomeOf, signIn, startProvider } from './support.ts';

/** An error instead of a code. */
function refusal(parameters: Readonly<Record<string, string>>): URL {
  const url = answer(parameters);
  url.searchParams.delete('code');
  return url;
}

test.each([
  ['access_denied', 'access_denied'],
  ['login_required', 'login_required'],
  ['consent_required', 'consent_required'],
  ['interaction_required', 'interaction_required'],
  ['account_selection_required', 'account_selection_required'],
  ['invalid_scope', 'invalid_scope'],
  ['temporarily_unavailable', 'temporarily_unavailable'],
  ['server_error', 'server_error'],
  // About our request, not the client's.
  ['unauthorized_client', 'server_error'],
  ['invalid_request', 'server_error'],
  ['unsupported_response_type', 'server_error'],
  ['<script>alert(1)</script>', 'server_error'],
])('the error %s reaches the client as %s (RFC 6749 §4.1.2.1)', async (error, code) => {
  const upstream = await startProvider();
  const provider = connectTo(upstream.issuer);

  expect(await outcomeOf(signIn(provider, refusal({ error })))).toBe(`refused: ${code}`);
  expect(upstream.callsTo('/token')).toHaveLength(0);
});

test('the words of the provider are kept for the log on one line, and not long', async () => {
  const upstream = await startProvider();
  const description = `no\r\nlog injection\u0000\u001b[31m\u2028here${'!'.repeat(5000)}`;

  const failed = signIn(
    connectTo(upstream.issuer),
    refusal({ error: 'access_denied', error_description: description }),
  );

  const { message } = await failed.then(
    () => new Error('signed in'),
    (error: Error) => error,
  );
  expect(message).toMatch(/^the provider said access_denied \(no log injection \[31m here!+\)$/);
  expect(message.length).toBeLessThan(300);
});

test.each([
  ['a state of another sign-in', { state: 'other' }],
  ['an iss that is not the provider: a mix-up (RFC 9207 §2.4)', { iss: 'https://evil.example' }],
  ['an ID token in the query', { id_token: 'x.y.z' }],
  ['a response in a JWT that was not asked for', { response: 'x.y.z' }],
])('an answer with %s is refused, and no code is redeemed', async (_, parameters) => {
  const upstream = await startProvider();

  expect(await outcomeOf(signIn(connectTo(upstream.issuer), answer(parameters)))).toBe(
    'refused: server_error',
  );
  expect(upstream.callsTo('/token')).toHaveLength(0);
});

test('an error with the state of another sign-in is not believed either (RFC 9700 §4.7)', async () => {
  const upstream = await startProvider();
  const forged = refusal({ error: 'access_denied', state: 'other' });

  expect(await outcomeOf(signIn(connectTo(upstream.issuer), forged))).toBe('refused: server_error');
});

test.each(['code', 'state', 'iss', 'error'])(
  'an answer with a repeated %s is refused (RFC 6749 §3.1)',
  async (name) => {
    const upstream = await startProvider();
    const returned = answer({ iss: upstream.issuer });
    for (const value of ['1', '2']) returned.searchParams.append(name, value);

    expect(await outcomeOf(signIn(connectTo(upstream.issuer), returned))).toBe('refused: server_error');
    expect(upstream.callsTo('/token')).toHaveLength(0);
  },
);

test.each(['code', 'state'])('an answer without %s is refused (RFC 6749 §4.1.2)', async (name) => {
  const upstream = await startProvider();
  const returned = answer();
  returned.searchParams.delete(name);

  expect(await outcomeOf(signIn(connectTo(upstream.issuer), returned))).toBe('refused: server_error');
});

test('the right iss is accepted, and required of a provider that promises it (RFC 9207 §2.4)', async () => {
  const upstream = await startProvider();
  upstream.on('/.well-known/openid-configuration', () => ({
    body: { ...upstream.metadata(), authorization_response_iss_parameter_supported: true },
  }));
  const provider = connectTo(upstream.issuer);

  expect(await outcomeOf(signIn(provider, answer({ iss: upstream.issuer })))).toBe('fine');
  expect(await outcomeOf(signIn(provider, answer()))).toBe('refused: server_error');
});

test('the code is redeemed with the verifier, the redirect URI of the request and our credentials (RFC 6749 §4.1.3, RFC 7636 §4.5)', async () => {
  const upstream = await startProvider();
  const returned = new URL(`http://internal:8080/callback${answer().search}`);

  await signIn(connectTo(upstream.issuer), returned);

  const [call] = upstream.callsTo('/token');
  expect(Object.fromEntries(call!.form)).toEqual({
    grant_type: 'authorization_code',
    code: 'upstream-code',
    redirect_uri: secrets.redirectUri,
    code_verifier: secrets.codeVerifier,
    client_id: misbehavingClient.clientId,
    client_secret: misbehavingClient.clientSecret,
  });
  expect(call!.headers.authorization).toBeUndefined();
});

test('credentials go into the header where the provider takes nothing else (RFC 6749 §2.3.1)', async () => {
  const upstream = await startProvider();
  upstream.on('/.well-known/openid-configuration', () => ({
    body: { ...upstream.metadata(), token_endpoint_auth_methods_supported: ['client_secret_basic'] },
  }));

  await signIn(connectTo(upstream.issuer));

  const [call] = upstream.callsTo('/token');
  expect(call!.headers.authorization).toBe(`Basic ${btoa('proxy:a%2Bb%2Fc%25d+e')}`);
  expect(call!.form.has('client_secret')).toBe(false);
});

test.each(['invalid_grant', 'invalid_client', 'invalid_request', 'something_else'])(
  'a code that the token endpoint refuses with %s ends the sign-in (RFC 6749 §5.2)',
  async (error) => {
    const upstream = await startProvider();
    upstream.on('/token', () => ({
      status: error === 'invalid_client' ? 401 : 400,
      headers: { 'www-authenticate': 'Basic realm="upstream"' },
      body: { error, error_description: { odd: true } },
    }));

    const failed = signIn(connectTo(upstream.issuer));

    await expect(failed).rejects.toThrow(`the provider said ${error}`);
    expect(await outcomeOf(failed)).toBe('refused: server_error');
  },
);

test.each([
  ['500', { status: 500, body: { error: 'invalid_grant' } }],
  ['503', { status: 503 }],
  ['429', { status: 429, body: { error: 'slow_down' } }],
  ['a page of a gateway', { headers: { 'content-type': 'text/html' }, body: '<h1>Welcome</h1>' }],
  ['a page of a firewall', { status: 403, headers: { 'content-type': 'text/html' }, body: '<h1>No</h1>' }],
  ['half an answer', { body: '{"access_token": "abc' }],
  ['a list', { body: [] }],
  ['more than a mebibyte', { body: { access_token: 'x'.repeat(1024 * 1024), token_type: 'Bearer' } }],
  ['nothing at all', { hangs: true }],
])('a token endpoint that answers %s is a failure that passes, not a refusal', async (_, reply) => {
  const upstream = await startProvider();
  const provider = connectTo(upstream.issuer, { timeoutMs: 250 });
  upstream.on('/token', () => reply);

  expect(await outcomeOf(signIn(provider))).toBe('unavailable');
});

test('a redirect of the token endpoint is not followed: the code and our secret would travel with it', async () => {
  const upstream = await startProvider();
  upstream.on('/token', () => ({ status: 307, headers: { location: `${upstream.issuer}/elsewhere` } }));

  expect(await outcomeOf(signIn(connectTo(upstream.issuer)))).toBe('unavailable');
  expect(upstream.callsTo('/elsewhere')).toHaveLength(0);
});

test.each([
  ['an access token with a line break', { access_token: 'a\nb' }],
  ['an access token that is not ASCII', { access_token: 'tökén' }],
  ['an empty access token', { access_token: '' }],
  ['no access token', { access_token: undefined }],
  ['a refresh token with a line break', { refresh_token: 'a\r\nb' }],
  ['a refresh token that is no text', { refresh_token: 7 }],
  ['no token type', { token_type: undefined }],
  ['a token type we cannot use', { token_type: 'mac' }],
])('%s is refused (RFC 6749 §5.1, appendix A)', async (_, replaced) => {
  const upstream = await startProvider();
  upstream.on('/token', async () => ({ body: await upstream.tokens(replaced) }));

  expect(await outcomeOf(signIn(connectTo(upstream.issuer)))).toBe('refused: server_error');
});

test.each([
  ['a number in text', '120', 120],
  ['zero', 0, undefined],
  ['null', null, undefined],
  ['no number', 'soon', undefined],
  ['negative', -5, undefined],
  ['beyond all calendars', 1e300, 10 * 365 * 86_400],
])(
  'expires_in that is %s is read as far as it makes sense (RFC 6749 §5.1)',
  async (_, expiresIn, seconds) => {
    const upstream = await startProvider();
    upstream.on('/token', async () => ({ body: await upstream.tokens({ expires_in: expiresIn }) }));
    const now = new Date();

    const { tokens } = await signIn(connectTo(upstream.issuer, { clock: () => now }));

    expect(tokens.expiresAt).toEqual(
      seconds === undefined ? undefined : new Date(now.getTime() + seconds * 1000),
    );
  },
);

test('members that are null are absent (RFC 6749 §5.1)', async () => {
  const upstream = await startProvider();
  upstream.on('/token', async () => ({ body: await upstream.tokens({ refresh_token: null, scope: null }) }));

  const { tokens } = await signIn(connectTo(upstream.issuer));

  expect(tokens).toEqual({
    accessToken: 'upstream-access-token',
    refreshToken: undefined,
    expiresAt: expect.any(Date) as Date,
    scope: undefined,
  });
});

test('no error carries a token, a code or our secret, not even among its causes', async () => {
  const upstream = await startProvider();
  upstream.on('/token', async () => ({
    body: await upstream.tokens({ id_token: await upstream.idToken({ nonce: 'wrong' }) }),
  }));

  const error: unknown = await signIn(connectTo(upstream.issuer)).catch((thrown: unknown) => thrown);

  expect(error).toBeInstanceOf(Error);
  const everything: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    everything.push(JSON.stringify(Object.getOwnPropertyDescriptors(cause)), String(cause.stack));
    expect(cause.cause === undefined || cause.cause instanceof Error).toBe(true);
  }
  for (const secret of [
    'upstream-access-token',
    'upstream-refresh-token',
    'upstream-code',
    'a+b/c%d e',
    'eyJ',
  ]) {
    expect(everything.join()).not.toContain(secret);
  }
});
