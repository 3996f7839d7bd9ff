/** How a client says who it is at the token, revocation and introspection endpoints (RFC 6749 §2.3, RFC 7523 §2.2). */
import { assertionType, type ClientAssertion, readAssertion } from './client-assertion.ts';
import { TokenError } from './errors.ts';
import { type RawParameters, single } from './parameters.ts';

export const clientAuthMethods = [
  'none',
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
] as const;
/** Those that prove something: what introspection needs (RFC 7662 §2.1). */
export const confidentialAuthMethods = clientAuthMethods.filter((method) => method !== 'none');
export type ClientAuthMethod = (typeof clientAuthMethods)[number];

export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  /** Read, and nothing of it proven yet. */
  readonly clientAssertion: ClientAssertion | undefined;
  /** Whether they came in the `Authorization` header: a refusal then carries a `Basic` challenge. */
  readonly usedHeader: boolean;
}

/**
 * Reads client credentials from the header or the body; never from the URI (OAuth 2.1 §2.4.1). An assertion says by
 * itself which client it is of (RFC 7521 §4.2).
 * @throws TokenError `invalid_request` for two methods at once, or a repeated parameter
 * @throws TokenError `invalid_client` when there are none, or the header or the assertion is malformed
 */
export function readClientCredentials(
  authorization: string | undefined,
  raw: RawParameters,
): ClientCredentials {
  for (const name of ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type']) {
    if (Array.isArray(raw[name])) {
      throw new TokenError('invalid_request', {
        reason: `${name} is repeated`,
        description: `${name} is repeated`,
      });
    }
  }
  const clientId = present(raw.client_id);
  const clientSecret = present(raw.client_secret);
  if (present(raw.client_assertion) !== undefined || present(raw.client_assertion_type) !== undefined) {
    if (authorization !== undefined || clientSecret !== undefined) throw twoMethods();
    return { ...readAssertionParameters(raw, clientId), clientSecret: undefined, usedHeader: false };
  }
  if (authorization === undefined) {
    if (clientId === undefined) {
      throw new TokenError('invalid_client', {
        reason: 'no client credentials',
        description: 'client_id is required',
      });
    }
    return { clientId, clientSecret, clientAssertion: undefined, usedHeader: false };
  }
  if (clientSecret !== undefined) throw twoMethods();
  const basic = parseBasic(authorization);
  if (basic === undefined)
    throw new TokenError('invalid_client', { reason: 'malformed Authorization header' });
  if (clientId !== undefined && clientId !== basic.clientId) {
    throw new TokenError('invalid_request', {
      reason: 'client_id in header and body differ',
      description: 'client_id in header and body differ',
    });
  }
  return {
    clientId: basic.clientId,
    clientSecret: present(basic.clientSecret),
    clientAssertion: undefined,
    usedHeader: true,
  };
}

function twoMethods(): TokenError {
  return new TokenError('invalid_request', {
    reason: 'two client authentication methods',
    description: 'use one client authentication method',
  });
}

/** `client_id` may be left out; when it is there, it is the assertion's subject (RFC 7521 §4.2). */
function readAssertionParameters(
  raw: RawParameters,
  clientId: string | undefined,
): { readonly clientId: string; readonly clientAssertion: ClientAssertion } {
  const clientAssertion = readAssertion(present(raw.client_assertion) ?? '');
  const isAgreed = clientId === undefined || clientId === clientAssertion?.subject;
  if (clientAssertion === undefined || !isAgreed || raw.client_assertion_type !== assertionType) {
    throw new TokenError('invalid_client', {
      reason: 'the client assertion is malformed, of another type, or another client’s',
      description: clientAuthenticationFailed,
    });
  }
  return { clientId: clientAssertion.subject, clientAssertion };
}

/** What is said whenever a client does not prove who it is: the same for every cause. */
export const clientAuthenticationFailed = 'Client authentication failed';

function present(value: unknown): string | undefined {
  return value === '' ? undefined : single.safeParse(value).data;
}

/** `Basic base64(id ":" secret)`, both parts form-url-encoded (RFC 6749 §2.3.1). */
function parseBasic(authorization: string): { clientId: string; clientSecret: string } | undefined {
  const match = /^basic +([A-Za-z0-9+/_-]+={0,2})$/i.exec(authorization);
  if (match?.[1] === undefined) return undefined;
  try {
    const decoded = new TextDecoder('utf-8', { fatal: true }).decode(
      Uint8Array.from(atob(match[1].replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)),
    );
    const colon = decoded.indexOf(':');
    if (colon < 1) return undefined;
    const clientId = present(formDecode(decoded.slice(0, colon)));
    if (clientId === undefined) return undefined;
    return { clientId, clientSecret: formDecode(decoded.slice(colon + 1)) };
  } catch {
    return undefined;
  }
}

function formDecode(value: string): string {
  return decodeURIComponent(value.replaceAll('+', ' '));
}
