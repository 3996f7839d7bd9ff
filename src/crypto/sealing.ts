/** Values at rest, sealed with AES-256-GCM and bound to their place. */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

/** `1 | key id (8) | iv (12) | tag (16) | ciphertext` */
const version = 1;
const keyIdEnd = 9;
const ivEnd = 21;
const tagEnd = 37;

/** A sealed value does not open: another key, another place, or changed bytes. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

/**
 * Seals under the first key, opens under any of them. `place` says where the value lives (table, column, row id) and
 * is authenticated with it, so a ciphertext that was moved to another row does not open.
 */
export class Sealer {
  readonly #keys: ReadonlyMap<string, Uint8Array>;
  /** Key ids in hex, the sealing one first. */
  readonly keyIds: readonly [string, ...string[]];

  constructor(keys: readonly Uint8Array[]) {
    this.#keys = new Map(keys.map((key) => [keyIdOf(key), key]));
    const [first, ...others] = this.#keys.keys();
    if (first === undefined) throw new Error('An encryption key is needed');
    this.keyIds = [first, ...others];
  }

  seal(plaintext: string, place: string): Uint8Array {
    const keyId = this.keyIds[0];
    return Buffer.concat([
      Uint8Array.of(version),
      Buffer.from(keyId, 'hex'),
      encrypt(this.#key(keyId), plaintext, place),
    ]);
  }

  /** @throws SealError */
  open(sealed: Uint8Array, place: string): string {
    if (sealed[0] !== version || sealed.length < tagEnd) throw new SealError('Not a sealed value');
    return decrypt(this.#key(sealedKeyId(sealed)), sealed.subarray(keyIdEnd), place);
  }

  #key(keyId: string): Uint8Array {
    const key = this.#keys.get(keyId);
    if (key === undefined) throw new SealError(`Sealed under key ${keyId}, which is not in ENCRYPTION_KEY`);
    return key;
  }
}

/** The id of the key that a value is sealed under, in hex. */
export function sealedKeyId(sealed: Uint8Array): string {
  return Buffer.from(sealed.subarray(1, keyIdEnd)).toString('hex');
}

function keyIdOf(key: Uint8Array): string {
  return createHash('sha256').update('mcp-oauth-proxy key id\0').update(key).digest('hex').slice(0, 16);
}

/** Seals under a key that only the holder of `secret` can derive (HKDF-SHA256, RFC 5869). */
export function sealFor(secret: string, plaintext: string, place: string): Uint8Array {
  return encrypt(derivedKey(secret), plaintext, place);
}

/** @throws SealError */
export function openFor(secret: string, sealed: Uint8Array, place: string): string {
  return decrypt(derivedKey(secret), sealed, place);
}

function derivedKey(secret: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', 'mcp-oauth-proxy sealed for the holder', 32));
}

function encrypt(key: Uint8Array, plaintext: string, place: string): Uint8Array {
  const iv = randomBytes(ivEnd - keyIdEnd);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(place));
  const ciphertext = [cipher.update(plaintext, 'utf8'), cipher.final()];
  return Buffer.concat([iv, cipher.getAuthTag(), ...ciphertext]);
}

function decrypt(key: Uint8Array, bytes: Uint8Array, place: string): string {
  const iv = bytes.subarray(0, ivEnd - keyIdEnd);
  const tag = bytes.subarray(ivEnd - keyIdEnd, tagEnd - keyIdEnd);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 })
      .setAAD(Buffer.from(place))
      .setAuthTag(tag);
    return Buffer.concat([decipher.update(bytes.subarray(tagEnd - keyIdEnd)), decipher.final()]).toString(
      'utf8',
    );
  } catch (cause) {
    throw new SealError('The sealed value does not open here', { cause });
  }
}
