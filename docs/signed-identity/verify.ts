// Verifies the signed identity that mcp-oauth-proxy sends with each request. Needs: npm install jose
import { createRemoteJWKSet, jwtVerify } from 'jose';

export interface Settings {
  /** BASE_URL of the proxy, for example https://mcp.example.com */
  readonly issuer: string;
  /** MCP_SERVER_URL of the proxy, character for character: it names you, and no other server. */
  readonly audience: string;
  /** Where the keys are. From inside the network: the proxy's own address. Default: issuer + /jwks */
  readonly jwksUrl?: string;
}

export interface Caller {
  /** Tell people apart by this, never by the e-mail address. */
  readonly id: string;
  /** A machine acts for itself: its `id` is its client ID. */
  readonly isMachine: boolean;
  readonly email: string | undefined;
  readonly name: string | undefined;
  /** As of their sign-in. Undefined where they are not known, or too many to be said. */
  readonly groups: readonly string[] | undefined;
  readonly clientId: string;
  readonly scopes: readonly string[];
}

interface Claims {
  readonly sub: string;
  readonly subject_type: 'person' | 'machine';
  readonly email?: string;
  readonly name?: string;
  readonly groups?: readonly string[];
  readonly client_id: string;
  readonly scope: string;
}

/** Make one when your server starts: it keeps the keys, and looks for new ones when it meets a new `kid`. */
export function createVerifier({ issuer, audience, jwksUrl = `${issuer}/jwks` }: Settings) {
  const keys = createRemoteJWKSet(new URL(jwksUrl));

  /** Give it the header X-Forwarded-Jwt-Assertion. Throws when there is none or it is not good: answer 403. */
  return async function readCaller(assertion: string | undefined): Promise<Caller> {
    const { payload } = await jwtVerify<Claims>(assertion ?? '', keys, {
      typ: 'mcp-identity+jwt', // access tokens, signed with the same keys, are of another type
      issuer,
      audience,
      algorithms: ['ES256', 'RS256'],
      clockTolerance: 30, // seconds that your clock may differ from the proxy's
      requiredClaims: ['sub', 'subject_type', 'client_id', 'scope', 'exp'],
    });
    return {
      id: payload.sub,
      isMachine: payload.subject_type !== 'person',
      email: payload.email,
      name: payload.name,
      groups: payload.groups,
      clientId: payload.client_id,
      scopes: payload.scope.split(' ').filter(Boolean),
    };
  };
}
