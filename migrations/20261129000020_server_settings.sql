-- The settings that each server was last seen with, so that a change of them can
-- be told. What they say is kept as a keyed hash: the key lies in the server's
-- own storage folder, and most settings are too short for a plain one.
create table server_settings (
    server uuid  not null,
    key    text  not null,
    hash   bytea not null,
    agent  text,
    primary key (server, key)
);

comment on table server_settings is 'Keys of the profile that each server was last seen with, and a keyed hash of what they said';
comment on column server_settings.server is 'The id of its spool';
comment on column server_settings.agent is 'The agent whose budget the key is part of';
