/** An identity provider: found, reached, and willing to sign people in for us. Nobody signs in. */
import type { Config } from '../config.ts';
import { createNonce } from '../crypto/secrets.ts';
import { callbackUrl } from '../flows/begin-sign-in.ts';
import type { IdentityProvider } from '../identity/identity-provider.ts';
import { createIdentityProviders } from '../identity/identity-providers.ts';
import { createProxiedFetch } from '../outbound/outbound-proxy.ts';
import { describeError } from './ask.ts';
import { describeSkew } from './check-database.ts';
import type { Report } from './finding.ts';

const timeoutMs = 8_000;
/** The tolerance for the times in ID tokens (identity/connect.ts). */
const toleratedSkewMs = 60_000;
const maxHops = 4;

export async function checkProviders(config: Config, report: Report): Promise<void> {
  const reach = config.outboundProxy === undefined ? fetch : createProxiedFetch(config.outboundProxy);
  const skews: number[] = [];
  const timed: typeof fetch = async (...request) => {
    const askedAt = Date.now();
    const response = await reach(...request);
    const date = Date.parse(response.headers.get('date') ?? '');
    if (!Number.isNaN(date)) skews.push(date - (askedAt + Date.now()) / 2);
    return response;
  };
  const { all } = createIdentityProviders(config.providers, {
    clock: () => new Date(),
    fetch: timed,
    timeoutMs,
  });
  await Promise.all(all.map((provider) => checkProvider(provider, config, timed, report)));
  // The header has whole seconds, and a proxy may have kept an answer: the smallest difference counts.
  const [skew = 0] = skews.toSorted((a, b) => Math.abs(a) - Math.abs(b));
  if (Math.abs(skew) > toleratedSkewMs)
    report.found('provider.clock', `the provider’s is ${describeSkew(skew)}`);
}

async function checkProvider(
  provider: IdentityProvider,
  config: Config,
  reach: typeof fetch,
  report: Report,
): Promise<void> {
  const name = provider.displayName;
  const redirectUri = callbackUrl(config.baseUrl, provider);
  const scopes = config.scopesSupported;
  let signInUrl: URL;
  try {
    const secrets = { state: createNonce(), nonce: createNonce(), codeVerifier: createNonce() };
    signInUrl = await provider.signInUrl({ ...secrets, redirectUri, scopes });
    report.passed('provider', `${name} was found`);
  } catch (error) {
    report.found('provider.unreachable', `${name}: ${describeError(error)}`);
    return;
  }
  await Promise.all([
    checkSecret(provider, redirectUri, signInUrl, report),
    checkRedirectUri(name, redirectUri, signInUrl, reach, report),
  ]);
}

