/** Gives a machine an access token: a client that the operator made, and that acts for itself (OAuth 2.1 §4.2). */
import { createId } from '../crypto/secrets.ts';
import { TokenError } from '../protocol/errors.ts';
import { type Resource, readResources } from '../protocol/resource.ts';
import { grantableScopes, offlineAccess, parseScope } from '../protocol/scope.ts';
import type { TokenRequest } from '../protocol/token-request.ts';
import type { Client } from '../repositories/clients.ts';
import { insertMachineToken } from '../repositories/machine-tokens.ts';
import { draftToken, type IssuedToken, signToken } from './issue-tokens.ts';
import { lifetimes } from './lifetimes.ts';
import type { Services } from './services.ts';

type MachineServices = Pick<Services, 'db' | 'clock' | 'config' | 'events' | 'keyRing' | 'resources'>;
type MachineRequest = Extract<TokenRequest, { grantType: 'client_credentials' }>;

/**
 * There is no person: the subject is the client's id, which nobody can choose (RFC 9700 §4.15). There is no refresh
 * token either, since the machine can ask again (OAuth 2.1 §4.2.2), so the token lives an hour at most. The client has
 * been authenticated, and its grant type checked.
 *
 * @throws TokenError `invalid_target`, `invalid_scope`; `invalid_client` when it was deleted meanwhile
 */
export async function issueMachineToken(
  services: MachineServices,
  { client, request }: { readonly client: Client; readonly request: MachineRequest },
): Promise<IssuedToken> {
  const resource = readResource(services, client, request);
  const scopes = readScopes(client, request);
  const ttlSeconds = Math.min(services.config.accessTokenTtlSeconds, lifetimes.machineTokenSeconds);
  const draft = draftToken(services, ttlSeconds);
  const { clientId } = client;
  const issued = await signToken(services, draft, {
    clientId,
    subject: clientId,
    email: undefined,
    name: undefined,
    resource: resource.identifier,
    scopes,
  });
  const grantId = await insertMachineToken(services.db, {
    clientId,
    issuer: services.config.baseUrl,
    resource: resource.identifier,
    grantedScopes: client.scopes ?? [],
    grantId: createId(),
    issue: { ...draft, scopes },
  });
  if (grantId === undefined)
    throw new TokenError('invalid_client', { reason: 'the client was deleted meanwhile' });
  services.events.record({
    type: 'token',
    outcome: 'success',
    how: 'client_credentials',
    tokenId: draft.jti,
    grantId,
    clientId,
    clientName: client.clientName,
    subject: clientId,
    resource: resource.identifier,
    scopes,
  });
  return issued;
}

/** The resource asked for, or the client's own, or the first; never another one than its own (RFC 8707 §2.2). */
function readResource(services: MachineServices, client: Client, request: MachineRequest): Resource {
  const own = client.resource === undefined ? [] : [client.resource];
  const requested = request.resources.length === 0 ? own : request.resources;
  const resource = readResources(services.resources, requested);
  const isItsOwn = own.length === 0 || readResources(services.resources, own) === resource;
  if (resource === undefined || !isItsOwn) {
    throw new TokenError('invalid_target', {
      reason: 'resource is unknown, or not the one of this client',
      description: 'resource is not one that this client may use',
    });
  }
  return resource;
}

/**
 * As at `/authorize`: of the scopes asked for those that it may have, all of them if none is left. SDK clients ask for
 * what the challenge of `/mcp` names, which is meant for people.
 */
function readScopes(client: Client, request: MachineRequest): readonly string[] {
  const requested = request.scope === undefined ? [] : parseScope(request.scope);
  if (requested === undefined) {
    throw new TokenError('invalid_scope', {
      reason: 'scope is malformed',
      description: 'scope has characters that a scope cannot have',
    });
  }
  const wanted = requested.filter((scope) => scope !== offlineAccess);
  return grantableScopes(wanted, client.scopes ?? [], undefined);
}
