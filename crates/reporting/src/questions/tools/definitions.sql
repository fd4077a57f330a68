-- The definitions of the tools $1 of the servers $2, of all servers without any;
-- of each tool that in force first. Whoever asks has seen to it that the caller
-- may know of these tools.
select
    server as "server!", tool as "tool!", hash as "hash!", previous_hash,
    first_seen as "first_seen!", last_seen as "last_seen!"
from mcp_tool_definitions
where tool = any ($1)
  and (cardinality($2::text[]) = 0 or server = any ($2))
order by server, tool, last_seen desc, first_seen desc
