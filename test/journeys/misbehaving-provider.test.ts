/**
 * Whatever an identity provider does wrong ends in a clear page or error, with nothing stored, and nothing of what it
 * sent in the answer or in the log.
 */
import { SignJWT } from 'jose';
import { expect, onTestFinished, test } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { approve, askConsent, callMcp, redeem, register, tokensOf } from '../support/authorize.ts';
import { misbehavingClient, startMisbehavingProvider } from '../support/misbehaving-provider.ts';

type Provider = Awaited<ReturnType<typeof startMisbehavingProvider>>;

/** What the provider sends that nobody else may see, and words that must not be repeated to anyone. */
const sent = {
  accessToken: 'upstream-access-token',
  refreshToken: 'upstream-refresh-token',
  words: 'words-of-the-provider<script>alert(1)</script>',
};

async function startSetting() {
  const provider = await startMisbehavingProvider();
  const proxy = await startTestApp({
    environment: {
      OAUTH_AUTHORIZE_URL: provider.issuer,
      OAUTH_CLIENT_ID: misbehavingClient.clientId,
      OAUTH_CLIENT_SECRET: misbehavingClient.clientSecret,
    },
  });
  onTestFinished(async () => {
    await proxy.close();
    await provider.close();
  });
  return { provider, proxy, client: await register(proxy) };
}

/** Up to the moment at which the browser is at the provider. */
async function goToProvider(setting: Awaited<ReturnType<typeof startSetting>>) {
  const asked = await askConsent(setting.proxy, setting.client);
  const { searchParams } = await approve(asked);
  const nonce = searchParams.get('nonce') ?? '';
  const state = searchParams.get('state') ?? '';
  const comeBack = async (parameters: Readonly<Record<string, string>> = {}) =>
    asked.browser.get(
      `/callback?${new URLSearchParams({ code: 'upstream-code', state, ...parameters }).toString()}`,
    );
  return { ...asked, nonce, comeBack };
}

async function countRows({ db }: TestApp): Promise<number> {
  const { rows } = await db.query({
    text: `select (select count(*) from upstream_sessions) + (select count(*) from grants)
      + (select count(*) from authorization_codes) + (select count(*) from consents) as stored`,
    values: [],
  });
  return Number((rows[0] as { stored: string }).stored);
}

interface Misbehaviour {
  /** What it does, once the nonce of the sign-in is known. */
  readonly does?: (provider: Provider, nonce: string) => unknown;
  /** What the browser brings, beside code and state. */
  readonly brings?: Readonly<Record<string, string>>;
  /** The error that the client gets; undefined for a page that says to try again. */
  readonly error?: string;
}

const answers = (path: string, answer: object) => (provider: Provider) => provider.on(path, () => answer);
const idToken =
  (replaced: Readonly<Record<string, unknown>>, header: { kid?: string } = {}) =>
  (provider: Provider, nonce: string) =>
    provider.on('/token', async () => ({
      body: await provider.tokens({ id_token: await provider.idToken({ nonce, ...replaced }, header) }),
    }));
const forged = (header: object, key?: Uint8Array) => (provider: Provider, nonce: string) =>
  provider.on('/token', async () => {
    const claims = { ...provider.claims(), nonce };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = key
      ? await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(key)
      : `${part(header)}.${part(claims)}.`;
    return { body: await provider.tokens({ id_token: token }) };
  });
const html = { headers: { 'content-type': 'text/html' }, body: `<h1>${sent.words}</h1>` };

const misbehaviours: Readonly<Record<string, Misbehaviour>> = {
  'an ID token with a wrong iss': { does: idToken({ iss: 'https://evil.example' }), error: 'server_error' },
  'an ID token with a wrong aud': { does: idToken({ aud: 'someone-else' }), error: 'server_error' },
  'an ID token with a wrong azp': {
    does: idToken({ aud: [misbehavingClient.clientId, 'x'], azp: 'x' }),
    error: 'server_error',
  },
  'an ID token with a wrong nonce': { does: idToken({ nonce: 'replayed' }), error: 'server_error' },
  'an ID token without signature (alg none)': { does: forged({ alg: 'none' }), error: 'server_error' },
  'an ID token signed with the client secret (HS256)': {
    does: forged({}, Buffer.from(misbehavingClient.clientSecret)),
    error: 'server_error',
  },
  'an ID token of an unknown kid': { does: idToken({}, { kid: 'nobody-knows' }) },
  'no ID token': {
    does: (provider) =>
      provider.on('/token', async () => ({ body: await provider.tokens({ id_token: undefined }) })),
    error: 'server_error',
  },
  'userinfo about someone else': {
    does: (provider, nonce) => {
      idToken({})(provider, nonce);
      provider.on('/userinfo', () => ({ body: { sub: 'person-2', name: sent.words } }));
    },
    error: 'server_error',
  },
  'an error instead of tokens': {
    does: answers('/token', { status: 400, body: { error: 'invalid_grant', error_description: sent.words } }),
    error: 'server_error',
  },
  'the word that our secret is wrong': {
    does: answers('/token', {
      status: 401,
      body: { error: 'invalid_client', error_description: sent.words },
    }),
    error: 'server_error',
  },
  'tokens that break headers': {
    does: (provider, nonce) =>
      provider.on('/token', async () => ({
        body: await provider.tokens({
          access_token: 'a\r\nx-evil: 1',
          id_token: await provider.idToken({ nonce }),
        }),
      })),
    error: 'server_error',
  },
  '500 at the token endpoint': { does: answers('/token', { status: 500, body: sent.words }) },
  '429 at the token endpoint': { does: answers('/token', { status: 429 }) },
  'a page at the token endpoint': { does: answers('/token', html) },
  'a redirect at the token endpoint': {
    does: answers('/token', { status: 302, headers: { location: 'https://evil.example/' } }),
  },
  'two mebibytes at the token endpoint': { does: answers('/token', { body: 'x'.repeat(2 * 1024 * 1024) }) },
  'keys that are a page': {
    does: (provider, nonce) => {
      idToken({})(provider, nonce);
      provider.on('/jwks', () => html);
    },
  },
  access_denied: {
    brings: { error: 'access_denied', error_description: sent.words },
    error: 'access_denied',
  },
  login_required: {
    brings: { error: 'login_required', error_description: sent.words },
    error: 'login_required',
  },
  'invalid_client at the front': {
    brings: { error: 'invalid_client', error_description: sent.words },
    error: 'server_error',
  },
  'an error of its own': {
    brings: { error: 'x"><script>', error_description: sent.words },
    error: 'server_error',
  },
  'the iss of another provider (RFC 9207)': {
    brings: { iss: 'https://evil.example' },
    error: 'server_error',
  },
  'an ID token in the address': { brings: { id_token: 'front-channel' }, error: 'server_error' },
};

