/** A client's public key as the operator has it: PEM, a JWK, or a key set. */
import { createPublicKey } from 'node:crypto';

/** The key set (RFC 7517 §5) that a file holds, not checked yet. @throws an error when it is none of these */
export function readPublicKeyFile(content: string): unknown {
  if (content.includes('-----BEGIN')) return { keys: [createPublicKey(content).export({ format: 'jwk' })] };
  const json: unknown = JSON.parse(content);
  return typeof json === 'object' && json !== null && 'keys' in json ? json : { keys: [json] };
}
