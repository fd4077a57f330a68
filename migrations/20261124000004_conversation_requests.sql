-- Ways to the requests of a conversation and to the tools of an agent, so that
-- asking for one of either never reads what belongs to others.
--
-- A conversation's first and last moment bound a scan only where it was short: an
-- agent that keeps one conversation for weeks would make it read weeks of all
-- requests, 150 ms for each million of them. Without the time in its key, the
-- index keeps each id once with many rows: a fifth of the size, and a third less
-- work. It costs a row 2 us and 110 bytes of log.
--
-- Without the other one, an agent that seldom runs tools would make it read the
-- whole period. Few requests ask for tools and each agent's entries arrive in
-- order: 0.3 us and 25 bytes a row, where a fifth of the requests ask.
create index ai_requests_conversation on ai_requests (conversation_id)
    where conversation_id is not null;
create index ai_requests_tools on ai_requests (agent, created_at) where tool_calls is not null;

-- Written once a conversation: what the writer updates later is in no index, so
-- those updates stay on their page.
create index conversations_agent on conversations (agent, first_at);
create index conversations_prefix on conversations (conversation_id text_pattern_ops);
