/** Assertions by which a client proves who it is: signed JWTs (RFC 7523 §2.2, §3; OpenID Connect Core §9). */
import { z } from 'zod';
import { type AssertionAlg, assertionAlgs } from './client-keys.ts';

export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** How far ahead an assertion may expire: clients make one for each request, real ones for 1 to 5 minutes. */
export const maxAssertionSeconds = 300;
/** How far the clocks may be apart (protocol: at most 60 s). */
export const assertionSkewSeconds = 60;

const maxAssertionCharacters = 8192;

const header = z.object({
  alg: z.enum(assertionAlgs),
  kid: z.string().max(256).optional(),
  // Extensions that must be understood are not: RFC 7515 §4.1.11.
  crit: z.never().optional(),
  b64: z.never().optional(),
});

const time = z.number().finite();

const claims = z.object({
  iss: z.string().max(2048),
  // Nothing that the database cannot look for.
  sub: z
    .string()
    .regex(/^[\x20-\x7e]+$/)
    .max(2048),
  aud: z.union([z.string(), z.array(z.string()).min(1).max(10)]),
  exp: time,
  iat: time.optional(),
  nbf: time.optional(),
  jti: z.string().min(1).max(256),
});

/** What an assertion says; nothing of it is proven before the signature is. */
export interface ClientAssertion {
  readonly jwt: string;
  readonly alg: AssertionAlg;
  readonly kid: string | undefined;
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  readonly expiresAt: Date;
  readonly issuedAt: Date | undefined;
  readonly notBefore: Date | undefined;
  readonly jti: string;
}

/** Undefined for anything that is not a signed JWT with an allowed algorithm and the claims of RFC 7523 §3. */
export function readAssertion(jwt: string): ClientAssertion | undefined {
  if (jwt.length > maxAssertionCharacters || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(jwt)) return undefined;
  const [first = '', second = ''] = jwt.split('.');
  const head = header.safeParse(decodeJson(first)).data;
  const body = claims.safeParse(decodeJson(second)).data;
  if (head === undefined || body === undefined) return undefined;
  return {
    jwt,
    alg: head.alg,
    kid: head.kid,
    issuer: body.iss,
    subject: body.sub,
    audiences: [body.aud].flat(),
    expiresAt: toDate(body.exp),
    issuedAt: body.iat === undefined ? undefined : toDate(body.iat),
    notBefore: body.nbf === undefined ? undefined : toDate(body.nbf),
    jti: body.jti,
  };
}

/**
 * Why an assertion cannot be accepted whatever its signature, or undefined. Every audience must be ours: one that
 * names others as well could have been shown to one of them (RFC 7523bis §4).
 */
export function assertionProblem(
  assertion: ClientAssertion,
  expected: { readonly clientId: string; readonly audiences: readonly string[]; readonly now: Date },
): string | undefined {
  const now = expected.now.getTime();
  const skew = assertionSkewSeconds * 1000;
  const { issuer, subject, audiences, expiresAt, issuedAt, notBefore } = assertion;
  if (issuer !== expected.clientId || subject !== expected.clientId) return 'iss or sub is not the client';
  if (!audiences.every((audience) => expected.audiences.includes(audience))) return 'aud is not this server';
  if (expiresAt.getTime() + skew <= now) return 'it has expired';
  if (expiresAt.getTime() > now + maxAssertionSeconds * 1000 + skew) return 'exp is too far ahead';
  if (issuedAt !== undefined && issuedAt.getTime() > now + skew) return 'iat is in the future';
  if (notBefore !== undefined && notBefore.getTime() > now + skew) return 'nbf is in the future';
  return undefined;
}

/** Bounded, so that it is a date whatever was written there. */
function toDate(seconds: number): Date {
  return new Date(Math.min(Math.max(seconds, 0), 1e11) * 1000);
}

function decodeJson(part: string): unknown {
  try {
    const bytes = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (c) =>
      c.charCodeAt(0),
    );
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
