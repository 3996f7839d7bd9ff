/** Sign-in with Microsoft Entra ID, by its documented variables, against a look-alike under Microsoft's own names. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { createIdentityProvider } from '../../src/identity/create-identity-provider.ts';
import { type Arrived, localUrl, noOAuth, startTestApp } from '../support/app.ts';
import { callMcp, refresh, register, tokensOf } from '../support/authorize.ts';
import { createClock } from '../support/clock.ts';
import { createMicrosoft, type MicrosoftAccount, personalTenant } from '../support/lookalikes/microsoft.ts';
import { startPublicHosts, visit } from '../support/lookalikes/public-hosts.ts';
import { answerToClient, comeBack, signInWith } from '../support/sign-in-with.ts';
import { secrets } from '../support/misbehaving-provider.ts';

const credentials = { clientId: '11112222-3333-4444-5555-666677778888', clientSecret: 'abc8Q~secret' };
const contoso = '9122040d-6c67-4c5b-b112-36a304b66dad';
const fabrikam = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const ada: MicrosoftAccount = {
  tid: contoso,
  oid: '0A1B2C3D-0000-4000-8000-AABBCCDDEEFF'.toLowerCase(),
  name: 'Ada Lovelace',
  preferred_username: 'ada.upn@contoso.com',
  email: 'ada@contoso.com',
};
const elsewhere: MicrosoftAccount = { ...ada, tid: fabrikam, name: 'Eve', email: 'ada@contoso.com' };
const personal: MicrosoftAccount = {
  tid: personalTenant,
  oid: '00000000-0000-0000-66f3-3332eca7ea81',
  name: 'Pat',
  preferred_username: 'pat@outlook.com',
  email: 'pat@outlook.com',
};
const preset = {
  ...noOAuth,
  MICROSOFT_CLIENT_ID: credentials.clientId,
  MICROSOFT_CLIENT_SECRET: credentials.clientSecret,
};

async function startSetting(
  environment: Readonly<Record<string, string>>,
  app: Partial<Parameters<typeof createMicrosoft>[0]> = {},
) {
  const clock = createClock();
  const microsoft = await createMicrosoft({
    ...credentials,
    redirectUris: [`${localUrl}/callback`],
    account: ada,
    clock,
    domains: { 'contoso.onmicrosoft.com': contoso },
    resources: ['api://notes', 'https://api.contoso.com'],
    ...app,
  });
  const hosts = await startPublicHosts(microsoft.hosts);
  const proxy = await startTestApp({ environment: { ...preset, ...environment }, clock, fetch: hosts.fetch });
  onTestFinished(async () => {
    await proxy.close();
    await hosts.close();
  });
  const headersAt = async (accessToken: string) =>
    (await callMcp(proxy, accessToken)).json<Arrived>().headers;
  return { microsoft, hosts, proxy, client: await register(proxy), headersAt };
}

describe.each([
  ['its id', { MICROSOFT_TENANT: contoso }],
  ['its domain', { MICROSOFT_TENANT: 'contoso.onmicrosoft.com' }],
  ['common, with an allow-list', { MICROSOFT_ALLOWED_TENANTS: contoso }],
  [
    'organizations, with an allow-list',
    { MICROSOFT_TENANT: 'organizations', MICROSOFT_ALLOWED_TENANTS: contoso },
  ],
])('a tenant by %s', (_, environment) => {
  test('the person is tid and oid, and the address is the email claim, not the name that one signs in with (clients.md P12)', async () => {
    const setting = await startSetting(environment);
    const { accessToken } = await signInWith(setting);

    const headers = await setting.headersAt(accessToken);
    expect(headers).toMatchObject({
      'x-forwarded-user': `${contoso}.${ada.oid}`,
      'x-forwarded-email': 'ada@contoso.com',
      'x-forwarded-name': 'Ada Lovelace',
    });
    expect(headers['x-forwarded-access-token']).toMatch(/^eyJ0/);
  });

  test('someone of another tenant does not get in', async () => {
    const setting = await startSetting(environment, { account: elsewhere });
    const refused = await comeBack(setting).then(answerToClient, (error: unknown) => String(error));
    if (typeof refused === 'string') expect(refused).toContain('AADSTS50020');
    else expect(refused).toMatchObject({ error: 'access_denied' });
    const { rows } = await setting.proxy.db.query({ text: 'select from upstream_sessions', values: [] });
    expect(rows).toEqual([]);
  });
});

test.each([
  ['v1 authorization endpoint', `https://login.microsoftonline.com/${contoso}/oauth2/authorize`],
  ['v1 issuer', `https://sts.windows.net/${contoso}/`],
  ['v2 authorization endpoint', `https://login.microsoftonline.com/${contoso}/oauth2/v2.0/authorize`],
  ['older host name', `https://login.windows.net/${contoso}`],
])('OAUTH_AUTHORIZE_URL as a %s: version 2 is used (clients.md P12)', async (_, url) => {
  const setting = await startSetting({
    MICROSOFT_CLIENT_ID: '',
    MICROSOFT_CLIENT_SECRET: '',
    OAUTH_AUTHORIZE_URL: url,
    OAUTH_CLIENT_ID: credentials.clientId,
    OAUTH_CLIENT_SECRET: credentials.clientSecret,
  });
  const { accessToken, returned } = await signInWith(setting);
  expect(returned.sent.pathname).toBe(`/${contoso}/oauth2/v2.0/authorize`);
  expect((await setting.headersAt(accessToken))['x-forwarded-user']).toBe(`${contoso}.${ada.oid}`);
});

describe('many tenants', () => {
  test.each([
    ['common', ada],
    ['common', elsewhere],
    ['common', personal],
    ['organizations', elsewhere],
    ['consumers', personal],
  ])(
    '%s signs in an account of tenant %j, whose issuer is its own (Microsoft: iss with tid in place of {tenantid})',
    async (tenant, account) => {
      const setting = await startSetting({ MICROSOFT_TENANT: tenant }, { account });
      const { accessToken } = await signInWith(setting);

      expect((await setting.headersAt(accessToken))['x-forwarded-user']).toBe(
        `${account.tid}.${account.oid}`,
      );
      const { rows } = await setting.proxy.db.query({
        text: 'select issuer, subject from upstream_sessions',
        values: [],
      });
      expect(rows).toEqual([
        {
          issuer: `https://login.microsoftonline.com/${account.tid}/v2.0`,
          subject: `${account.tid}.${account.oid}`,
        },
      ]);
    },
  );

  test('the same oid in two tenants is two people (clients.md P12)', async () => {
    const setting = await startSetting({});
    const ours = await signInWith(setting);
    setting.microsoft.signInAs(elsewhere);
    const theirs = await signInWith(setting);
    const users = [ours, theirs].map(
      async ({ accessToken }) => (await setting.headersAt(accessToken))['x-forwarded-user'],
    );
    expect(new Set(await Promise.all(users)).size).toBe(2);
  });

  test.each<[string, Partial<MicrosoftAccount>, string | undefined]>([
    ['that an administrator wrote is not passed on (nOAuth)', {}, undefined],
    ['of a domain that the tenant owns is', { xms_edov: true }, 'ada@contoso.com'],
    ['of such a domain, said as text, is', { xms_edov: '1' }, 'ada@contoso.com'],
    ['that is said not to be is not', { xms_edov: false }, undefined],
  ])('an address %s', async (_, claims, email) => {
    const setting = await startSetting({}, { account: { ...elsewhere, ...claims } });
    const { accessToken } = await signInWith(setting);
    expect((await setting.headersAt(accessToken))['x-forwarded-email']).toBe(email);
  });

  test('a work account signed with the key of personal accounts is refused (Microsoft: the key’s issuer)', async () => {
    const setting = await startSetting({});
    setting.microsoft.signWith('personal');
    expect(answerToClient(await comeBack(setting))).toMatchObject({ error: 'server_error' });
    setting.microsoft.signWith('work');
    expect(answerToClient(await comeBack(setting))).toHaveProperty('code');
    // Also with keys that are remembered from the time before.
    setting.microsoft.signWith('personal');
    expect(answerToClient(await comeBack(setting))).toMatchObject({ error: 'server_error' });
    expect(setting.proxy.log.join('')).toContain('a key of another issuer');
  });
});

describe('who may sign in', () => {
  test.each<[string, Partial<MicrosoftAccount>, Readonly<Record<string, string>>, string]>([
    ['an address that an administrator elsewhere wrote opens no door (nOAuth)', {}, {}, 'access_denied'],
    ['nor does one of a domain that the tenant does not own', { xms_edov: false }, {}, 'access_denied'],
    ['one of a domain that the tenant owns opens it', { xms_edov: true }, {}, 'code'],
    [
      'but not from a tenant that may not sign in',
      { xms_edov: true },
      { MICROSOFT_ALLOWED_TENANTS: contoso },
      'access_denied',
    ],
    [
      'nor does one that Microsoft says is of a domain elsewhere, whatever tenant vouches for it',
      { xms_edov: false },
      { MICROSOFT_ALLOWED_TENANTS: elsewhere.tid },
      'access_denied',
    ],
    [
      'that of a tenant that the operator named opens it where Microsoft says nothing',
      {},
      { MICROSOFT_ALLOWED_TENANTS: elsewhere.tid },
      'code',
    ],
  ])('ALLOWED_EMAIL_DOMAINS: %s', async (_, claims, environment, outcome) => {
    const setting = await startSetting(
      { ALLOWED_EMAIL_DOMAINS: 'contoso.com', ...environment },
      { account: { ...elsewhere, ...claims } },
    );
    const { error = 'code' } = answerToClient(await comeBack(setting));
    expect(error).toBe(outcome);
  });

  test.each([
    ['in the token', 3],
    ['asked of Graph, when the token has no room for them', 8],
  ])('MICROSOFT_ALLOWED_GROUPS: groups %s (claims overage)', async (_, count) => {
    const groups = Array.from(
      { length: count },
      (__, index) => `${index}0000000-0000-4000-8000-00000000abcd`,
    );
    const [first = '', ...others] = groups;
    const environment = { MICROSOFT_TENANT: contoso, MICROSOFT_ALLOWED_GROUPS: first.toUpperCase() };
    const setting = await startSetting(environment, { account: { ...ada, groups } });
    expect(answerToClient(await comeBack(setting))).toHaveProperty('code');
    setting.microsoft.signInAs({ ...ada, groups: others });
    expect(answerToClient(await comeBack(setting))).toMatchObject({ error: 'access_denied' });
    setting.microsoft.signInAs(ada);
    expect(answerToClient(await comeBack(setting))).toMatchObject({ error: 'access_denied' });
  });
});

describe('scopes and tokens', () => {
  const environment = {
    MICROSOFT_TENANT: contoso,
    SCOPES_SUPPORTED:
      'openid,profile,email,Mail.Read,api://notes/read,https://api.contoso.com/write,notes:local',
  };

  test('the client’s resource is never passed on, nor a scope that is none of Microsoft’s; offline_access is (clients.md P12)', async () => {
    const setting = await startSetting(environment);
    const parameters = { scope: 'openid Mail.Read notes:local', resource: `${localUrl}/mcp` };
    const { returned, scope } = await signInWith({ ...setting, parameters });

    expect(returned.sent.searchParams.get('scope')).toBe('openid profile email Mail.Read offline_access');
    expect(returned.sent.searchParams.has('resource')).toBe(false);
    expect(returned.sent.searchParams.has('prompt')).toBe(false);
    expect(scope).toBe('openid Mail.Read notes:local');
    const forms = setting.hosts.calls.filter(({ method }) => method === 'POST');
    expect(forms.some(({ parameters: form }) => form.has('resource'))).toBe(false);
  });

  test('scopes of several resources: all are consented to, and the token is for the first (AADSTS28000, AADSTS28003)', async () => {
    const setting = await startSetting(environment);
    const parameters = { scope: 'openid api://notes/read Mail.Read https://api.contoso.com/write' };
    const { returned, accessToken } = await signInWith({ ...setting, parameters });

    expect(returned.sent.searchParams.get('scope')).toBe(
      'openid profile email api://notes/read Mail.Read https://api.contoso.com/write offline_access',
    );
    const { rows } = await setting.proxy.db.query({
      text: 'select granted_scope from upstream_sessions',
      values: [],
    });
    expect(rows).toEqual([{ granted_scope: 'openid profile email api://notes/read' }]);
    expect((await callMcp(setting.proxy, accessToken)).statusCode).toBe(200);
  });

  test('a refreshed token takes the place of the old one, and so does the refresh token', async () => {
    const setting = await startSetting(environment);
    const { accessToken, refreshToken } = await signInWith(setting);
    const seen = [(await setting.headersAt(accessToken))['x-forwarded-access-token']];
    let presented = refreshToken;
    for (let round = 0; round < 2; round += 1) {
      setting.proxy.clock.advance({ hours: 2 });
      const fresh = tokensOf(await refresh(setting.proxy, setting.client, presented));
      seen.push((await setting.headersAt(fresh.accessToken))['x-forwarded-access-token']);
      presented = fresh.refreshToken;
    }
    expect(new Set(seen).size).toBe(3);
    const presentedUpstream = setting.hosts.calls.flatMap(
      ({ parameters }) => parameters.get('refresh_token') ?? [],
    );
    expect(new Set(presentedUpstream).size).toBe(2);
  });

  test('sessions that an administrator revoked end the sign-in: 401 (invalid_grant, AADSTS700082)', async () => {
    const setting = await startSetting(environment);
    const { refreshToken } = await signInWith(setting);
    setting.microsoft.revokeSessions();
    setting.proxy.clock.advance({ hours: 2 });
    const fresh = tokensOf(await refresh(setting.proxy, setting.client, refreshToken));
    expect((await callMcp(setting.proxy, fresh.accessToken)).statusCode).toBe(401);
  });

  test('a secret that has expired at Microsoft ends nobody’s sign-in: 503 (AADSTS7000215 is the operator’s)', async () => {
    const setting = await startSetting(environment);
    const { refreshToken } = await signInWith(setting);
    const stale = await startTestApp({
      db: setting.proxy.db,
      environment: { ...preset, ...environment, MICROSOFT_CLIENT_SECRET: 'expired' },
      config: { encryptionKeys: setting.proxy.config.encryptionKeys },
      clock: setting.proxy.clock,
      fetch: setting.hosts.fetch,
    });
    onTestFinished(stale.close);
    stale.clock.advance({ hours: 2 });
    const fresh = tokensOf(await refresh(stale, setting.client, refreshToken));
    expect((await callMcp(stale, fresh.accessToken)).statusCode).toBe(503);
    expect(stale.log.join('')).not.toContain(credentials.clientSecret);
  });
});

describe('groups', () => {
  const groups = Array.from({ length: 5 }, (_, index) => `${index}0000000-0000-4000-8000-000000000000`);

  /** The provider alone: who may sign in by groups is decided elsewhere. */
  async function identityOf(
    account: MicrosoftAccount,
    scopes: readonly string[],
    wantsGroups = true,
    isGraphRefused = false,
  ) {
    const redirectUris = [secrets.redirectUri];
    const microsoft = await createMicrosoft({
      ...credentials,
      redirectUris,
      account,
      resources: ['api://notes'],
    });
    const login = 'https://login.microsoftonline.com';
    const hosts = await startPublicHosts({
      ...microsoft.hosts,
      ...(isGraphRefused && {
        [login]: (request) =>
          request.parameters.get('grant_type') === 'refresh_token'
            ? { status: 400, body: { error: 'invalid_grant', error_description: 'AADSTS65001: no consent' } }
            : (microsoft.hosts[login]?.(request) ?? { status: 404 }),
      }),
    });
    onTestFinished(hosts.close);
    const url = new URL(`https://login.microsoftonline.com/${contoso}/v2.0`);
    const provider = createIdentityProvider(
      { id: 'microsoft', url, isPrimary: true, ...credentials, wantsGroups },
      { clock: () => new Date(), fetch: hosts.fetch },
    );
    const returned = await visit(hosts, await provider.signInUrl({ ...secrets, scopes }));
    return { hosts, ...(await provider.completeSignIn(returned, { ...secrets, scopes })) };
  }

  test('few are in the token, and Graph is not asked', async () => {
    const { identity, hosts } = await identityOf({ ...ada, groups: groups.slice(0, 3) }, []);
    expect(identity.groups).toEqual(groups.slice(0, 3));
    expect(hosts.calls.some(({ url }) => url.pathname.endsWith('getMemberObjects'))).toBe(false);
  });

  test.each([
    ['', []],
    [', though the token is for another resource', ['api://notes/read']],
  ])(
    'more than fit are asked of Graph, never of the address in the token%s (claims overage)',
    async (_, scopes) => {
      const { identity, hosts, tokens } = await identityOf({ ...ada, groups }, scopes);
      expect(identity.groups).toEqual(groups);
      expect(hosts.calls.map(({ url }) => url.host)).not.toContain('graph.windows.net');
      expect(tokens.scope?.includes('api://notes/read')).toBe(scopes.length > 0);
    },
  );

  test('what is refused to us there is an error of the sign-in, with a code that authorization knows (RFC 6749 §4.1.2.1)', async () => {
    const refused = identityOf({ ...ada, groups }, [], true, true);
    await expect(refused).rejects.toMatchObject({ name: 'ProviderRefusedError', code: 'server_error' });
  });

  test('who asks for none gets none, and no further scope', async () => {
    const { identity, hosts } = await identityOf({ ...ada, groups }, [], false);
    expect(identity.groups).toBeUndefined();
    const sent = hosts.calls.find(({ url }) => url.pathname.endsWith('/authorize'));
    expect(sent?.parameters.get('scope')).toBe('openid profile email offline_access');
  });
});

test('the look-alike is as strict as Microsoft: it refuses what it does not know', async () => {
  const setting = await startSetting({ MICROSOFT_TENANT: contoso });
  const { sent } = await comeBack(setting);
  const changed = async (parameters: Readonly<Record<string, string>>) => {
    const url = new URL(sent);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return (await visit(setting.hosts, url)).searchParams.get('error_description');
  };
  expect(await changed({ resource: `${localUrl}/mcp` })).toContain('AADSTS9010010');
  expect(await changed({ scope: '' })).toContain('AADSTS900144');
  expect(await changed({ scope: 'openid notes:read' })).toContain('AADSTS70011');
  await expect(changed({ redirect_uri: 'https://evil.example/' })).rejects.toThrow('AADSTS50011');
});
