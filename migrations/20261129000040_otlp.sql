-- What exporters tell over OTLP, which others may have seen as well.
alter table mcp_tool_executions
    drop constraint mcp_tool_executions_via_check,
    add constraint mcp_tool_executions_via_check check (via in ('proxy', 'stdio', 'layer', 'otlp'));

comment on column mcp_tool_executions.via is 'proxy: through /mcp/{server}; stdio: wrapped by the command line; layer: reported by the server itself; otlp: exported as a span or an event';

-- A request and a tool call that may be told of twice are remembered by what all
-- who saw them know: the trace, and the provider's id of the answer or the caller's
-- span.
alter table seen_ids
    drop constraint seen_ids_source_check,
    add constraint seen_ids_source_check check (source in ('request', 'event', 'tool', 'seen'));

create index seen_ids_seen on seen_ids (id) where source = 'seen';

comment on column seen_ids.source is 'request, tool: counted, without its detail; event: reported, and known by its id alone; seen: the hash of what others who saw it know it by';
