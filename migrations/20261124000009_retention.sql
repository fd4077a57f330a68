-- How far back things are whole. Retention moves this forward before it removes
-- anything, so that whoever compares or lists can say what is not all there.
create table retained (
    what      text        primary key check (what in ('detail', 'quarters')),
    kept_from timestamptz not null
);

comment on table retained is 'From when on requests (detail) and rollups by quarter of an hour (quarters) are complete; what is older was removed, or may be';
