/** Sign-in with GitHub, by its documented variables, against look-alikes of github.com and of an Enterprise Server. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { createIdentityProvider } from '../../src/identity/create-identity-provider.ts';
import { type Arrived, localUrl, noOAuth, startTestApp } from '../support/app.ts';
import { callMcp, refresh, register, tokensOf } from '../support/authorize.ts';
import { createGitHub, type GitHubAccount } from '../support/lookalikes/github.ts';
import { startPublicHosts, visit } from '../support/lookalikes/public-hosts.ts';
import { secrets } from '../support/misbehaving-provider.ts';
import { answerToClient, comeBack, signInWith } from '../support/sign-in-with.ts';

const credentials = { clientId: 'Ov23liAbCdEfGhIjKlMn', clientSecret: 'github-secret' };
const mona: GitHubAccount = {
  id: 583_231,
  login: 'octocat',
  name: 'Mona Lisa Octocat',
  emails: [
    { email: 'old@example.com', primary: false, verified: true },
    { email: 'mona@example.com', primary: true, verified: true },
  ],
};
const enterprise = 'https://ghe.example.com';
const preset = {
  ...noOAuth,
  GITHUB_CLIENT_ID: credentials.clientId,
  GITHUB_CLIENT_SECRET: credentials.clientSecret,
  SCOPES_SUPPORTED: 'openid,profile,email,repo,notes:read',
};
const byUrl = {
  SCOPES_SUPPORTED: preset.SCOPES_SUPPORTED,
  OAUTH_CLIENT_ID: credentials.clientId,
  OAUTH_CLIENT_SECRET: credentials.clientSecret,
};

async function startSetting(
  environment: Readonly<Record<string, string>>,
  app: Partial<Parameters<typeof createGitHub>[0]> = {},
) {
  const github = createGitHub({ ...credentials, callbackUrl: `${localUrl}/callback`, account: mona, ...app });
  const hosts = await startPublicHosts(github.hosts);
  const proxy = await startTestApp({ environment, fetch: hosts.fetch });
  onTestFinished(async () => {
    await proxy.close();
    await hosts.close();
  });
  const headersAt = async (accessToken: string) =>
    (await callMcp(proxy, accessToken)).json<Arrived>().headers;
  return { github, hosts, proxy, client: await register(proxy), headersAt };
}

describe.each([
  ['GITHUB_CLIENT_ID', preset, undefined],
  [
    'OAUTH_AUTHORIZE_URL of github.com',
    { ...byUrl, OAUTH_AUTHORIZE_URL: 'https://github.com/login/oauth/authorize' },
    undefined,
  ],
  ['GITHUB_URL of an Enterprise Server', { ...preset, GITHUB_URL: enterprise }, enterprise],
  [
    'OAUTH_AUTHORIZE_URL of an Enterprise Server',
    { ...byUrl, OAUTH_AUTHORIZE_URL: `${enterprise}/login/oauth/authorize` },
    enterprise,
  ],
])('%s', (_, environment, origin) => {
  test('the person is the numeric id, with the primary verified address and GitHub’s token (clients.md P14)', async () => {
    const setting = await startSetting(environment, origin === undefined ? {} : { origin });
    const { accessToken, returned } = await signInWith(setting);

    const headers = await setting.headersAt(accessToken);
    expect(headers).toMatchObject({
      'x-forwarded-user': '583231',
      'x-forwarded-email': 'mona@example.com',
      'x-forwarded-name': 'Mona Lisa Octocat',
    });
    expect(headers['x-forwarded-access-token']).toMatch(/^gho_/);
    expect(returned.sent.origin + returned.sent.pathname).toBe(
      `${origin ?? 'https://github.com'}/login/oauth/authorize`,
    );
    const asked = setting.hosts.calls.map(({ url }) => url.origin + url.pathname);
    expect(asked).toContain(origin === undefined ? 'https://api.github.com/user' : `${origin}/api/v3/user`);
  });

  test('it is asked for its own scopes, with PKCE, and without what is not its own', async () => {
    const setting = await startSetting(environment, origin === undefined ? {} : { origin });
    const parameters = { scope: 'openid email offline_access repo notes:read', resource: `${localUrl}/mcp` };
    const { returned } = await signInWith({ ...setting, parameters });

    const { searchParams } = returned.sent;
    expect(searchParams.get('scope')).toBe('read:user user:email repo');
    expect(searchParams.get('code_challenge_method')).toBe('S256');
    expect([searchParams.has('resource'), searchParams.has('nonce')]).toEqual([false, false]);
    const { rows } = await setting.proxy.db.query({
      text: 'select granted_scope from upstream_sessions',
      values: [],
    });
    expect(rows).toEqual([{ granted_scope: 'read:user,user:email,repo' }]);
  });
});

test('a token without expires_in is passed on for as long as the grant lives (clients.md P14)', async () => {
  const setting = await startSetting(preset);
  const { accessToken, refreshToken } = await signInWith(setting);
  const before = (await setting.headersAt(accessToken))['x-forwarded-access-token'];
  setting.proxy.clock.advance({ days: 20 });
  const fresh = tokensOf(await refresh(setting.proxy, setting.client, refreshToken));
  expect((await setting.headersAt(fresh.accessToken))['x-forwarded-access-token']).toBe(before);
});

test('tokens of a GitHub App expire after eight hours, and their refresh tokens replace each other', async () => {
  const setting = await startSetting(preset, { isGitHubApp: true });
  const { accessToken, refreshToken } = await signInWith(setting);
  const seen = [(await setting.headersAt(accessToken))['x-forwarded-access-token']];
  let presented = refreshToken;
  for (let day = 0; day < 3; day += 1) {
    setting.proxy.clock.advance({ hours: 24 });
    const fresh = tokensOf(await refresh(setting.proxy, setting.client, presented));
    seen.push((await setting.headersAt(fresh.accessToken))['x-forwarded-access-token']);
    presented = fresh.refreshToken;
  }
  expect(new Set(seen).size).toBe(4);
  expect(seen.every((token) => String(token).startsWith('ghu_'))).toBe(true);
});

test('access that was revoked in the person’s settings ends the sign-in (bad_refresh_token, sent with 200)', async () => {
  const setting = await startSetting(preset, { isGitHubApp: true });
  const { refreshToken } = await signInWith(setting);
  setting.github.removeAccess();
  setting.proxy.clock.advance({ hours: 9 });
  const fresh = tokensOf(await refresh(setting.proxy, setting.client, refreshToken));
  expect((await callMcp(setting.proxy, fresh.accessToken)).statusCode).toBe(401);
});

describe('USER_REVALIDATION_SECONDS, with tokens that cannot be refreshed (issue 4, item 5)', () => {
  async function start() {
    const setting = await startSetting({ ...preset, USER_REVALIDATION_SECONDS: '600' });
    const { accessToken, refreshToken } = await signInWith(setting);
    const call = async () => (await callMcp(setting.proxy, accessToken)).statusCode;
    const callMany = async () => new Set(await Promise.all(Array.from({ length: 10 }, call)));
    const asked = () => setting.hosts.calls.filter(({ url }) => url.href === 'https://api.github.com/user');
    await call();
    return { ...setting, refreshToken, call, callMany, asked, atSignIn: asked().length };
  }

  test('of many calls one asks whether the token still counts, once in each period', async () => {
    const { proxy, callMany, asked, atSignIn } = await start();
    for (const round of [1, 2]) {
      proxy.clock.advance({ minutes: 10 });
      expect(await callMany()).toEqual(new Set([200]));
      await expect.poll(asked).toHaveLength(atSignIn + round);
      await callMany();
      expect(asked()).toHaveLength(atSignIn + round);
    }
  });

  test('access that was revoked in the person’s settings ends the sign-in (RFC 6750 §3.1)', async () => {
    const { proxy, client, github, refreshToken, call } = await start();
    github.removeAccess();
    expect(await call()).toBe(200);

    proxy.clock.advance({ minutes: 10 });
    await call();

    await expect.poll(call).toBe(401);
    expect((await refresh(proxy, client, refreshToken)).json()).toMatchObject({ error: 'invalid_grant' });
  });

  test('a GitHub that is away ends nothing, and is asked again (clients.md P6)', async () => {
    const { proxy, github, callMany, asked, atSignIn } = await start();
    github.setApiAway(true);
    proxy.clock.advance({ minutes: 10 });
    expect(await callMany()).toEqual(new Set([200]));
    await expect.poll(asked).toHaveLength(atSignIn + 1);
    await expect.poll(() => proxy.log.join('')).toContain('did not say whether a token still counts');

    github.setApiAway(false);
    github.removeAccess();
    proxy.clock.advance({ minutes: 2 });
    await callMany();

    await expect.poll(async () => [...(await callMany())]).toEqual([401]);
  });

  test('nobody asks without the setting', async () => {
    const setting = await startSetting(preset);
    const { proxy, hosts } = setting;
    const { accessToken } = await signInWith(setting);
    const before = hosts.calls.length;
    proxy.clock.advance({ minutes: 50 });
    expect((await callMcp(proxy, accessToken)).statusCode).toBe(200);
    expect(hosts.calls).toHaveLength(before);
  });
});

test.each([
  ['is not verified', [{ email: 'mona@example.com', primary: true, verified: false }]],
  ['is not there', []],
])('when the primary address %s none is passed on: the public one proves nothing', async (_, emails) => {
  const setting = await startSetting(preset, { account: { ...mona, emails } });
  const { accessToken } = await signInWith(setting);
  expect(await setting.headersAt(accessToken)).not.toHaveProperty('x-forwarded-email');
});

test('a person who cancels at GitHub has denied access (RFC 6749 §4.1.2.1)', async () => {
  const setting = await startSetting(preset);
  setting.github.deny();
  expect(answerToClient(await comeBack(setting))).toMatchObject({ error: 'access_denied', iss: localUrl });
});

describe('groups', () => {
  const organizations = Array.from({ length: 150 }, (_, index) => `Org-${index}`);
  const account = { ...mona, organizations, teams: ['Org-1/Core', 'Org-1/docs'] };

  /** The provider alone: who may sign in by groups is decided elsewhere. */
  async function signInAlone(wantsGroups: boolean, origin = 'https://github.com') {
    const github = createGitHub({ ...credentials, callbackUrl: secrets.redirectUri, account, origin });
    const hosts = await startPublicHosts(github.hosts);
    onTestFinished(hosts.close);
    const provider = createIdentityProvider(
      {
        id: 'github',
        url: new URL(`${origin}/login/oauth/authorize`),
        isPrimary: true,
        ...credentials,
        wantsGroups,
      },
      { clock: () => new Date(), fetch: hosts.fetch },
    );
    const sent = await provider.signInUrl({ ...secrets, scopes: [] });
    const { identity } = await provider.completeSignIn(await visit(hosts, sent), secrets);
    return { sent, identity, hosts };
  }

  test.each(['https://github.com', enterprise])(
    'at %s organizations and teams are groups, page by page, in lower case, by read:org (clients.md P14)',
    async (origin) => {
      const { sent, identity } = await signInAlone(true, origin);
      expect(sent.searchParams.get('scope')).toBe('read:user user:email read:org');
      expect(identity.groups).toHaveLength(152);
      expect(identity.groups).toContain('org-149');
      expect(identity.groups?.slice(-2)).toEqual(['org-1/core', 'org-1/docs']);
    },
  );

  test('nobody is asked to show them when they are not needed', async () => {
    const { sent, identity, hosts } = await signInAlone(false);
    expect(sent.searchParams.get('scope')).toBe('read:user user:email');
    expect(identity.groups).toBeUndefined();
    expect(hosts.calls.some(({ url }) => url.pathname === '/user/orgs')).toBe(false);
  });
});

