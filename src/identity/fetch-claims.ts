/** Gathers what the provider says about the person: ID token, userinfo endpoint, or an API of its own. */
import { ClientError, fetchUserInfo, type Configuration } from 'openid-client';
import { callApiWith } from './call-api.ts';
import type { ProviderContext } from './connect.ts';
import { ProviderRefusedError, ProviderUnavailableError } from './identity-provider.ts';
import { signInError } from './provider-errors.ts';
import type { ProviderMetadata } from './provider-metadata.ts';
import type { Claims } from './read-identity.ts';

/** `idToken`: the claims of a verified ID token, which an OpenID provider always sends. */
export async function fetchClaims(
  { profile, settings, fetch }: ProviderContext,
  { server }: ProviderMetadata,
  config: Configuration,
  accessToken: string,
  idToken: (Claims & { readonly sub: string }) | undefined,
): Promise<Claims> {
  if (idToken !== undefined) {
    return server.userinfo_endpoint === undefined
      ? idToken
      : completeClaims(config, accessToken, idToken, settings.wantsGroups === true);
  }
  const callApi = callApiWith(fetch, accessToken);
  if (profile.fetchClaims !== undefined) return profile.fetchClaims(callApi);
  if (server.userinfo_endpoint === undefined) {
    throw new ProviderRefusedError(
      'server_error',
      'the provider has no userinfo endpoint to say who the person is',
    );
  }
  const { status, json } = await callApi(server.userinfo_endpoint);
  if (status === 200 && isObject(json)) return json;
  if (status === 200) throw new ProviderUnavailableError('the userinfo endpoint did not answer with JSON');
  throw new ProviderRefusedError('server_error', `the userinfo endpoint answered ${status}`);
}

/**
 * The ID token's claims, and from userinfo those it lacks. Userinfo about someone else is refused (OpenID Connect
 * Core §5.3.2). Userinfo that is refused to us, or fails when the ID token says enough, is done without.
 */
async function completeClaims(
  config: Configuration,
  accessToken: string,
  idToken: Claims & { readonly sub: string },
  wantsGroups: boolean,
): Promise<Claims> {
  try {
    const userInfo: Claims = await fetchUserInfo(config, accessToken, idToken.sub);
    const claims = { ...userInfo, ...idToken };
    return { ...claims, email_verified: isVerified(claims.email, [idToken, userInfo]) };
  } catch (error) {
    const refusalOrFailure = signInError(error);
    const saysWho = typeof idToken.email === 'string' || typeof idToken.name === 'string';
    // Without the groups that a list asks for, a member would be refused like a stranger.
    const isEnough = saysWho && !(wantsGroups && idToken.groups === undefined);
    const isUnavailable = refusalOrFailure instanceof ProviderUnavailableError;
    if (isUnavailable && (isEnough || isRefusedToUs(error))) return idToken;
    throw refusalOrFailure;
  }
}

/**
 * An e-mail that either of them calls unverified is. `email_verified` of another address, or of none, says nothing about this
 * one.
 */
function isVerified(email: unknown, sources: readonly Claims[]): unknown {
  if (sources.some(({ email_verified: verified }) => isFalse(verified))) return false;
  const about = sources.filter((claims) => claims.email === email);
  return about.find(({ email_verified: verified }) => verified !== undefined)?.email_verified;
}

/** The endpoint itself said no: asking again would change nothing. */
const isRefusedToUs = (error: unknown) =>
  error instanceof ClientError &&
  error.cause instanceof Response &&
  error.cause.status >= 400 &&
  error.cause.status < 500;

const isFalse = (verified: unknown) => verified === false || verified === 'false';

function isObject(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
