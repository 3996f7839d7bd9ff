/** oauth4webapi as a client that checks everything the RFCs let it check. */
import * as oauth from 'oauth4webapi';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ScriptedBrowser } from '../../scripts/scripted-browser.ts';
import { ada } from '../support/authorize.ts';
import { databaseKinds } from '../support/database.ts';
import { type Site, startSite } from '../support/instances.ts';
import { createMachine } from '../support/servers.ts';

const redirectUri = 'https://client.example/callback';
/** The MCP server's own answer to a request that accepts nothing: the proxy has let it through. */
const reachedMcpServer = 406;
const onLoopback = { [oauth.allowInsecureRequests]: true } as const;

describe.each(['ES256', 'RS256'])('with tokens signed by %s', (algorithm) => {
  let site: Site;
  let issuer: URL;
  let resource: URL;
  beforeAll(async () => {
    site = await startSite(databaseKinds[0] ?? 'embedded', { environment: { SIGNING_ALG: algorithm } });
    issuer = new URL(site.front.origin);
    resource = new URL('/mcp', issuer);
  });
  afterAll(() => site.close());

  async function discover(): Promise<oauth.AuthorizationServer> {
    const protectedResource = await oauth.processResourceDiscoveryResponse(
      resource,
      await oauth.resourceDiscoveryRequest(resource, onLoopback),
    );
    const [authorizationServer = ''] = protectedResource.authorization_servers ?? [];
    const found = new URL(authorizationServer);
    const response = await oauth.discoveryRequest(found, { algorithm: 'oauth2', ...onLoopback });
    return oauth.processDiscoveryResponse(found, response);
  }

  async function registerAt(as: oauth.AuthorizationServer, method: string): Promise<oauth.Client> {
    const metadata = {
      client_name: 'Strict client',
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: method,
    };
    const response = await oauth.dynamicClientRegistrationRequest(as, metadata, onLoopback);
    return oauth.processDynamicClientRegistrationResponse(response);
  }

  const authenticate = (client: oauth.Client): oauth.ClientAuth => {
    const secret = typeof client.client_secret === 'string' ? client.client_secret : '';
    if (client.token_endpoint_auth_method === 'client_secret_basic') return oauth.ClientSecretBasic(secret);
    if (client.token_endpoint_auth_method === 'client_secret_post') return oauth.ClientSecretPost(secret);
    return oauth.None();
  };

  /** To the code: the state, the issuer and the single occurrence of everything are checked (RFC 9207 §2.4). */
  async function authorize(as: oauth.AuthorizationServer, client: oauth.Client) {
    const codeVerifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const url = new URL(String(as.authorization_endpoint));
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: client.client_id,
      redirect_uri: redirectUri,
      scope: 'openid email',
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      resource: resource.href,
    }).toString();
    const answer = await new ScriptedBrowser().connect(url.href, { ...ada, redirectUri });
    return { codeVerifier, parameters: oauth.validateAuthResponse(as, client, answer, state) };
  }

  async function signIn(as: oauth.AuthorizationServer, client: oauth.Client) {
    const { codeVerifier, parameters } = await authorize(as, client);
    const response = await oauth.authorizationCodeGrantRequest(
      as,
      client,
      authenticate(client),
      parameters,
      redirectUri,
      codeVerifier,
      { additionalParameters: { resource: resource.href }, ...onLoopback },
    );
    return oauth.processAuthorizationCodeResponse(as, client, response);
  }

  const asRequest = (accessToken: string) =>
    new Request(resource, { headers: { authorization: `Bearer ${accessToken}` } });

  const callMcp = async (accessToken: string) =>
    oauth.protectedResourceRequest(accessToken, 'POST', resource, new Headers(), null, onLoopback);

  test('both well-known names give the same metadata, with the issuer that was asked for (RFC 8414 §3.3, OpenID Connect Discovery §4.3)', async () => {
    const asOpenId = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { algorithm: 'oidc', ...onLoopback }),
    );

    const as = await discover();

    expect(as).toEqual(asOpenId);
    expect(as.issuer).toBe(issuer.origin);
    expect(as.authorization_response_iss_parameter_supported).toBe(true);
  });

  test.each(['none', 'client_secret_basic', 'client_secret_post'])(
    'a client that authenticates with %s gets an access token of the profile, for this resource alone (RFC 9068 §2.2, RFC 8707 §2.2)',
    async (method) => {
      const as = await discover();
      const client = await registerAt(as, method);

      const tokens = await signIn(as, client);

      const claims = await oauth.validateJwtAccessToken(
        as,
        asRequest(tokens.access_token),
        resource.href,
        onLoopback,
      );
      expect(claims).toMatchObject({
        iss: issuer.origin,
        aud: resource.href,
        client_id: client.client_id,
        scope: 'openid email',
        email: ada.email,
        name: ada.name,
      });
      expect(tokens.token_type).toBe('bearer');
      expect(tokens.expires_in).toBeGreaterThan(3500);
      expect((await callMcp(tokens.access_token)).status).toBe(reachedMcpServer);
    },
  );

  test('the profile’s checks refuse the token for another resource (RFC 9068 §4)', async () => {
    const as = await discover();
    const tokens = await signIn(as, await registerAt(as, 'none'));

    const check = oauth.validateJwtAccessToken(
      as,
      asRequest(tokens.access_token),
      `${issuer.origin}/other`,
      onLoopback,
    );

    await expect(check).rejects.toThrow(oauth.OperationProcessingError);
  });

  test('a refreshed token is as good as the first, and the first lives on (RFC 6749 §6)', async () => {
    const as = await discover();
    const client = await registerAt(as, 'client_secret_basic');
    const tokens = await signIn(as, client);

    const response = await oauth.refreshTokenGrantRequest(
      as,
      client,
      authenticate(client),
      String(tokens.refresh_token),
      { additionalParameters: { resource: resource.href }, ...onLoopback },
    );
    const refreshed = await oauth.processRefreshTokenResponse(as, client, response);

    await oauth.validateJwtAccessToken(as, asRequest(refreshed.access_token), resource.href, onLoopback);
    expect(refreshed.refresh_token).not.toBe(tokens.refresh_token);
    expect((await callMcp(refreshed.access_token)).status).toBe(reachedMcpServer);
    expect((await callMcp(tokens.access_token)).status).toBe(reachedMcpServer);
  });

  test('a revoked refresh token takes the access token with it, a revoked access token goes alone (RFC 7009 §2.1)', async () => {
    const as = await discover();
    const client = await registerAt(as, 'none');
    const revoke = async (token: string) =>
      oauth.processRevocationResponse(
        await oauth.revocationRequest(as, client, authenticate(client), token, onLoopback),
      );
    const refresh = async (token: string) =>
      oauth.refreshTokenGrantRequest(as, client, authenticate(client), token, onLoopback);
    const [first, second] = await Promise.all([signIn(as, client), signIn(as, client)]);

    await revoke(first.access_token);
    await revoke(String(second.refresh_token));

    await expect(callMcp(first.access_token)).rejects.toMatchObject({
      status: 401,
      cause: [{ scheme: 'bearer', parameters: { error: 'invalid_token' } }],
    });
    await expect(callMcp(second.access_token)).rejects.toMatchObject({ status: 401 });
    expect((await refresh(String(first.refresh_token))).status).toBe(200);
    expect((await refresh(String(second.refresh_token))).status).toBe(400);
  });

  test('a client asks about its own token, and after its end learns no more than that (RFC 7662 §2.2)', async () => {
    const as = await discover();
    const client = await registerAt(as, 'client_secret_basic');
    const tokens = await signIn(as, client);
    const introspect = async () => {
      const auth = authenticate(client);
      const asked = oauth.introspectionRequest(as, client, auth, tokens.access_token, onLoopback);
      return oauth.processIntrospectionResponse(as, client, await asked);
    };

    expect(await introspect()).toMatchObject({
      active: true,
      client_id: client.client_id,
      aud: resource.href,
      iss: issuer.origin,
      scope: 'openid email',
    });
    await oauth.revocationRequest(as, client, authenticate(client), tokens.access_token, onLoopback);

    expect(await introspect()).toEqual({ active: false });
  });

  test('a machine of the operator gets a token of the profile for itself, and no refresh token (RFC 6749 §4.4.3, RFC 9068 §2.2)', async () => {
    const as = await discover();
    const machine = await createMachine(site.database.db);
    const client = { client_id: machine.clientId, client_secret: machine.clientSecret ?? '' };
    const response = await oauth.clientCredentialsGrantRequest(
      as,
      client,
      oauth.ClientSecretBasic(client.client_secret),
      { resource: resource.href },
      onLoopback,
    );

    const tokens = await oauth.processClientCredentialsResponse(as, client, response);

    const claims = await oauth.validateJwtAccessToken(
      as,
      asRequest(tokens.access_token),
      resource.href,
      onLoopback,
    );
    expect(claims.sub).toBe(client.client_id);
    expect(tokens.refresh_token).toBeUndefined();
    expect((await callMcp(tokens.access_token)).status).toBe(reachedMcpServer);
  });

  test('a person who says no is reported to the client, with state and issuer (RFC 6749 §4.1.2.1, RFC 9207 §2)', async () => {
    const as = await discover();
    const client = await registerAt(as, 'none');
    const state = oauth.generateRandomState();
    const url = new URL(String(as.authorization_endpoint));
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: client.client_id,
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(oauth.generateRandomCodeVerifier()),
      code_challenge_method: 'S256',
    }).toString();

    const answer = await new ScriptedBrowser().connect(url.href, { ...ada, redirectUri, decision: 'deny' });

    expect(() => oauth.validateAuthResponse(as, client, answer, state)).toThrow(
      expect.objectContaining({ error: 'access_denied' }) as Error,
    );
    expect(answer.searchParams.get('iss')).toBe(issuer.origin);
  });
});
