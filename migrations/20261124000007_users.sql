-- People who sign in: users, their sessions and one-time links, and what slows
-- down those who guess passwords.

create table users (
    name            text        primary key,
    role            text        not null check (role in ('admin', 'viewer')),
    password_hash   text,
    created_at      timestamptz not null,
    password_set_at timestamptz,
    last_login_at   timestamptz,
    disabled_at     timestamptz
);

comment on table users is 'Who may sign in at /admin';
comment on column users.name is 'A name or e-mail address, in lower case';
comment on column users.password_hash is 'Argon2id as a PHC string; null until a password is chosen';

create table user_sessions (
    id_hash      bytea       primary key,
    user_name    text        not null references users (name) on delete cascade,
    created_at   timestamptz not null,
    last_seen_at timestamptz not null,
    expires_at   timestamptz not null,
    network      text        not null,
    user_agent   text
);

create index user_sessions_user on user_sessions (user_name);
create index user_sessions_expires on user_sessions (expires_at);

comment on table user_sessions is 'Browsers that are signed in';
comment on column user_sessions.id_hash is 'SHA-256 of the id in the cookie, which is kept nowhere';
comment on column user_sessions.last_seen_at is 'Written at most once a minute';
comment on column user_sessions.network is 'The /24 or /48 that signed in; addresses are not kept';

create table login_links (
    link_hash  bytea       primary key,
    user_name  text        references users (name) on delete cascade,
    created_at timestamptz not null,
    expires_at timestamptz not null
);

comment on table login_links is 'One-time links that set a password; used ones are gone';
comment on column login_links.user_name is 'Null: the link makes the first user, and ends with it';

create table login_failures (
    account   bytea       not null,
    network   text        not null,
    failures  integer     not null,
    last_at   timestamptz not null,
    primary key (account, network)
) with (fillfactor = 70);

create index login_failures_last on login_failures (last_at);

comment on table login_failures is 'Failed logins since the last good one, by name and network';
comment on column login_failures.account is 'SHA-256 of the name that was typed, which may be a password typed in the wrong place';

create table login_tries (
    network text        not null,
    minute  timestamptz not null,
    tries   integer     not null,
    primary key (network, minute)
) with (fillfactor = 70);

create index login_tries_minute on login_tries (minute);

comment on table login_tries is 'Logins tried in a minute, by network; kept for an hour';
