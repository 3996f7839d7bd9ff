/** Ends connections at the provider's request (OpenID Connect Back-Channel Logout 1.0 §2.5–2.7). */
import { hashSecret } from '../crypto/secrets.ts';
import {
  type EndedSession,
  ProviderRefusedError,
  ProviderUnavailableError,
} from '../identity/identity-provider.ts';
import { TokenError } from '../protocol/errors.ts';
import { endSessions } from '../repositories/logout-tokens.ts';
import { recordEnded } from './events.ts';
import type { Services } from './services.ts';

type LogoutServices = Pick<
  Services,
  'db' | 'clock' | 'events' | 'identityProviders' | 'revocationFeed' | 'log'
>;

/**
 * The provider is the one that the token names and that has signed it. Returns once this instance refuses the tokens; the
 * others follow by the feed. Nobody's session being meant is no failure (§2.7).
 *
 * @throws TokenError `invalid_request` when the token is not good, or was used before
 * @throws ProviderUnavailableError when that cannot be told now
 */
export async function endProviderSession(services: LogoutServices, logoutToken: string): Promise<void> {
  const ended = await readLogoutToken(services, logoutToken);
  const { tokenId, ...session } = ended;
  const grants = await endSessions(services.db, {
    ...session,
    jtiHash: hashSecret(tokenId),
    now: services.clock(),
  });
  if (grants === undefined) throw invalid('the token was used before');
  services.log.info({ issuer: ended.issuer, grants: grants.length }, 'a session at the provider is over');
  recordEnded(services.events, grants, 'logout_at_provider');
  if (grants.length > 0) await services.revocationFeed.catchUp();
}

async function readLogoutToken(
  { identityProviders }: LogoutServices,
  logoutToken: string,
): Promise<EndedSession> {
  let away: ProviderUnavailableError | undefined;
  let refusal: ProviderRefusedError | undefined;
  for (const provider of identityProviders.all) {
    try {
      const ended = await provider.readLogoutToken(logoutToken);
      if (ended !== undefined) return ended;
    } catch (error) {
      // Two may be at one issuer, with a client id each.
      if (error instanceof ProviderRefusedError) refusal = error;
      else if (error instanceof ProviderUnavailableError) away = error;
      else throw error;
    }
  }
  if (refusal !== undefined) throw invalid(refusal.message, refusal);
  throw away ?? invalid('no provider of that name');
}

function invalid(reason: string, cause?: unknown): TokenError {
  return new TokenError('invalid_request', {
    reason,
    description: 'The logout token is not valid, or was used before',
    cause,
  });
}
