/** Someone who has signed in at `/account`, in one browser: who it is, and the end of it. */
import { formTokenOf, hashSecret } from '../crypto/secrets.ts';
import type { SecretHash } from '../protocol/secret-hash.ts';
import {
  type AccountSession,
  deleteAccountSession,
  findAccountSession,
} from '../repositories/account-sessions.ts';
import type { Services } from './services.ts';

export interface OpenAccount extends AccountSession {
  readonly sessionHash: SecretHash;
  /** In every form of this session's pages: proves that a form is one of them. */
  readonly formToken: string;
}

/** `sessionSecret`: what the browser brings. Undefined when nobody is signed in with it (any more). */
export async function findOpenAccount(
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  sessionSecret: string | undefined,
): Promise<OpenAccount | undefined> {
  if (sessionSecret === undefined) return undefined;
  const sessionHash = hashSecret(sessionSecret);
  const session = await findAccountSession(db, sessionHash, clock());
  return session && { ...session, sessionHash, formToken: formTokenOf(sessionSecret) };
}

export async function closeAccount({ db }: Pick<Services, 'db'>, account: OpenAccount): Promise<void> {
  await deleteAccountSession(db, account.sessionHash);
}
