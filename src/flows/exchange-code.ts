/** Exchanges an authorization code for tokens (OAuth 2.1 §4.1.3). */
import { challengeOf, hashSecret } from '../crypto/secrets.ts';
import { TokenError } from '../protocol/errors.ts';
import { readResources } from '../protocol/resource.ts';
import type { TokenRequest } from '../protocol/token-request.ts';
import { findCode, redeemCode } from '../repositories/authorization-codes.ts';
import type { Client } from '../repositories/clients.ts';
import { endGrant } from './end-grant.ts';
import { draftTokens, type IssuedTokens, signTokens } from './issue-tokens.ts';
import type { Services } from './services.ts';

type ExchangeServices = Pick<
  Services,
  'db' | 'clock' | 'config' | 'events' | 'keyRing' | 'resources' | 'revocationFeed'
>;
type CodeRequest = Extract<TokenRequest, { grantType: 'authorization_code' }>;

/**
 * The code is used up only by the right client with the right verifier, redirect URI and resource, and then by one
 * caller alone. A second use that is right in everything else means that someone else may hold the code, so the grant
 * ends (OAuth 2.1 §7.5.3); one that is wrong in anything ends nothing, or anyone who saw a code could end a session.
 *
 * @throws TokenError `invalid_grant`, `invalid_target`
 */
export async function exchangeCode(
  services: ExchangeServices,
  { client, request }: { readonly client: Client; readonly request: CodeRequest },
): Promise<IssuedTokens> {
  const resource = readResources(services.resources, request.resources);
  if (resource === undefined) throw invalidTarget();
  await services.keyRing.signingKey();
  const draft = draftTokens(services, services.clock());
  const presented = {
    codeHash: hashSecret(request.code),
    clientId: client.clientId,
    codeChallenge: challengeOf(request.codeVerifier),
    redirectUri: request.redirectUri,
    resource: request.resources.length === 0 ? undefined : resource.identifier,
  };
  const grant = await redeemCode(services.db, { ...presented, now: services.clock(), issue: draft });
  if (grant === undefined) throw await explainRefusal(services, presented);
  const { grantId, subject, email, resource: audience, scopes } = grant;
  services.events.record({
    type: 'token',
    outcome: 'success',
    how: 'authorization_code',
    tokenId: draft.jti,
    grantId,
    clientId: client.clientId,
    subject,
    email,
    resource: audience,
    scopes,
  });
  return signTokens(services, draft, { ...grant, clientId: client.clientId });
}

async function explainRefusal(
  services: ExchangeServices,
  presented: {
    readonly codeHash: ReturnType<typeof hashSecret>;
    readonly clientId: string;
    readonly codeChallenge: string;
    readonly redirectUri: string | undefined;
    readonly resource: string | undefined;
  },
): Promise<TokenError> {
  const code = await findCode(services.db, presented.codeHash);
  if (code === undefined) return invalidGrant('unknown code');
  if (code.clientId !== presented.clientId) return invalidGrant('another client’s code');
  if (code.codeChallenge !== presented.codeChallenge) return invalidGrant('code_verifier does not match');
  if (presented.redirectUri !== undefined && code.redirectUri !== presented.redirectUri) {
    return invalidGrant('another redirect_uri', 'redirect_uri is not the one of the authorization request');
  }
  if (presented.resource !== undefined && code.resource !== presented.resource) return invalidTarget();
  if (!code.isConsumed) return invalidGrant('expired code, or its grant has ended');
  const hasEnded = await endGrant(services, code.grantId, 'code_reused');
  const error = invalidGrant('code already used', undefined, hasEnded ? 'reuse' : undefined);
  error.addFacts({ grantId: code.grantId, resource: code.resource });
  return error;
}

function invalidGrant(
  reason: string,
  description = 'The code is unknown, expired, used, or not yours',
  event?: 'reuse',
): TokenError {
  return new TokenError('invalid_grant', { reason, description, ...(event && { event }) });
}

function invalidTarget(): TokenError {
  return new TokenError('invalid_target', {
    reason: 'resource is not the one that was authorised',
    description: 'resource is not the one that was authorized',
  });
}
