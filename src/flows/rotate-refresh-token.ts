/** Exchanges a refresh token for new tokens, and retires the one presented (OAuth 2.1 §4.3). */
import { z } from 'zod';
import { openFor, sealFor } from '../crypto/sealing.ts';
import { hashSecret } from '../crypto/secrets.ts';
import { about, TokenError } from '../protocol/errors.ts';
import type { EventFacts } from '../protocol/event-facts.ts';
import { readResources } from '../protocol/resource.ts';
import { includesAll, offlineAccess, parseScope } from '../protocol/scope.ts';
import type { SecretHash } from '../protocol/secret-hash.ts';
import type { TokenRequest } from '../protocol/token-request.ts';
import type { Client } from '../repositories/clients.ts';
import {
  findRefreshToken,
  rotateRefreshToken as storeRotation,
  type StoredRefreshToken,
} from '../repositories/refresh-tokens.ts';
import { takeStepUp } from '../repositories/step-ups.ts';
import { endUnlisted, isAdmitted } from './admission.ts';
import { endGrant } from './end-grant.ts';
import { draftTokens, endOfConnection, type IssuedTokens, signTokens } from './issue-tokens.ts';
import { later, lifetimes } from './lifetimes.ts';
import { isOfRemovedProvider } from './removed-provider.ts';
import type { Services } from './services.ts';

type RotateServices = Pick<
  Services,
  'db' | 'clock' | 'config' | 'events' | 'keyRing' | 'resources' | 'revocationFeed' | 'identityProviders'
>;
type RefreshRequest = Extract<TokenRequest, { grantType: 'refresh_token' }>;

/** What the holder of the presented token may have again: sealed so that nobody else can read it. */
const successor = z.object({
  accessToken: z.string(),
  refreshToken: z.string(),
  scope: z.string(),
  expiresAt: z.coerce.date(),
});

/**
 * Client, resource and scope are checked before anything is used up. Within the grace window a token that was already
 * presented gives the same successor again, since real clients refresh from several processes and lose answers; after
 * it, a second use means that someone else may hold the token, and the grant ends (RFC 9700 §4.14.2). So does that of a
 * person whom the lists do not admit any more.
 *
 * @throws TokenError `invalid_grant`, `invalid_target`, `invalid_scope`, `interaction_required`
 */
export async function rotateRefreshToken(
  services: RotateServices,
  { client, request }: { readonly client: Client; readonly request: RefreshRequest },
): Promise<IssuedTokens> {
  const presentedHash = hashSecret(request.refreshToken);
  const stored = await findRefreshToken(services.db, presentedHash);
  if (stored === undefined || stored.clientId !== client.clientId)
    throw invalidGrant('unknown token or another client’s');
  return about(factsOf(stored), () => rotateStored(services, request, { stored, presentedHash }));
}

async function rotateStored(
  services: RotateServices,
  request: RefreshRequest,
  { stored, presentedHash }: { readonly stored: StoredRefreshToken; readonly presentedHash: SecretHash },
): Promise<IssuedTokens> {
  if (stored.isGrantRevoked) throw invalidGrant('the grant has ended');
  if (isOfRemovedProvider(services, stored.person?.identityProvider)) {
    throw invalidGrant('the identity provider is not configured any more');
  }
  if (!isAdmitted(services, stored.person)) {
    await endUnlisted(services, stored.grantId);
    throw invalidGrant('the lists do not admit the person any more');
  }
  const now = services.clock();
  if (stored.expiresAt <= now) throw invalidGrant('expired');
  const end = endOfConnection(services, stored.grantedAt);
  if (end !== undefined && end <= now) throw invalidGrant('CONNECTION_TTL_SECONDS are over');
  const scopes = readScopes(services, stored, request);
  if (stored.consumedAt !== undefined)
    return answerAgain(services, stored, { token: request.refreshToken, hash: presentedHash, at: now });

  await refuseWhereMoreIsNeeded(services, stored, request);

  const draft = draftTokens(services, stored.grantedAt);
  const issued = await signTokens(services, draft, { ...stored, scopes });
  const isRotated = await storeRotation(services.db, {
    presentedTokenHash: presentedHash,
    now: services.clock(),
    sealedSuccessor: sealFor(request.refreshToken, JSON.stringify(issued), successorPlace(presentedHash)),
    issue: { ...draft, scopes },
  });
  if (isRotated) {
    services.events.record({
      type: 'refresh',
      outcome: 'success',
      how: 'rotated',
      ...factsOf(stored),
      scopes,
    });
    return issued;
  }
  const meanwhile = await findRefreshToken(services.db, presentedHash);
  if (meanwhile?.consumedAt === undefined || meanwhile.isGrantRevoked)
    throw invalidGrant('the grant has ended meanwhile');
  return answerAgain(services, meanwhile, {
    token: request.refreshToken,
    hash: presentedHash,
    at: services.clock(),
  });
}

