-- Every kind of client: those that publish a document at their client_id, those that prove themselves with a key, and
-- machines that act for themselves.

-- `document`: the client_id is an https URL, and the row is a snapshot of the client metadata document behind it.
alter table clients drop constraint clients_source_check;
alter table clients add constraint clients_source_check check (source in ('dynamic', 'document', 'operator'));

-- Public keys of a client that authenticates with private_key_jwt (RFC 7523): inline, or where they are published.
alter table clients add column jwks jsonb;
alter table clients add column jwks_uri text;
-- A document may offer `none` beside private_key_jwt: such a client may bring an assertion, or none.
alter table clients add column assertion_optional boolean not null default false;

-- When the document of a client was read, and how long it may be used without asking again (RFC 9111).
create table client_documents (
  client_id text primary key references clients on delete cascade,
  fetched_at timestamptz not null,
  fresh_until timestamptz not null,
  etag text,
  last_modified text
);
create index client_documents_age on client_documents (fetched_at);

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

-- Identical registrations of a public client get the same client_id. Null: the client has an id of its own.
alter table clients add column registration_fingerprint bytea unique;
-- When an identical registration last asked for it. Null: never again.
alter table clients add column registered_again_at timestamptz;
-- Where the registration came from, as one of 65,536: enough to share out room, and it names nobody.
alter table clients add column registered_from integer;

-- Unfinished: nobody has signed in with it yet.
drop index clients_never_used;
create index clients_unfinished on clients (created_at) where source <> 'operator' and last_used_at is null;
create index clients_last_used on clients (last_used_at) where source <> 'operator';

-- A client outlives its last grant by a year: whoever removes a grant, the client remembers when it ended.
create function remember_end_of_grant() returns trigger language plpgsql as $$
begin
  update clients
  set last_used_at = greatest(last_used_at, least(old.expires_at, old.revoked_at))
  where client_id = old.client_id and last_used_at < least(old.expires_at, old.revoked_at);
  return null;
end
$$;
create trigger grants_ended after delete on grants for each row execute function remember_end_of_grant();

-- When a client was told that its token lacks a scope (403 insufficient_scope), so that its next refresh says so too.
alter table grants add column step_up_asked_at timestamptz;

-- One standing grant for each machine and resource: what it may do, however many tokens it asks for.
create unique index grants_of_machines on grants (client_id, resource)
  where upstream_session_id is null and revoked_at is null;

-- The one resource that a machine gets tokens for, or that a client which introspects learns about. Null: any.
alter table clients add column resource text;

-- Whether it may ask what the tokens of others mean (RFC 7662): the MCP server itself, or a tool of the operator's.
alter table clients add column may_introspect boolean not null default false;

-- Neither is for a client that cannot prove who it is (OAuth 2.1 §4.2, RFC 7662 §2.1).
alter table clients add constraint clients_confidential check (
  token_endpoint_auth_method <> 'none' or not (may_introspect or 'client_credentials' = any (grant_types))
);
