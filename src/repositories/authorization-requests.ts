/** Authorization requests on their way: waiting for the person's consent, then for the identity provider. */
import { z } from 'zod';
import type { SecretHash } from '../protocol/secret-hash.ts';
import { type Queryable, sql } from './database.ts';
import { bytes, findOne, instant, texts } from './rows.ts';

export interface PendingRequest {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly state: string | undefined;
  readonly codeChallenge: string;
  readonly resource: string;
  readonly scopes: readonly string[];
  /** Whether the person is to choose an account at the provider. */
  readonly choosesAccount: boolean;
}

const pendingColumns = z.object({
  client_id: z.string(),
  redirect_uri: z.string(),
  state: z.string().nullable(),
  code_challenge: z.string(),
  resource: z.string(),
  scopes: texts,
  chooses_account: z.boolean(),
});

function toPending(row: z.infer<typeof pendingColumns>): PendingRequest {
  return {
    clientId: row.client_id,
    redirectUri: row.redirect_uri,
    state: row.state ?? undefined,
    codeChallenge: row.code_challenge,
    resource: row.resource,
    scopes: row.scopes,
    choosesAccount: row.chooses_account,
  };
}

/** Stores a request. False: its client is gone meanwhile. */
export async function insertAuthorizationRequest(
  db: Queryable,
  request: PendingRequest & {
    readonly requestIdHash: SecretHash;
    readonly consentHash: SecretHash;
    readonly createdAt: Date;
    readonly expiresAt: Date;
  },
): Promise<boolean> {
  const { rowCount } = await db.query(sql`
    insert into authorization_requests (request_id_hash, consent_hash, client_id, redirect_uri, state, code_challenge,
      resource, scopes, chooses_account, created_at, expires_at)
    select ${request.requestIdHash}::bytea, ${request.consentHash}::bytea, client_id, ${request.redirectUri}::text,
      ${request.state ?? null}::text, ${request.codeChallenge}::text, ${request.resource}::text,
      ${request.scopes}::text[], ${request.choosesAccount}::boolean, ${request.createdAt}::timestamptz, ${request.expiresAt}::timestamptz
    from clients
    where client_id = ${request.clientId}
    for key share`);
  return rowCount === 1;
}

interface AskedKey {
  readonly requestIdHash: SecretHash;
  readonly consentHash: SecretHash;
  readonly now: Date;
}

export interface AskedRequest extends PendingRequest {
  readonly isDecided: boolean;
  /** What the browser was sent to the provider with, once it has approved. */
  readonly signIn: Pick<StoredSignIn, 'identityProvider' | 'upstreamStateHash' | 'sealedSignIn'> | undefined;
}

const askedRow = pendingColumns
  .extend({
    decided_at: instant.nullable(),
    identity_provider: z.string().nullable(),
    upstream_state_hash: bytes.nullable(),
    sealed_sign_in: bytes.nullable(),
  })
  .transform((row): AskedRequest => ({
    ...toPending(row),
    isDecided: row.decided_at !== null,
    signIn:
      row.identity_provider === null || row.upstream_state_hash === null || row.sealed_sign_in === null
        ? undefined
        : {
            identityProvider: row.identity_provider,
            upstreamStateHash: row.upstream_state_hash as SecretHash,
            sealedSignIn: row.sealed_sign_in,
          },
  }));

/** The request that this browser was asked about: not expired, not back from the provider, not another's. */
export async function findAskedRequest(db: Queryable, key: AskedKey): Promise<AskedRequest | undefined> {
  return findOne(
    db,
    askedRow,
    sql`
      select client_id, redirect_uri, state, code_challenge, resource, scopes, chooses_account, decided_at,
        identity_provider, upstream_state_hash, sealed_sign_in
      from authorization_requests
      where request_id_hash = ${key.requestIdHash}
        and consent_hash = ${key.consentHash}
        and returned_at is null
        and expires_at > ${key.now}`,
  );
}

/**
 * The request that was approved, while its browser is at the provider. Whoever asks has to prove with the sign-in's
 * secret that the request is theirs.
 */
