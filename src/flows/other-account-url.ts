/** The way to sign in with another account than the one that the browser has at the provider. */
import { formatScope } from '../protocol/scope.ts';
import type { PendingRequest } from '../repositories/authorization-requests.ts';

/**
 * The request that brought the person here, once more: they are asked again, and choose an account at the provider
 * (OpenID Connect Core §3.1.2.1, `prompt`).
 */
export function otherAccountUrl(baseUrl: string, request: PendingRequest): string {
  const url = new URL('/authorize', baseUrl);
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: request.clientId,
    redirect_uri: request.redirectUri,
    ...(request.state !== undefined && { state: request.state }),
    code_challenge: request.codeChallenge,
    code_challenge_method: 'S256',
    resource: request.resource,
    ...(request.scopes.length > 0 && { scope: formatScope(request.scopes) }),
    prompt: 'select_account',
  }).toString();
  return url.href;
}
