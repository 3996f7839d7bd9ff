-- What the server remembers. Secrets are stored as SHA-256 hashes (…_hash) or sealed with AES-256-GCM
-- (sealed_…); nothing here can be used to sign in, or to call a provider, without ENCRYPTION_KEY.

-- Registered clients: by themselves (RFC 7591) or by the operator.
create table clients (
  client_id text primary key,
  client_secret_hash bytea,
  token_endpoint_auth_method text not null,
  client_name text,
  redirect_uris text[] not null,
  grant_types text[] not null,
  response_types text[] not null,
  scopes text[],
  metadata jsonb not null default '{}',
  source text not null check (source in ('dynamic', 'operator')),
  created_at timestamptz not null,
  last_used_at timestamptz
);
create index clients_never_used on clients (created_at) where source = 'dynamic' and last_used_at is null;

-- Authorization requests between /authorize and /callback: waiting for consent, then for the provider.
create table authorization_requests (
  request_id_hash bytea primary key,
  consent_hash bytea not null,
  client_id text not null references clients on delete cascade,
  redirect_uri text not null,
  state text,
  code_challenge text not null,
  resource text not null,
  scopes text[] not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  decided_at timestamptz,
  identity_provider text,
  upstream_state_hash bytea unique,
  sign_in_hash bytea,
  sealed_sign_in bytea,
  returned_at timestamptz
);
create index authorization_requests_expiry on authorization_requests (expires_at);
create index authorization_requests_client on authorization_requests (client_id);

-- What a browser has approved before, so that it is not asked again without a reason.
create table consents (
  browser_hash bytea not null,
  client_id text not null references clients on delete cascade,
  redirect_uri text not null,
  resource text not null,
  scopes text[] not null,
  approved_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (browser_hash, client_id, redirect_uri, resource)
);
create index consents_expiry on consents (expires_at);
create index consents_client on consents (client_id);

-- A sign-in at the identity provider, and the tokens it gave us.
create table upstream_sessions (
  upstream_session_id uuid primary key,
  identity_provider text not null,
  issuer text not null,
  subject text not null,
  sealed_access_token bytea not null,
  access_token_expires_at timestamptz,
  sealed_refresh_token bytea,
  granted_scope text,
  refresh_lease_id uuid,
  refresh_leased_until timestamptz,
  refresh_retry_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

-- One person's permission for one client to use one resource.
create table grants (
  grant_id uuid primary key,
  client_id text not null references clients on delete cascade,
  upstream_session_id uuid not null references upstream_sessions,
  issuer text not null,
  subject text not null,
  email text,
  name text,
  resource text not null,
  scopes text[] not null,
  created_at timestamptz not null,
  activated_at timestamptz,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revocation_reason text
);
create index grants_client on grants (client_id);
create index grants_person on grants (issuer, subject);
create index grants_upstream_session on grants (upstream_session_id);
create index grants_expiry on grants (expires_at);

-- Authorization codes (RFC 6749 §4.1.2): redeemed once, kept until expiry so that a replay is noticed.
create table authorization_codes (
  code_hash bytea primary key,
  grant_id uuid not null references grants on delete cascade,
  redirect_uri text not null,
  code_challenge text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  consumed_at timestamptz
);
create index authorization_codes_grant on authorization_codes (grant_id);
create index authorization_codes_expiry on authorization_codes (expires_at);

-- Issued access tokens, each with the refresh token that was issued beside it.
create table access_tokens (
  jti uuid primary key,
  grant_id uuid not null references grants on delete cascade,
  scopes text[] not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  refresh_token_hash bytea unique,
  refresh_expires_at timestamptz,
  refresh_consumed_at timestamptz,
  sealed_successor bytea
);
create index access_tokens_grant on access_tokens (grant_id);
create index access_tokens_expiry on access_tokens (greatest(expires_at, refresh_expires_at));

-- The revocation feed: every instance follows it, and forgets what it had verified.
create table revocations (
  revocation_id bigint generated always as identity primary key,
  kind text not null check (kind in ('access_token', 'grant', 'client')),
  subject text not null,
  revoked_at timestamptz not null default clock_timestamp()
);
create index revocations_age on revocations (revoked_at);

create function notify_revocations() returns trigger language plpgsql as $$
begin
  perform pg_notify('mcp_oauth_proxy_revocations', '');
  return null;
end
$$;
create trigger revocations_notify after insert on revocations
  for each statement execute function notify_revocations();

-- Whoever ends a token or a grant, by whatever statement, every instance hears of it.
create function announce_revocation() returns trigger language plpgsql as $$
begin
  insert into revocations (kind, subject)
  values (tg_argv[0], to_jsonb(old) ->> tg_argv[1]);
  return null;
end
$$;
create trigger access_tokens_revoked after update of revoked_at on access_tokens
  for each row when (old.revoked_at is null and new.revoked_at is not null)
  execute function announce_revocation('access_token', 'jti');
create trigger grants_revoked after update of revoked_at on grants
  for each row when (old.revoked_at is null and new.revoked_at is not null)
  execute function announce_revocation('grant', 'grant_id');
create trigger grants_deleted after delete on grants
  for each row when (old.revoked_at is null and old.activated_at is not null)
  execute function announce_revocation('grant', 'grant_id');

-- Deleting a client that was in use ends its tokens on every instance, whoever deletes it.
create trigger clients_deleted after delete on clients
  for each row when (old.last_used_at is not null) execute function announce_revocation('client', 'client_id');

-- Keys that sign access tokens. A key is published before it signs and after it stops (overlap).
create table signing_keys (
  kid text primary key,
  alg text not null,
  public_jwk jsonb not null,
  sealed_private_key bytea not null,
  created_at timestamptz not null,
  signs_from timestamptz not null,
  signs_until timestamptz not null,
  published_until timestamptz not null
);

-- Which encryption keys this database was written under: the wrong key is noticed before anything is.
create table encryption_keys (
  key_id text primary key,
  sealed_check bytea not null,
  created_at timestamptz not null
);
