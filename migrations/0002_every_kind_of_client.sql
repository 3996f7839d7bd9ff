-- Every kind of client: those that publish a document at their client_id, those that prove themselves with a key, and
-- machines that act for themselves.

-- `document`: the client_id is an https URL, and the row is a snapshot of the client metadata document behind it.
alter table clients drop constraint clients_source_check;
alter table clients add constraint clients_source_check check (source in ('dynamic', 'document', 'operator'));

-- Public keys of a client that authenticates with private_key_jwt (RFC 7523): inline, or where they are published.
alter table clients add column jwks jsonb;
alter table clients add column jwks_uri text;

-- Assertions of clients that were accepted (RFC 7523 §3, `jti`): each is good once.
create table client_assertions (
  client_id text not null references clients on delete cascade,
  jti_hash bytea not null,
  expires_at timestamptz not null,
  primary key (client_id, jti_hash)
);
create index client_assertions_expiry on client_assertions (expires_at);

-- A client that acts for itself (RFC 6749 §4.4) has a grant without a person, and without a sign-in at a provider.
alter table grants alter column upstream_session_id drop not null;