async function checkSecret(
  provider: IdentityProvider,
  redirectUri: string,
  signInUrl: URL,
  report: Report,
): Promise<void> {
  const name = provider.displayName;
  try {
    const check = await provider.checkClient(redirectUri);
    if (check.client === 'refused') report.found('provider.secret-refused', `${name} says ${check.said}`);
    else if (check.client === 'accepted') report.passed('provider', `${name} takes the client ID and secret`);
    else report.unknown('provider', `whether ${name} takes the client secret: it says ${check.said}`);
    if (check.source === 'guessed') {
      report.unknown('provider', `${name} publishes no metadata: default endpoint names are used`);
    }
    const asked = (signInUrl.searchParams.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
    const strange = asked.filter((scope) => check.scopesSupported?.includes(scope) === false);
    if (strange.length > 0) report.found('provider.scope-unknown', `${name}: ${strange.join(' ')}`);
  } catch (error) {
    report.unknown('provider', `whether ${name} takes the client secret: ${describeError(error)}`);
  }
}

type Verdict = 'redirect-uri' | 'client' | undefined;

/**
 * What an answer to the authorization request says. Google: `redirect_uri_mismatch`, `deleted_client`; Microsoft:
 * AADSTS50011, AADSTS700016, AADSTS90002 (no such tenant), AADSTS50194; Auth0: "Callback URL mismatch"; Keycloak:
 * "Invalid parameter: redirect_uri", "Client not found".
 */
function judge(text: string, status: number): Verdict {
  if (/redirect_uri_mismatch|invalid_redirect_uri|AADSTS50011|callback url mismatch/i.test(text))
    return 'redirect-uri';
  if (
    /invalid_client|deleted_client|unauthorized_client|AADSTS(?:700016|90002|50194)|client not found/i.test(
      text,
    )
  )
    return 'client';
  // A wall against bots may well repeat the address that it stands before; it does not answer 400.
  return status === 400 && /redirect[_ ]ur[il]/i.test(text) ? 'redirect-uri' : undefined;
}

/** Our own request, which pages repeat, says nothing. */
function withoutEcho(page: string, { search }: URL): string {
  const query = search.slice(1);
  return [query, query.replaceAll('&', '&amp;'), query.replaceAll('&', String.raw`\u0026`)].reduce(
    (text, echo) => text.replaceAll(echo, ''),
    page,
  );
}

async function checkRedirectUri(
  name: string,
  redirectUri: string,
  signInUrl: URL,
  reach: typeof fetch,
  report: Report,
): Promise<void> {
  let url = signInUrl;
  // Some set one, redirect, and want to see it again; all of them go back to the host that set them.
  const cookies = new Map<string, string[]>();
  try {
    for (let hop = 0; hop <= maxHops; hop += 1) {
      const response = await reach(url.href, {
        redirect: 'manual',
        headers: { accept: 'text/html', cookie: (cookies.get(url.host) ?? []).join('; ') },
        signal: AbortSignal.timeout(timeoutMs),
      });
      const set = response.headers.getSetCookie().map((line) => line.split(';', 1)[0] ?? '');
      cookies.set(url.host, [...(cookies.get(url.host) ?? []), ...set]);
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || location === null) {
        const text = await response.text();
        conclude(response.status, text, url);
        return;
      }
      await response.body?.cancel();
      url = new URL(location, url);
      if (url.href.startsWith(redirectUri)) {
        const error = url.searchParams.get('error');
        const isGood =
          error === null || /^(?:login|interaction|consent|account_selection)_required$/.test(error);
        if (isGood) report.passed('provider', `${name} knows the redirect URI`);
        else
          report.found(
            'provider.request-refused',
            `${name} says ${error} ${url.searchParams.get('error_description') ?? ''}`,
          );
        return;
      }
      // Google says it in the address of its error page, in base64.
      const said = Buffer.from(url.searchParams.get('authError') ?? '', 'base64url').toString('latin1');
      if (said !== '') {
        conclude(400, said, url);
        return;
      }
    }
    report.unknown('provider', `whether ${name} knows the redirect URI: it redirects again and again`);
  } catch (error) {
    report.unknown('provider', `whether ${name} knows the redirect URI: ${describeError(error)}`);
  }

  function conclude(status: number, text: string, { host, pathname }: URL): void {
    // A page that is no error may well have these words in its scripts: only Microsoft sends its errors with 200.
    const verdict = judge(
      status >= 400 ? withoutEcho(text, signInUrl) : (/AADSTS\d+/.exec(text)?.[0] ?? ''),
      status,
    );
    if (verdict === 'redirect-uri')
      report.found('provider.redirect-uri-refused', `add at ${name}: ${redirectUri}`);
    else if (verdict === 'client') report.found('provider.client-unknown', `${name}, asked at ${host}`);
    else if (status >= 400)
      report.unknown('provider', `whether ${name} knows the redirect URI: it answered ${status}`);
    else if (host === 'github.com' || pathname === '/login')
      report.unknown(
        'provider',
        `whether ${name} knows the redirect URI: it says so after sign-in only. It must be ${redirectUri}`,
      );
    else report.passed('provider', `${name} knows the redirect URI`);
  }
}
