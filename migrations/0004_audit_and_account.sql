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