export async function findSignInUnderWay(
  db: Queryable,
  key: Pick<AskedKey, 'requestIdHash' | 'now'>,
): Promise<AskedRequest | undefined> {
  return findOne(
    db,
    askedRow,
    sql`
      select client_id, redirect_uri, state, code_challenge, resource, scopes, chooses_account, decided_at,
        identity_provider, upstream_state_hash, sealed_sign_in
      from authorization_requests
      where request_id_hash = ${key.requestIdHash}
        and upstream_state_hash is not null
        and returned_at is null
        and expires_at > ${key.now}`,
  );
}

/** What a browser is sent to the identity provider with. Exists only from the approval on. */
export interface StoredSignIn {
  readonly identityProvider: string;
  readonly upstreamStateHash: SecretHash;
  readonly signInHash: SecretHash;
  readonly sealedSignIn: Uint8Array;
  readonly expiresAt: Date;
}

/** Takes the person's approval, once. False: decided, expired or taken by another caller meanwhile. */
export async function approveRequest(db: Queryable, key: AskedKey, signIn: StoredSignIn): Promise<boolean> {
  const { rowCount } = await db.query(sql`
    update authorization_requests
    set decided_at = ${key.now}, identity_provider = ${signIn.identityProvider},
      upstream_state_hash = ${signIn.upstreamStateHash}, sign_in_hash = ${signIn.signInHash},
      sealed_sign_in = ${signIn.sealedSignIn}, expires_at = ${signIn.expiresAt}
    where request_id_hash = ${key.requestIdHash}
      and consent_hash = ${key.consentHash}
      and decided_at is null
      and expires_at > ${key.now}`);
  return rowCount === 1;
}

/** Takes the person's refusal, unless they have approved. It can be said again until `expiresAt`. */
export async function denyRequest(db: Queryable, key: AskedKey, expiresAt: Date): Promise<boolean> {
  const { rowCount } = await db.query(sql`
    update authorization_requests
    set decided_at = ${key.now}, expires_at = ${expiresAt}
    where request_id_hash = ${key.requestIdHash}
      and consent_hash = ${key.consentHash}
      and upstream_state_hash is null
      and expires_at > ${key.now}`);
  return rowCount === 1;
}

export interface ReturningSignIn extends PendingRequest {
  readonly identityProvider: string;
  readonly sealedSignIn: Uint8Array;
}

const returningRow = pendingColumns
  .extend({ identity_provider: z.string(), sealed_sign_in: bytes })
  .transform((row): ReturningSignIn => ({
    ...toPending(row),
    identityProvider: row.identity_provider,
    sealedSignIn: row.sealed_sign_in,
  }));

/**
 * Takes the answer of the provider, once, and only from the browser that was sent there. Uses the unique index on
 * upstream_state_hash.
 */
export async function takeReturn(
  db: Queryable,
  key: { readonly upstreamStateHash: SecretHash; readonly signInHash: SecretHash; readonly now: Date },
): Promise<ReturningSignIn | undefined> {
  return findOne(
    db,
    returningRow,
    sql`
      update authorization_requests
      set returned_at = ${key.now}
      where upstream_state_hash = ${key.upstreamStateHash}
        and sign_in_hash = ${key.signInHash}
        and returned_at is null
        and expires_at > ${key.now}
      returning client_id, redirect_uri, state, code_challenge, resource, scopes, chooses_account, identity_provider,
        sealed_sign_in`,
  );
}

/** Whether this browser has brought the provider's answer before. */
export async function hasReturned(
  db: Queryable,
  key: { readonly upstreamStateHash: SecretHash; readonly signInHash: SecretHash },
): Promise<boolean> {
  const { rowCount } = await db.query(sql`
    select from authorization_requests
    where upstream_state_hash = ${key.upstreamStateHash}
      and sign_in_hash = ${key.signInHash}
      and returned_at is not null`);
  return rowCount === 1;
}

/** Gives a taken return back, because the provider could not be asked: the person may reload the page. */
export async function releaseReturn(db: Queryable, upstreamStateHash: SecretHash): Promise<void> {
  await db.query(sql`
    update authorization_requests
    set returned_at = null
    where upstream_state_hash = ${upstreamStateHash}`);
}
