/** Random secrets, and the hashes under which they are stored. */
import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { SecretHash } from '../protocol/secret-hash.ts';

/** 256 bits, so that a plain SHA-256 is enough to store them (OAuth 2.1 §7.6: at least 128). */
const secretBytes = 32;

/** A prefix that makes a leaked secret name itself. */
export type SecretKind = 'code' | 'rt' | 'cs';

/** A new secret: `mop_rt_…`, base64url behind the prefix, safe in URLs, forms and un-encoded Basic credentials. */
export function createSecret(kind: SecretKind): string {
  return `mop_${kind}_${createNonce()}`;
}

/** A random value without a prefix, for `state`, `nonce`, PKCE verifiers and cookies: 43 characters of base64url. */
export function createNonce(): string {
  return randomBytes(secretBytes).toString('base64url');
}

/** A client identifier chosen by us: never a URL, never chosen by the client (RFC 9700 §4.15). */
export function createClientId(): string {
  return randomBytes(16).toString('base64url');
}

export function createId(): string {
  return randomUUID();
}

export function hashSecret(secret: string): SecretHash {
  return createHash('sha256').update(secret).digest() as Uint8Array as SecretHash;
}

/** What the forms of a browser's session carry to prove that they are ours: its secret cannot be told from it. */
export function formTokenOf(sessionSecret: string): string {
  return createHash('sha256').update(`form ${sessionSecret}`).digest('base64url');
}

/** The same for the same text, and different for any other: what a unique index can tell apart. */
export function fingerprintOf(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}

/** One of 65,536 drawers for a text: it tells apart, but cannot be read back. */
export function drawerOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt16BE();
}

/** Compares in constant time. */
export function isSameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** PKCE S256: `BASE64URL(SHA256(ASCII(verifier)))` (RFC 7636 §4.2). */
export function challengeOf(codeVerifier: string): string {
  return createHash('sha256').update(codeVerifier, 'ascii').digest('base64url');
}