/**
 * The resource must be the grant's, the scopes within what was approved; nothing asked means all (RFC 6749 §6).
 * `offline_access` asks for no more than the caller has: it is not held against those who add it everywhere.
 */
function readScopes(
  services: RotateServices,
  stored: StoredRefreshToken,
  request: RefreshRequest,
): readonly string[] {
  const resource =
    request.resources.length === 0 ? undefined : readResources(services.resources, request.resources);
  if (request.resources.length > 0 && resource?.identifier !== stored.resource) {
    throw new TokenError('invalid_target', {
      reason: 'another resource',
      description: 'resource is not the one that was authorized',
    });
  }
  const requested = request.scope === undefined ? stored.grantedScopes : parseScope(request.scope);
  if (requested === undefined || !includesAll([...stored.grantedScopes, offlineAccess], requested)) {
    throw new TokenError('invalid_scope', {
      reason: 'scope is malformed or wider than the grant',
      description: 'scope exceeds what was granted',
    });
  }
  const granted = requested.filter((scope) => stored.grantedScopes.includes(scope));
  return granted.length === 0 ? stored.grantedScopes : granted;
}

/**
 * A client that refreshes because it was told to get more scopes would get what it has, and give up: official SDK 1
 * does. This answer, once, sends it to the person, as Microsoft Entra ID does with the same code. Nothing is used up,
 * so that a client which refreshes for another reason succeeds when it tries again.
 */
async function refuseWhereMoreIsNeeded(
  { db, clock, config }: RotateServices,
  { grantId }: StoredRefreshToken,
  { scope }: RefreshRequest,
): Promise<void> {
  if (config.toolScopes === undefined || scope !== undefined) return;
  if (!(await takeStepUp(db, grantId, later(clock(), -lifetimes.stepUpMs)))) return;
  throw new TokenError('interaction_required', {
    reason: 'the client was just told to ask for more scopes',
    description: 'More scopes were asked for: a refresh cannot give them, a new authorization can',
  });
}

/**
 * The answer of the first time, whatever scope the caller asks for now: it says what it is. Where the successor was
 * used in turn, its own successor is the answer, and so on: a token that is spent would end the grant at its next use.
 */
async function answerAgain(
  services: RotateServices,
  stored: StoredRefreshToken,
  presented: { readonly token: string; readonly hash: SecretHash; readonly at: Date },
): Promise<IssuedTokens> {
  const graceEndsAt = later(stored.consumedAt ?? new Date(0), services.config.refreshGraceSeconds * 1000);
  if (stored.sealedSuccessor === undefined || graceEndsAt <= presented.at) {
    const hasEnded = await endGrant(services, stored.grantId, 'refresh_token_reused');
    throw invalidGrant(
      'refresh token reused outside the grace window',
      hasEnded ? { event: 'reuse' } : undefined,
    );
  }
  const issued = successor.parse(
    JSON.parse(openFor(presented.token, stored.sealedSuccessor, successorPlace(presented.hash))),
  );
  const token = issued.refreshToken;
  const hash = hashSecret(token);
  const next = await findRefreshToken(services.db, hash);
  if (next?.consumedAt !== undefined) return answerAgain(services, next, { token, hash, at: presented.at });
  services.events.record({ type: 'refresh', outcome: 'success', how: 'repeated', ...factsOf(stored) });
  return issued;
}

function successorPlace(presentedHash: SecretHash): string {
  return `access_tokens.sealed_successor:${Buffer.from(presentedHash).toString('hex')}`;
}

function invalidGrant(reason: string, options?: { readonly event: 'reuse' }): TokenError {
  return new TokenError('invalid_grant', {
    reason,
    description: 'The refresh token is unknown, expired, used, or not yours',
    ...options,
  });
}

function factsOf(stored: StoredRefreshToken): EventFacts {
  const { grantId, clientId, subject, email, resource, grantedScopes: scopes, person } = stored;
  return { grantId, clientId, subject, email, resource, scopes, provider: person?.identityProvider };
}
