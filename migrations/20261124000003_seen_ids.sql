-- Requests that are counted but whose detail sampling leaves out. Without a row
-- of their own nothing would tell that such a request came before.
create table seen_ids (
    created_at timestamptz not null,
    id         uuid        not null,
    primary key (created_at, id)
) partition by range (created_at);

comment on table seen_ids is 'Requests without a row in ai_requests, so that none counts twice; one partition a UTC day';
