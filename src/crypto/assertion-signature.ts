/** Checks the signature of a client's assertion against its public keys. */
import { compactVerify, importJWK } from 'jose';
import type { ClientAssertion } from '../protocol/client-assertion.ts';
import type { AssertionAlg, ClientJwks, PublicJwk } from '../protocol/client-keys.ts';

/**
 * `unknown_key`: no key of the set can have made it, so the client may have published a new one. A key without `kid` may
 * be the one that any `kid` means (RFC 7517 §4.5).
 */
export type SignatureVerdict = 'valid' | 'invalid' | 'unknown_key';

export async function checkAssertionSignature(
  assertion: ClientAssertion,
  jwks: ClientJwks,
): Promise<SignatureVerdict> {
  const candidates = jwks.keys.filter((key) => fits(key, assertion));
  for (const candidate of candidates) {
    if (await isSignedBy(assertion, candidate)) return 'valid';
  }
  return candidates.length === 0 ? 'unknown_key' : 'invalid';
}

/** The keys that an algorithm takes (RFC 7518 §3.1, RFC 8037 §3.1). */
const keyTypes: Readonly<Record<AssertionAlg, { readonly kty: PublicJwk['kty']; readonly crv?: string }>> = {
  ES256: { kty: 'EC', crv: 'P-256' },
  ES384: { kty: 'EC', crv: 'P-384' },
  ES512: { kty: 'EC', crv: 'P-521' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
  Ed25519: { kty: 'OKP', crv: 'Ed25519' },
  PS256: { kty: 'RSA' },
  PS384: { kty: 'RSA' },
  PS512: { kty: 'RSA' },
  RS256: { kty: 'RSA' },
  RS384: { kty: 'RSA' },
  RS512: { kty: 'RSA' },
};

async function isSignedBy({ jwt, alg }: ClientAssertion, jwk: PublicJwk): Promise<boolean> {
  try {
    const key = await importJWK({ ...jwk, alg, key_ops: ['verify'] } as Parameters<typeof importJWK>[0], alg);
    await compactVerify(jwt, key, { algorithms: [alg] });
    return true;
  } catch {
    return false;
  }
}

/** A key is for one family of algorithms, and for one algorithm alone when it says so (RFC 8725 §3.1). */
function fits(key: PublicJwk, { alg, kid }: ClientAssertion): boolean {
  if (key.use !== undefined && key.use !== 'sig') return false;
  if (key.alg !== undefined && key.alg !== alg && !(isEd25519(key.alg) && isEd25519(alg))) return false;
  if (kid !== undefined && key.kid !== undefined && key.kid !== kid) return false;
  const { kty, crv } = keyTypes[alg];
  return key.kty === kty && (crv === undefined || key.crv === crv);
}

function isEd25519(alg: string): boolean {
  return alg === 'EdDSA' || alg === 'Ed25519';
}
