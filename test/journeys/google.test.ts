/** Sign-in with Google, by its documented variables, against a look-alike under Google's own names. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Arrived, localUrl, noOAuth, startTestApp, type TestApp } from '../support/app.ts';
import { callMcp, refresh, register, type TestClient, tokensOf } from '../support/authorize.ts';
import { createClock } from '../support/clock.ts';
import { createGoogle, type GoogleAccount } from '../support/lookalikes/google.ts';
import { type PublicHosts, startPublicHosts, visit } from '../support/lookalikes/public-hosts.ts';
import { answerToClient, comeBack, signInWith } from '../support/sign-in-with.ts';

const credentials = { clientId: '1234-abc.apps.googleusercontent.com', clientSecret: 'GOCSPX-secret' };
const ada: GoogleAccount = {
  sub: '110169484474386276334',
  email: 'ada@example.com',
  name: 'Ada Lovelace',
  hd: 'example.com',
};
const drive = 'https://www.googleapis.com/auth/drive.readonly';
const preset = {
  ...noOAuth,
  GOOGLE_CLIENT_ID: credentials.clientId,
  GOOGLE_CLIENT_SECRET: credentials.clientSecret,
  SCOPES_SUPPORTED: `openid,profile,email,${drive},notes:read`,
};
const byUrl = {
  OAUTH_AUTHORIZE_URL: 'https://accounts.google.com/o/oauth2/auth',
  OAUTH_CLIENT_ID: credentials.clientId,
  OAUTH_CLIENT_SECRET: credentials.clientSecret,
  SCOPES_SUPPORTED: preset.SCOPES_SUPPORTED,
};

interface Setting {
  readonly google: Awaited<ReturnType<typeof createGoogle>>;
  readonly hosts: PublicHosts;
  readonly proxy: TestApp;
  readonly client: TestClient;
  close(): Promise<void>;
}

async function startSetting(
  environment: Readonly<Record<string, string>>,
  account: GoogleAccount = ada,
): Promise<Setting> {
  const clock = createClock();
  const redirectUris = [`${localUrl}/callback`];
  const google = await createGoogle({ ...credentials, redirectUris, account, clock });
  const hosts = await startPublicHosts(google.hosts);
  const proxy = await startTestApp({ environment, clock, fetch: hosts.fetch });
  const close = async () => {
    await proxy.close();
    await hosts.close();
  };
  return { google, hosts, proxy, client: await register(proxy), close };
}

async function headersAt(proxy: TestApp, accessToken: string) {
  const answer = await callMcp(proxy, accessToken);
  return { status: answer.statusCode, headers: answer.json<Arrived>().headers };
}

describe.each([
  ['GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET', preset],
  ['OAUTH_AUTHORIZE_URL=https://accounts.google.com/o/oauth2/auth', byUrl],
])('%s', (_, environment) => {
  let setting: Setting;
  beforeAll(async () => {
    setting = await startSetting(environment);
    return setting.close;
  });
  beforeEach(() => setting.google.signInAs(ada));

  test('the person arrives at the MCP server with Google’s subject, and Google’s token (clients.md P13)', async () => {
    const { accessToken, returned } = await signInWith(setting);

    const { headers } = await headersAt(setting.proxy, accessToken);
    expect(headers).toMatchObject({
      'x-forwarded-user': ada.sub,
      'x-forwarded-email': ada.email,
      'x-forwarded-name': ada.name,
    });
    expect(headers['x-forwarded-access-token']).toMatch(/^ya29\./);
    expect(returned.sent.origin + returned.sent.pathname).toBe(
      'https://accounts.google.com/o/oauth2/v2/auth',
    );
  });

  test('Google is asked for offline access and consent by its parameters, for scopes it knows, and never for a resource (clients.md P12, P13)', async () => {
    const scope = `openid email offline_access notes:read ${drive}`;
    const { returned, ...tokens } = await signInWith({
      ...setting,
      parameters: { scope, resource: `${localUrl}/mcp` },
    });

    const { searchParams } = returned.sent;
    expect(searchParams.get('access_type')).toBe('offline');
    expect(searchParams.get('prompt')).toBe('consent');
    expect(searchParams.get('scope')).toBe(`openid profile email ${drive}`);
    expect(searchParams.has('resource')).toBe(false);
    expect(tokens.scope.split(' ').sort()).toEqual(scope.split(' ').sort());
  });

  test('the second sign-in of a person gets a refresh token as well (prompt=consent; clients.md P13)', async () => {
    await signInWith(setting);
    const { accessToken } = await signInWith(setting);
    setting.proxy.clock.advance({ minutes: 59, seconds: 55 });

    const before = (await headersAt(setting.proxy, accessToken)).headers['x-forwarded-access-token'];
    await expect
      .poll(async () => (await headersAt(setting.proxy, accessToken)).headers['x-forwarded-access-token'])
      .not.toBe(before);
  });

  test('Google sends no new refresh token: the old one is kept, over and over (RFC 6749 §6)', async () => {
    const { refreshToken } = await signInWith(setting);
    const seen = new Set<unknown>();
    let presented = refreshToken;
    for (let hour = 0; hour < 3; hour += 1) {
      setting.proxy.clock.advance({ hours: 2 });
      const fresh = tokensOf(await refresh(setting.proxy, setting.client, presented));
      const { status, headers } = await headersAt(setting.proxy, fresh.accessToken);
      expect(status).toBe(200);
      seen.add(headers['x-forwarded-access-token']);
      presented = fresh.refreshToken;
    }
    expect(seen.size).toBe(3);
  });

  test('access that was removed at Google ends the sign-in: 401, and the client signs in again (RFC 6749 §5.2)', async () => {
    const { accessToken, refreshToken } = await signInWith(setting);
    setting.google.removeAccess();
    setting.proxy.clock.advance({ minutes: 59, seconds: 59 });
    await expect.poll(async () => (await callMcp(setting.proxy, accessToken)).statusCode).toBe(401);

    const again = await refresh(setting.proxy, setting.client, refreshToken);
    expect([again.statusCode, again.json<{ error: string }>().error]).toEqual([400, 'invalid_grant']);
  });

  test('an address that Google calls unverified is not passed on (OpenID Connect Core §5.7)', async () => {
    setting.google.signInAs({ ...ada, email_verified: false });
    const { accessToken } = await signInWith(setting);

    expect((await headersAt(setting.proxy, accessToken)).headers).not.toHaveProperty('x-forwarded-email');
  });
});

describe('GOOGLE_HOSTED_DOMAINS', () => {
  test('only accounts whose hd claim is one of them sign in: a hint in the URL proves nothing (clients.md P13)', async () => {
    const environment = { ...preset, GOOGLE_HOSTED_DOMAINS: 'Example.com' };
    const setting = await startSetting(environment);

    const good = await comeBack(setting);
    expect(good.sent.searchParams.get('hd')).toBe('example.com');
    expect(answerToClient(good)).toHaveProperty('code');
    for (const account of [
      { ...ada, sub: '2', hd: 'evil.example' },
      // The address is of the domain, the account is not.
      { sub: '3', name: 'Eve', email: 'eve@example.com' },
    ]) {
      setting.google.signInAs(account);
      const refused = await comeBack(setting);
      expect(answerToClient(refused)).toMatchObject({
        error: 'access_denied',
        state: 'the state, exactly: ä+&=%20',
      });
      expect(answerToClient(refused)).not.toHaveProperty('code');
    }
    const { rows } = await setting.proxy.db.query({ text: 'select subject from grants', values: [] });
    await setting.close();
    expect(rows).toEqual([{ subject: ada.sub }]);
  });
});

test('a person who cancels at Google has denied access (RFC 6749 §4.1.2.1)', async () => {
  const setting = await startSetting(preset);
  setting.google.answerWith('access_denied');
  const answer = answerToClient(await comeBack(setting));
  await setting.close();
  expect(answer).toMatchObject({ error: 'access_denied', iss: localUrl });
});

test('the look-alike is as strict as Google: it refuses what it does not know', async () => {
  const { hosts, close, proxy, client } = await startSetting(preset);
  const { sent } = await comeBack({ hosts, proxy, client });
  const changed = (parameters: Readonly<Record<string, string>>) => {
    const url = new URL(sent);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return visit(hosts, url);
  };
  await expect(changed({ scope: 'openid offline_access' })).rejects.toThrow('invalid_scope');
  await expect(changed({ resource: 'https://x' })).rejects.toThrow('Parameter not allowed');
  await expect(changed({ redirect_uri: 'https://evil.example/callback' })).rejects.toThrow(
    'redirect_uri_mismatch',
  );
  await expect(changed({ client_id: 'another' })).rejects.toThrow('invalid_client');
  await close();
});
