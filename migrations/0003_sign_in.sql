-- A sign-in whose grants have all been revoked is revoked at the provider too, and its tokens are forgotten here (null).
alter table upstream_sessions alter column sealed_access_token drop not null;
-- When the provider is to be told (again). Null: it has not been tried.
alter table upstream_sessions add column provider_revocation_at timestamptz;
create index grants_revoked on grants (revoked_at) where revoked_at is not null;
-- Other sign-ins of the same person at the same provider.
create index upstream_sessions_person on upstream_sessions (issuer, subject);
