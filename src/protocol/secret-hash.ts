/** The stored form of a secret, told apart from other bytes by the compiler. */
declare const form: unique symbol;

/** SHA-256 of a high-entropy secret. Made by `hashSecret` in crypto; the secret itself is never stored. */
export type SecretHash = Uint8Array & { readonly [form]: 'sha256' };