test.each(Object.entries(misbehaviours))(
  '%s: a clear end, nothing stored, nothing leaked',
  async (_, { does, brings, error }) => {
    const setting = await startSetting();
    const { nonce, comeBack } = await goToProvider(setting);
    does?.(setting.provider, nonce);

    const answer = await comeBack(brings);

    if (error === undefined) {
      expect(answer.statusCode).toBe(503);
      expect(answer.headers['retry-after']).toBe('5');
      expect(answer.headers['content-type']).toMatch(/^text\/html/);
      expect(answer.body).toContain('Sign-in is away for a moment');
    } else {
      const location = new URL(String(answer.headers.location));
      expect(location.origin + location.pathname).toBe('https://client.example/callback');
      expect(location.searchParams.get('error')).toBe(error);
      expect(location.searchParams.get('state')).toBe('the state, exactly: ä+&=%20');
      expect(location.searchParams.has('code')).toBe(false);
    }
    expect(await countRows(setting.proxy)).toBe(0);
    const seen = decodeURIComponent(JSON.stringify(answer.headers).replaceAll('%', '%25')) + answer.body;
    const log = setting.proxy.log.join('');
    for (const secret of [
      sent.accessToken,
      sent.refreshToken,
      'upstream-code',
      nonce,
      misbehavingClient.clientSecret,
    ]) {
      expect(seen).not.toContain(secret);
      expect(log).not.toContain(secret);
    }
    expect(seen).not.toMatch(/words-of-the-provider|<script|evil/);
    // The first letters of a JWT's header: no token of whatever kind.
    expect(log).not.toMatch(/eyJ[A-Za-z0-9_-]{20,}\.eyJ/);
  },
);

test('keys that are rotated while a person signs in are read again, and the person gets through (OpenID Connect Core §10.1.1)', async () => {
  const setting = await startSetting();
  const first = await goToProvider(setting);
  idToken({})(setting.provider, first.nonce);
  expect(new URL(String((await first.comeBack()).headers.location)).searchParams.has('code')).toBe(true);

  const second = await goToProvider(setting);
  await setting.provider.rotateKey();
  setting.proxy.clock.advance({ seconds: 30 });
  idToken({})(setting.provider, second.nonce);

  expect(new URL(String((await second.comeBack()).headers.location)).searchParams.has('code')).toBe(true);
});

test('an answer that was lost to a failure can be brought again, and counts then (design: transient is not dead)', async () => {
  const setting = await startSetting();
  const asked = await goToProvider(setting);
  setting.provider.on('/token', () => ({ status: 502 }));
  expect((await asked.comeBack()).statusCode).toBe(503);
  idToken({})(setting.provider, asked.nonce);

  const location = new URL(String((await asked.comeBack()).headers.location));
  const code = location.searchParams.get('code') ?? '';
  const { accessToken } = tokensOf(await redeem(setting.proxy, setting.client, { ...asked, code }));

  expect((await callMcp(setting.proxy, accessToken)).statusCode).toBe(200);
});

test('userinfo may be signed (OpenID Connect Core §5.3.2)', async () => {
  const setting = await startSetting();
  const asked = await goToProvider(setting);
  idToken({ email: undefined, name: undefined })(setting.provider, asked.nonce);
  setting.provider.on('/userinfo', async () => ({
    headers: { 'content-type': 'application/jwt' },
    body: await setting.provider.idToken({ nonce: undefined, name: 'Ada, signed' }),
  }));

  const code = new URL(String((await asked.comeBack()).headers.location)).searchParams.get('code') ?? '';
  const { accessToken } = tokensOf(await redeem(setting.proxy, setting.client, { ...asked, code }));

  const { headers } = (await callMcp(setting.proxy, accessToken)).json<{ headers: Record<string, string> }>();
  expect(headers['x-forwarded-name']).toBe('Ada, signed');
});
