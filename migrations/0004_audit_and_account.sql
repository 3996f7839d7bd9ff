-- What people see of the apps that they let in, and may take back: `/account`.

-- Sign-ins to look at one's own connections, on their way. They are no authorization requests: neither can become the other.
create table account_sign_ins (
  upstream_state_hash bytea primary key,
  sign_in_hash bytea not null,
  identity_provider text not null,
  sealed_sign_in bytea not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  returned_at timestamptz
);
create index account_sign_ins_expiry on account_sign_ins (expires_at);

-- Who has signed in there: minutes only, and good for nothing else.
create table account_sessions (
  session_hash bytea primary key,
  identity_provider text not null,
  issuer text not null,
  subject text not null,
  provider_session text,
  email text,
  name text,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index account_sessions_person on account_sessions (issuer, subject);
create index account_sessions_expiry on account_sessions (expires_at);

-- Where the answer of this sign-in went (redirect_uri): it says whose app it is. Null in grants from before.
alter table grants add column sent_to text;

-- When, from where and with what program a client has called, to the minute. Addresses are kept only where that is wanted.
alter table grants add column first_used_at timestamptz;
alter table grants add column last_used_at timestamptz;
alter table grants add column last_used_from text;
alter table grants add column last_used_with text;

-- Whose approval it was, so that they can take it back from any browser. Null: not known, or of several people.
alter table consents add column identity_provider text;
alter table consents add column issuer text;
alter table consents add column subject text;
create index consents_person on consents (issuer, subject) where subject is not null;

-- MCP sessions, by a hash of their id, and whose they are: each is good for the person that the MCP server gave it to.
create table mcp_sessions (
  session_hash bytea primary key,
  subject text not null,
  last_used_at timestamptz not null
);
create index mcp_sessions_age on mcp_sessions (last_used_at);

-- The audit trail: what happened to connections, in the order in which it was written down. No foreign keys: it outlives
-- what it tells of.
create table audit_events (
  audit_event_id bigint generated always as identity primary key,
  -- Given by the writer: a batch that is sent again after a lost answer is stored once.
  event_key uuid not null unique,
  at timestamptz not null,
  type text not null,
  outcome text not null,
  subject text,
  email text,
  client_id text,
  grant_id uuid,
  details jsonb not null
);
create index audit_events_at on audit_events (at, audit_event_id);
create index audit_events_subject on audit_events (subject, at) where subject is not null;
create index audit_events_email on audit_events (lower(email), at) where email is not null;
create index audit_events_client on audit_events (client_id, at) where client_id is not null;
create index audit_events_grant on audit_events (grant_id, at) where grant_id is not null;

-- Append-only: no row is changed, and rows are deleted only by who says in the same transaction that it is meant. That
-- stops mistakes, and statements of this program that should not exist; the owner of the table can drop the trigger.
create function guard_audit_events() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_setting('mcp_oauth_proxy.audit_pruning', true) = 'on' then
    return null;
  end if;
  raise exception 'audit_events is append-only'
    using hint = 'To delete rows: set local mcp_oauth_proxy.audit_pruning = ''on'' in the same transaction.';
end
$$;
create trigger audit_events_append_only before update or delete or truncate on audit_events
  for each statement execute function guard_audit_events();

-- What is ended by SQL is told of as well: a grant that is revoked by hand, or deleted while it lives, alone or with its
-- client. This program gives a reason when it revokes, and records that itself.
create function audit_grant_ended_by_sql() returns trigger language plpgsql as $$
begin
  insert into audit_events (event_key, at, type, outcome, subject, email, client_id, grant_id, details)
  values (gen_random_uuid(), date_trunc('milliseconds', clock_timestamp()), 'revoke', 'success', old.subject, old.email, old.client_id, old.grant_id,
    jsonb_build_object('what', 'grant', 'reason', 'ended_by_sql', 'resource', old.resource, 'scopes', old.scopes));
  return null;
end
$$;
create trigger grants_revoked_by_sql after update of revoked_at on grants
  for each row when (old.revoked_at is null and new.revoked_at is not null and new.revocation_reason is null)
  execute function audit_grant_ended_by_sql();
-- Expired grants are swept away a day after their end.
create trigger grants_deleted_by_sql after delete on grants
  for each row when (old.revoked_at is null and old.activated_at is not null and old.expires_at > clock_timestamp())
  execute function audit_grant_ended_by_sql();
