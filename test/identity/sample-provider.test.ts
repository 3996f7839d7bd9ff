/** The sample identity provider of the demo: what a person, a script and an operator see of it. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { openBrowser, sampleClient, signInAt, startSampleProvider } from '../support/sample-provider.ts';

async function start(options: Parameters<typeof startSampleProvider>[0] = {}) {
  const sample = await startSampleProvider(options);
  onTestFinished(sample.close);
  return sample.issuer;
}

function request(issuer: string, parameters: Readonly<Record<string, string>> = {}): URL {
  const url = new URL('/auth', issuer);
  url.search = new URLSearchParams({
    client_id: sampleClient.clientId,
    redirect_uri: sampleClient.redirectUri,
    response_type: 'code',
    scope: 'openid email',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
    state: 'state',
    ...parameters,
  }).toString();
  return url;
}

const ada = { name: 'Ada', email: 'ada@example.com' };

test('its metadata offers what a provider for trying things out should', async () => {
  const issuer = await start();

  const metadata = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as object;

  expect(metadata).toMatchObject({
    issuer,
    scopes_supported: ['openid', 'offline_access', 'email', 'profile'],
    userinfo_endpoint: `${issuer}/me`,
    introspection_endpoint: `${issuer}/token/introspection`,
    revocation_endpoint: `${issuer}/token/revocation`,
    authorization_response_iss_parameter_supported: true,
  });
});

test('it starts and signs in without a word on the console', async () => {
  const spies = (['log', 'info', 'warn', 'error'] as const).map((name) => vi.spyOn(console, name));
  onTestFinished(() => void vi.restoreAllMocks());

  await signInAt(request(await start()), ada);

  for (const spy of spies) expect(spy).not.toHaveBeenCalled();
});

test('the form says what it is, escapes what it is given, and may be followed by a redirect to any origin (CSP Level 3 §6.4.1)', async () => {
  const issuer = await start();
  const browser = openBrowser();

  const shown = await browser.visit(request(issuer, { login_hint: '"><script>alert(1)</script>' }));
  const page = await fetch(shown.url, { headers: { cookie: browser.cookieHeader() } });

  expect(shown.text).toContain('Sample identity provider — for trying things out');
  expect(shown.text).not.toContain('<script>');
  expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
  expect(page.headers.get('content-security-policy')).not.toContain('form-action');
});

test.each([
  { name: '', email: 'ada@example.com' },
  { name: 'Ada', email: 'nobody' },
  { name: 'Ada', email: '' },
])('a form filled in as %j is shown again with the problem', async (form) => {
  const browser = openBrowser();
  const shown = await browser.visit(request(await start()));

  const again = await browser.visit(shown.url, new URLSearchParams(form));

  expect(again.url).toEqual(shown.url);
  expect(again.text).toContain('role="alert"');
});

test('a session spares the form, and prompt=login asks all the same (OpenID Connect Core §3.1.2.1)', async () => {
  const issuer = await start();
  const browser = openBrowser();
  await signInAt(request(issuer), ada, browser);

  const spared = await browser.visit(request(issuer));
  const asked = await browser.visit(request(issuer, { prompt: 'login' }));

  expect(spared.url.searchParams.has('code')).toBe(true);
  expect(asked.text).toContain('<form');
});

test('a sign-in of another browser is not continued', async () => {
  const shown = await openBrowser().visit(request(await start()));

  const foreign = await openBrowser().visit(shown.url, new URLSearchParams(ada));

  expect(foreign.text).toContain('This sign-in is over');
});

test('a redirect URI that it does not know gets a page, not a redirect (RFC 6749 §4.1.2.1)', async () => {
  const shown = await openBrowser().visit(
    request(await start(), { redirect_uri: 'https://evil.example/callback' }),
  );

  expect(shown.text).toContain('invalid_redirect_uri');
});

test('its issuer may differ from where it listens: a container, a tunnel', async () => {
  const issuer = 'http://idp.localhost:9400';
  const probe = await startSampleProvider();
  const { port } = new URL(probe.issuer);
  await probe.close();
  await start({ issuer, port: Number(port) });

  const metadata = (await (
    await fetch(`http://127.0.0.1:${port}/.well-known/openid-configuration`)
  ).json()) as Record<string, string>;

  expect(metadata.issuer).toBe(issuer);
  expect(metadata.token_endpoint).toBe(`${issuer}/token`);
});
