/**
 * Authorization requests (OAuth 2.1 §4.1.1), read in two parts, because mistakes in them have different
 * consequences: until client and redirect URI are known good there is no safe place to send the browser.
 */
import { z } from 'zod';
import { codeChallenge } from './pkce.ts';
import { dropEmpty, type RawParameters, resourceParameter, single } from './parameters.ts';

const redirectPart = z.object({ client_id: single, redirect_uri: single.optional() });

const requestPart = z.object({
  response_type: single.optional(),
  state: single.optional(),
  scope: single.optional(),
  code_challenge: single.optional(),
  code_challenge_method: single.optional(),
  prompt: single.optional(),
  resource: resourceParameter,
});

/** Parameters that must be right before anything is redirected. Undefined: a mistake in one of them. */
export function readRedirectPart(
  raw: RawParameters,
): { readonly clientId: string; readonly redirectUri: string | undefined } | undefined {
  const parsed = redirectPart.safeParse(dropEmpty(raw));
  if (!parsed.success) return undefined;
  return { clientId: parsed.data.client_id, redirectUri: parsed.data.redirect_uri };
}

/** `state` alone, so that an error in the rest can be sent back with it. */
export function readState(raw: RawParameters): string | undefined {
  return single.safeParse(dropEmpty(raw).state).data;
}

export interface AuthorizationRequest {
  readonly state: string | undefined;
  readonly scope: string | undefined;
  readonly codeChallenge: string;
  /** Whether the client wants the person to be asked again (OpenID Connect Core §3.1.2.1). */
  readonly forcesConsent: boolean;
  /** Whether the person shall choose an account at the provider, or sign in there anew (the same section). */
  readonly choosesAccount: boolean;
  readonly resources: readonly string[];
}

export type RequestProblem = {
  readonly code: 'invalid_request' | 'unsupported_response_type';
  readonly reason: string;
};

/** The rest of the request. PKCE with S256 is required from every client (OAuth 2.1 §4.1.1, §7.5). */
export function readRequestPart(raw: RawParameters): AuthorizationRequest | RequestProblem {
  const parsed = requestPart.safeParse(dropEmpty(raw));
  if (!parsed.success) {
    const names = parsed.error.issues.map((issue) => String(issue.path[0]));
    return { code: 'invalid_request', reason: `repeated or too long: ${[...new Set(names)].join(', ')}` };
  }
  const request = parsed.data;
  if (request.response_type === undefined)
    return { code: 'invalid_request', reason: 'response_type is missing' };
  if (request.response_type !== 'code') {
    return { code: 'unsupported_response_type', reason: 'response_type must be code' };
  }
  if (request.code_challenge === undefined)
    return { code: 'invalid_request', reason: 'code_challenge is missing' };
  if (request.code_challenge_method !== 'S256') {
    return { code: 'invalid_request', reason: 'code_challenge_method must be S256' };
  }
  if (!codeChallenge.safeParse(request.code_challenge).success) {
    return { code: 'invalid_request', reason: 'code_challenge is not 43 characters of base64url' };
  }
  return {
    state: request.state,
    scope: request.scope,
    codeChallenge: request.code_challenge,
    forcesConsent: /(^| )(consent|login|select_account)( |$)/.test(request.prompt ?? ''),
    choosesAccount: /(^| )(login|select_account)( |$)/.test(request.prompt ?? ''),
    resources: request.resource ?? [],
  };
}
