/** Checks an access token without asking whether it was revoked (RFC 9068 §4). */
import { type VerifiedToken, verifyAccessTokenSignature } from '../crypto/access-token.ts';
import type { Services } from './services.ts';

/**
 * A key that is not known here may have been made by another instance a moment ago: it is looked for once.
 * `audience` undefined: any resource of ours.
 *
 * @throws DatabaseUnavailableError
 */
export async function checkSignature(
  { config, clock, keyRing }: Pick<Services, 'config' | 'clock' | 'keyRing'>,
  token: string,
  audience: string | undefined,
): Promise<VerifiedToken> {
  const check = (): VerifiedToken =>
    verifyAccessTokenSignature(token, keyRing.verificationKeys, {
      issuer: config.baseUrl,
      audience,
      now: clock(),
    });
  const result = check();
  return result.outcome === 'unknown_key' && (await keyRing.lookForNewKeys()) ? check() : result;
}
