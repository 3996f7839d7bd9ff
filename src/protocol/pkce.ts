/** Proof Key for Code Exchange, method S256 only (RFC 7636; OAuth 2.1 §4.1.1). */
import { z } from 'zod';

/** `BASE64URL(SHA256(verifier))`: 43 characters (RFC 7636 §4.2). */
export const codeChallenge = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** 43 to 128 unreserved characters (RFC 7636 §4.1). */
export const codeVerifier = z.string().regex(/^[A-Za-z0-9._~-]{43,128}$/);
