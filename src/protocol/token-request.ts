/** Requests to the token endpoint (OAuth 2.1 §3.2, §4.1.3, §4.2.1, §4.3.1), and to those that take a token. */
import { z } from 'zod';
import { TokenError } from './errors.ts';
import { codeVerifier } from './pkce.ts';
import { dropEmpty, type RawParameters, resourceParameter, single } from './parameters.ts';

const codeGrant = z.object({
  grant_type: z.literal('authorization_code'),
  code: single,
  redirect_uri: single.optional(),
  code_verifier: codeVerifier,
  resource: resourceParameter,
});

const refreshGrant = z.object({
  grant_type: z.literal('refresh_token'),
  refresh_token: single,
  scope: single.optional(),
  resource: resourceParameter,
});

const machineGrant = z.object({
  grant_type: z.literal('client_credentials'),
  scope: single.optional(),
  resource: resourceParameter,
});

const schemas = {
  authorization_code: codeGrant,
  refresh_token: refreshGrant,
  client_credentials: machineGrant,
};

/** What clients for people use: every one of them gets refresh tokens as well. */
export const codeGrantTypes = ['authorization_code', 'refresh_token'] as const;
/** What machines use, which act for themselves (RFC 6749 §4.4). */
export const machineGrantTypes = ['client_credentials'] as const;
export const supportedGrantTypes = [...codeGrantTypes, ...machineGrantTypes] as const;

export type TokenRequest =
  | {
      readonly grantType: 'authorization_code';
      readonly code: string;
      readonly redirectUri: string | undefined;
      readonly codeVerifier: string;
      readonly resources: readonly string[];
    }
  | {
      readonly grantType: 'refresh_token';
      readonly refreshToken: string;
      readonly scope: string | undefined;
      readonly resources: readonly string[];
    }
  | {
      readonly grantType: 'client_credentials';
      readonly scope: string | undefined;
      readonly resources: readonly string[];
    };

/**
 * Reads a token request. The grant type is looked at first: an unknown one has an error of its own.
 * @throws TokenError `invalid_request`, `unsupported_grant_type`
 */
export function readTokenRequest(raw: RawParameters): TokenRequest {
  const parameters = dropEmpty(raw);
  const grantType = parameters.grant_type;
  if (typeof grantType !== 'string') {
    throw new TokenError('invalid_request', {
      reason: 'grant_type is missing or repeated',
      description: 'grant_type is required, once',
    });
  }
  if (!isSupported(grantType)) {
    throw new TokenError('unsupported_grant_type', {
      reason: `grant_type is not one of ${supportedGrantTypes.join(', ')}`,
    });
  }
  const parsed = schemas[grantType].safeParse(parameters);
  if (!parsed.success) {
    const names = [...new Set(parsed.error.issues.map((issue) => String(issue.path[0])))].join(', ');
    throw new TokenError('invalid_request', {
      reason: `bad parameters: ${names}`,
      description: `missing, repeated or malformed: ${names}`,
      cause: parsed.error,
    });
  }
  const request = parsed.data;
  const resources = request.resource ?? [];
  if (request.grant_type === 'authorization_code') {
    return {
      grantType: request.grant_type,
      code: request.code,
      redirectUri: request.redirect_uri,
      codeVerifier: request.code_verifier,
      resources,
    };
  }
  const { scope } = request;
  return request.grant_type === 'refresh_token'
    ? { grantType: request.grant_type, refreshToken: request.refresh_token, scope, resources }
    : { grantType: request.grant_type, scope, resources };
}

function isSupported(grantType: string): grantType is (typeof supportedGrantTypes)[number] {
  return (supportedGrantTypes as readonly string[]).includes(grantType);
}

const presentedToken = z.object({ token: single, token_type_hint: single.optional() });

/**
 * Reads the token that a revocation or introspection request is about (RFC 7009 §2.1, RFC 7662 §2.1). The hint is not
 * needed: each kind of token names itself.
 * @throws TokenError `invalid_request`
 */
export function readPresentedToken(raw: RawParameters): string {
  const parsed = presentedToken.safeParse(dropEmpty(raw));
  if (!parsed.success) {
    throw new TokenError('invalid_request', {
      reason: 'token is missing or repeated',
      description: 'token is required, once',
      cause: parsed.error,
    });
  }
  return parsed.data.token;
}
