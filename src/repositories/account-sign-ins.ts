/** Sign-ins at `/account` on their way to the identity provider and back. They authorize no client. */
import { z } from 'zod';
import type { SecretHash } from '../protocol/secret-hash.ts';
import type { StoredSignIn } from './authorization-requests.ts';
import { type Queryable, sql } from './database.ts';
import { bytes, findOne } from './rows.ts';

export async function insertAccountSignIn(
  db: Queryable,
  signIn: StoredSignIn & { readonly createdAt: Date },
): Promise<void> {
  await db.query(sql`
    insert into account_sign_ins (upstream_state_hash, sign_in_hash, identity_provider, sealed_sign_in, created_at,
      expires_at)
    values (${signIn.upstreamStateHash}, ${signIn.signInHash}, ${signIn.identityProvider}, ${signIn.sealedSignIn},
      ${signIn.createdAt}, ${signIn.expiresAt})`);
}

/** Takes the answer of the provider, once, and only from the browser that was sent there. Uses the primary key. */
export async function takeAccountReturn(
  db: Queryable,
  key: { readonly upstreamStateHash: SecretHash; readonly signInHash: SecretHash; readonly now: Date },
): Promise<Pick<StoredSignIn, 'identityProvider' | 'sealedSignIn'> | undefined> {
  return findOne(
    db,
    z
      .object({ identity_provider: z.string(), sealed_sign_in: bytes })
      .transform((row) => ({ identityProvider: row.identity_provider, sealedSignIn: row.sealed_sign_in })),
    sql`
      update account_sign_ins
      set returned_at = ${key.now}
      where upstream_state_hash = ${key.upstreamStateHash}
        and sign_in_hash = ${key.signInHash}
        and returned_at is null
        and expires_at > ${key.now}
      returning identity_provider, sealed_sign_in`,
  );
}

/** Gives a taken return back, because the provider could not be asked: the person may reload the page. */
export async function releaseAccountReturn(db: Queryable, upstreamStateHash: SecretHash): Promise<void> {
  await db.query(sql`
    update account_sign_ins
    set returned_at = null
    where upstream_state_hash = ${upstreamStateHash}`);
}
