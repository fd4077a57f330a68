-- Prices that operators import, and costs that were corrected with them.

create table price_imports (
    provider    text        not null,
    model       text        not null,
    valid_from  date        not null,
    version     jsonb       not null,
    imported_at timestamptz not null,
    primary key (provider, model, valid_from)
);

comment on table price_imports is 'Prices over the compiled catalogue and under the profile''s; an import is announced on the channel systemprompt_prices';
comment on column price_imports.version is 'The whole version; its id is in price_versions as well';

create table cost_corrections (
    request_id        uuid        not null,
    created_at        timestamptz not null,
    corrected_at      timestamptz not null,
    old_cost_nanos    bigint,
    old_price_version text,
    new_cost_nanos    bigint      not null,
    new_price_version text        not null,
    run_id            uuid        not null,
    primary key (created_at, request_id, run_id)
);

comment on table cost_corrections is 'What requests cost before they were priced again; insert-only';
comment on column cost_corrections.created_at is 'When the request arrived: finds its partition of ai_requests';
comment on column cost_corrections.old_cost_nanos is 'In 10^-9 USD; null where no price was known';
comment on column cost_corrections.run_id is 'The run of pricing recompute; UUIDv7';

comment on table ai_requests is 'Every AI request that reached its final state; one partition a UTC day. Insert-only but for the cost, whose old figures are in cost_corrections';
