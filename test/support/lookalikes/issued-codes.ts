/** What the look-alikes share: codes that work once, with PKCE (RFC 7636), and keys that sign ID tokens. */
import { createHash, randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';

export interface CodeRequest {
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  readonly codeChallenge: string | null;
  readonly nonce: string | null;
}

/** `T`: what else a provider remembers with a code. */
export function createCodes<T>(make: () => string) {
  const codes = new Map<string, CodeRequest & T>();
  return {
    issue: (request: CodeRequest & T): string => {
      const code = make();
      codes.set(code, request);
      return code;
    },
    /** Undefined when it is unknown or was used before. */
    take: (code: string | null): (CodeRequest & T) | undefined => {
      const request = code === null ? undefined : codes.get(code);
      if (code !== null) codes.delete(code);
      return request;
    },
  };
}

export function isVerifierOf({ codeChallenge }: CodeRequest, verifier: string | null): boolean {
  if (codeChallenge === null) return verifier === null;
  return (
    codeChallenge ===
    createHash('sha256')
      .update(verifier ?? '')
      .digest('base64url')
  );
}

export const random = (bytes = 24): string => randomBytes(bytes).toString('base64url');

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

/** Making an RSA key takes longer than most tests. Signers share three, in turn: those of one test have different ones. */
const keyPairs: Promise<KeyPair>[] = [];
let signers = 0;

async function nextKeyPair(): Promise<KeyPair> {
  const at = signers % 3;
  signers += 1;
  keyPairs[at] ??= generateKeyPair('RS256');
  return keyPairs[at];
}

export async function createSigner(published: Readonly<Record<string, unknown>> = {}) {
  const { privateKey, publicKey } = await nextKeyPair();
  const kid = random(15);
  return {
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig', ...published },
    sign: (claims: JWTPayload) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid }).sign(privateKey),
  };
}

export const inSeconds = (instant: Date): number => Math.floor(instant.getTime() / 1000);
