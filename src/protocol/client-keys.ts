/** Public keys of a client (RFC 7517): what a client that authenticates with `private_key_jwt` may bring. */
import { z } from 'zod';

/** Algorithms of client assertions. No `none`, and none with a shared secret (RFC 8725 §3.1). */
export const assertionAlgs = [
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
  'EdDSA',
  'Ed25519',
] as const;
export type AssertionAlg = (typeof assertionAlgs)[number];

/** One public key. Members that nobody needs here, certificates for example, are left out. */
export interface PublicJwk {
  readonly kty: 'EC' | 'OKP' | 'RSA';
  readonly kid?: string | undefined;
  readonly alg?: string | undefined;
  readonly use?: string | undefined;
  readonly crv?: string | undefined;
  readonly x?: string | undefined;
  readonly y?: string | undefined;
  readonly n?: string | undefined;
  readonly e?: string | undefined;
}

export interface ClientJwks {
  readonly keys: readonly PublicJwk[];
}

const maxKeys = 20;
/** RSA of 8192 bits. Checking a signature takes longer with each bit, and the key is a stranger's. */
const maxNumberCharacters = 1366;

const base64url = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[A-Za-z0-9_-]+$/);

/** Text that the database can store. */
const printable = z.string().regex(/^[^\p{Cc}\p{Cs}]*$/u);

const publicJwk = z.object({
  kty: z.enum(['EC', 'OKP', 'RSA']),
  kid: printable.max(256).optional(),
  alg: printable.max(32).optional(),
  use: printable.max(32).optional(),
  crv: printable.max(32).optional(),
  x: base64url(maxNumberCharacters).optional(),
  y: base64url(maxNumberCharacters).optional(),
  n: base64url(maxNumberCharacters).optional(),
  // A public exponent is 65537 nearly everywhere; a large one is slow on purpose.
  e: base64url(6).optional(),
});

/** Members of private and symmetric keys (RFC 7518 §6). */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

const keySet = z.object({ keys: z.array(z.record(z.string(), z.unknown())).max(maxKeys) });

/**
 * Reads a key set. Keys of a kind that is not known are left out (RFC 7517 §5). A key that should have stayed secret
 * spoils the set, since whoever has read it can sign in the client's name.
 */
export function readClientJwks(value: unknown): ClientJwks | { readonly problem: string } {
  const parsed = keySet.safeParse(value);
  if (!parsed.success) return { problem: `jwks must be a key set of at most ${maxKeys} keys` };
  const { keys } = parsed.data;
  if (keys.some((key) => key.kty === 'oct')) return { problem: 'jwks has a symmetric key' };
  if (keys.some((key) => secretMembers.some((member) => Object.hasOwn(key, member)))) {
    return { problem: 'jwks has a private key' };
  }
  const usable = keys.flatMap((key) => publicJwk.safeParse(key).data ?? []);
  return usable.length === 0 ? { problem: 'jwks has no public key that can be used' } : { keys: usable };
}

/** Why keys cannot be read at this address, or undefined when they can. */
export function jwksUriProblem(uri: unknown): string | undefined {
  if (typeof uri !== 'string' || uri.length > 2048 || !URL.canParse(uri)) return 'jwks_uri is not a URL';
  const url = new URL(uri);
  const isPlain = url.protocol === 'https:' && url.username === '' && url.password === '' && url.hash === '';
  return isPlain ? undefined : 'jwks_uri must be https, without credentials or fragment';
}

/** Where a client's keys are: in its metadata, or behind a URL. */
export interface ClientKeySource {
  readonly jwks: ClientJwks | undefined;
  readonly jwksUri: string | undefined;
}

/**
 * Reads `jwks` and `jwks_uri`, of which there may be one (RFC 7591 §2); null counts as absent.
 */
export function readKeySource(
  jwks: unknown,
  jwksUri: unknown,
): ClientKeySource | { readonly problem: string } {
  const hasJwks = jwks !== undefined && jwks !== null;
  const hasUri = jwksUri !== undefined && jwksUri !== null;
  if (hasJwks && hasUri) return { problem: 'jwks and jwks_uri cannot be used together' };
  if (hasJwks) {
    const read = readClientJwks(jwks);
    return 'problem' in read ? read : { jwks: read, jwksUri: undefined };
  }
  if (!hasUri) return { jwks: undefined, jwksUri: undefined };
  const problem = jwksUriProblem(jwksUri);
  return problem === undefined ? { jwks: undefined, jwksUri: jwksUri as string } : { problem };
}
