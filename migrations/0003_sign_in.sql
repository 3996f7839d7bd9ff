-- A sign-in whose grants have all been revoked is revoked at the provider too, and its tokens are forgotten here (null).
alter table upstream_sessions alter column sealed_access_token drop not null;
-- When the provider is to be told (again). Null: it has not been tried.
alter table upstream_sessions add column provider_revocation_at timestamptz;
create index grants_revoked on grants (revoked_at) where revoked_at is not null;
-- Other sign-ins of the same person at the same provider.
create index upstream_sessions_person on upstream_sessions (issuer, subject);

-- What allow-lists are compared with, as the provider said it at the sign-in. Null in grants from before: no list admits
-- them, so those people sign in again once there is one.
alter table grants add column email_verified boolean;
-- Google: the hosted domain; Microsoft: the id of the tenant.
alter table grants add column organization text;
-- Null: they were not asked for.
alter table grants add column groups text[];

-- The client asked (OpenID Connect Core §3.1.2.1, `prompt`), or the person did, to choose the account at the provider.
alter table authorization_requests add column chooses_account boolean not null default false;

-- What the provider calls the session (`sid`), so that it can say when that ends (OpenID Connect Back-Channel Logout 1.0).
alter table upstream_sessions add column provider_session text;
create index upstream_sessions_provider_session on upstream_sessions (issuer, provider_session);

-- Logout tokens that were taken (§2.6, `jti`): each is good once.
create table logout_tokens (
  issuer text not null,
  jti_hash bytea not null,
  expires_at timestamptz not null,
  primary key (issuer, jti_hash)
);
create index logout_tokens_expiry on logout_tokens (expires_at);
