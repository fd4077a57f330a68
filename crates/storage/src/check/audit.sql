-- Rows of one grain of `audit_counts` that are not the counts over
-- `audit_events`, or that know other numbers than theirs. $1 the grain, $2 the
-- width of its buckets, $3 the days that are left out, $4 and $5 the moments in
-- between of which rows are compared.
with expected as (
    select
        date_bin($2::interval, created_at, timestamptz 'epoch') as bucket,
        category,
        event,
        coalesce(agent, '') as agent,
        count(*) as n,
        min(seq) as first_seq,
        max(seq) as last_seq
    from audit_events
    where date_bin(interval '1 day', created_at, timestamptz 'epoch') <> all($3)
      and created_at >= $4 and created_at < $5
    group by 1, 2, 3, 4
),
found as (
    select bucket, category, event, agent, n, first_seq, last_seq from audit_counts
    where grain = $1
      and date_bin(interval '1 day', bucket, timestamptz 'epoch') <> all($3)
      and bucket >= $4 and bucket < $5
)
select
    concat_ws(' ', bucket, category, event, agent) as key,
    to_jsonb(e) as expected,
    to_jsonb(f) as found
from expected e
full join found f using (bucket, category, event, agent)
where e.n is distinct from f.n
   -- What came in the same batch may lie outside.
   or e.first_seq < f.first_seq
   or e.last_seq > f.last_seq
order by key
