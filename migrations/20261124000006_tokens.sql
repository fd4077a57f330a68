-- Who may use the server besides the profile's tokens: agents, and tokens that
-- are issued and revoked while servers run.

create table agents (
    name        text        primary key check (name <> ''),
    description text        not null default '',
    created_at  timestamptz not null,
    disabled_at timestamptz
);

comment on table agents is 'Agents that tokens are issued for; a change is announced on the channel systemprompt_tokens';
comment on column agents.disabled_at is 'Since when its tokens are refused';

create table tokens (
    id           uuid        primary key,
    kind         text        not null check (kind in ('ing', 'gw', 'rd', 'agt', 'adm')),
    name         text        not null check (name <> ''),
    hash         bytea       not null unique check (octet_length(hash) = 32),
    visible      text        not null check (char_length(visible) = 8),
    scopes       text[]      not null,
    user_name    text,
    agent        text        check (kind <> 'agt' or agent is not null),
    created_at   timestamptz not null,
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    replaced_by  uuid        references tokens
);

create index tokens_name on tokens (name);
create index tokens_agent on tokens (agent) where agent is not null;

comment on table tokens is 'Tokens, also those that are over; a change is announced on the channel systemprompt_tokens with the token''s id';
comment on column tokens.name is 'What answers, lists and the audit trail call it; two live tokens share it only while one replaces the other';
comment on column tokens.hash is 'SHA-256 of the text, which is stored nowhere';
comment on column tokens.visible is 'The first eight of the thirty random characters';
comment on column tokens.agent is 'The agent it stands for; no foreign key, as tokens outlive agents here';
comment on column tokens.last_used_at is 'To the minute';