test('a Gitea, which has the same authorization endpoint, is what its own metadata says (OpenID Connect Discovery §4)', async () => {
  const gitea = 'https://git.example.com';
  const hosts = await startPublicHosts({
    [gitea]: ({ url }) =>
      url.pathname === '/.well-known/openid-configuration'
        ? {
            body: {
              issuer: gitea,
              authorization_endpoint: `${gitea}/login/oauth/authorize`,
              token_endpoint: `${gitea}/login/oauth/access_token`,
              jwks_uri: `${gitea}/login/oauth/keys`,
              userinfo_endpoint: `${gitea}/login/oauth/userinfo`,
              id_token_signing_alg_values_supported: ['RS256'],
              scopes_supported: ['openid', 'profile', 'email', 'groups'],
            },
          }
        : { status: 404 },
  });
  onTestFinished(hosts.close);
  const provider = createIdentityProvider(
    {
      id: 'oauth',
      url: new URL(`${gitea}/login/oauth/authorize`),
      isPrimary: true,
      ...credentials,
      wantsGroups: true,
    },
    { clock: () => new Date(), fetch: hosts.fetch },
  );
  const url = await provider.signInUrl({ ...secrets, scopes: ['openid', 'write:issue'] });
  expect(url.searchParams.get('scope')).toBe('openid profile email groups write:issue');
  expect(provider.displayName).toBe('git.example.com');
});

test('the look-alike is as strict as GitHub', async () => {
  const setting = await startSetting(preset);
  const { sent } = await comeBack(setting);
  const url = new URL(sent);
  url.searchParams.set('redirect_uri', 'https://evil.example/callback');
  expect((await visit(setting.hosts, url)).href).toMatch(
    /^http:\/\/localhost:8080\/callback\?error=redirect_uri_mismatch/,
  );
  url.searchParams.set('client_id', 'another');
  await expect(visit(setting.hosts, url)).rejects.toThrow('404');
});
