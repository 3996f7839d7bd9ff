/** How a client says who it is at the token and revocation endpoints (RFC 6749 §2.3). */
import { TokenError } from './errors.ts';
import { type RawParameters, single } from './parameters.ts';

export const clientAuthMethods = ['none', 'client_secret_basic', 'client_secret_post'] as const;
export type ClientAuthMethod = (typeof clientAuthMethods)[number];

export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  /** Whether they came in the `Authorization` header: a refusal then carries a `Basic` challenge. */
  readonly usedHeader: boolean;
}

/**
 * Reads client credentials from the header or the body; never from the URI (OAuth 2.1 §2.4.1).
 * @throws TokenError `invalid_request` for two methods at once, or a repeated parameter
 * @throws TokenError `invalid_client` when there are none, or the header is malformed
 */
export function readClientCredentials(
  authorization: string | undefined,
  raw: RawParameters,
): ClientCredentials {
  for (const name of ['client_id', 'client_secret']) {
    if (Array.isArray(raw[name])) {
      throw new TokenError('invalid_request', {
        reason: `${name} is repeated`,
        description: `${name} is repeated`,
      });
    }
  }
  const clientId = present(raw.client_id);
  const clientSecret = present(raw.client_secret);
  if (authorization === undefined) {
    if (clientId === undefined) {
      throw new TokenError('invalid_client', {
        reason: 'no client credentials',
        description: 'client_id is required',
      });
    }
    return { clientId, clientSecret, usedHeader: false };
  }
  if (clientSecret !== undefined) {
    throw new TokenError('invalid_request', {
      reason: 'two client authentication methods',
      description: 'use one client authentication method',
    });
  }
  const basic = parseBasic(authorization);
  if (basic === undefined)
    throw new TokenError('invalid_client', { reason: 'malformed Authorization header' });
  if (clientId !== undefined && clientId !== basic.clientId) {
    throw new TokenError('invalid_request', {
      reason: 'client_id in header and body differ',
      description: 'client_id in header and body differ',
    });
  }
  return { clientId: basic.clientId, clientSecret: present(basic.clientSecret), usedHeader: true };
}

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
