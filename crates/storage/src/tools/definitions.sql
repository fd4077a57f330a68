-- Keeps the definitions $3 of the tools $2 of the server $1, seen at $4. Answers
-- those that are new, with the one in force until now.
with given as (
    select * from unnest($2::text[], $3::text[]) with ordinality as g (tool, hash, nth)
),
noted as (
    insert into mcp_tool_definitions as d (server, tool, hash, previous_hash, first_seen, last_seen)
    select
        $1, g.tool, g.hash,
        (
            select b.hash from mcp_tool_definitions b
            where b.server = $1 and b.tool = g.tool
            order by b.last_seen desc, b.first_seen desc
            limit 1
        ),
        $4, $4
    from given g
    order by g.nth
    on conflict (server, tool, hash) do update set
        last_seen = greatest(d.last_seen, excluded.last_seen)
    returning d.tool, d.hash, d.previous_hash, d.xmax = 0 as is_new
)
select tool, hash, previous_hash from noted where is_new
