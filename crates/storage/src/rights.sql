-- Grants the role named by the setting systemprompt.role what it lacks. Partitions get no
-- rights of their own: they are reached through their tables.
do $$
declare
    role text := current_setting('systemprompt.role');
    rel record;
    wanted text[];
    lacking text;
begin
    if not has_schema_privilege(role, current_schema(), 'usage') then
        execute format('grant usage on schema %I to %I', current_schema(), role);
    end if;
    for rel in
        select c.oid, c.relname, c.relkind from pg_class c
        where c.relnamespace = current_schema()::regnamespace
            and c.relkind in ('r', 'p', 'v', 'S') and not c.relispartition
    loop
        wanted := case
            when rel.relkind = 'S' then array['usage']
            when rel.relkind = 'v' or rel.relname = '_sqlx_migrations' then array['select']
            when rel.relname in ('audit_events', 'audit_checkpoints', 'audit_people') then array['select', 'insert']
            -- Its only row is moved; whoever has not the key cannot.
            when rel.relname = 'audit_head' then array['select', 'update']
            else array['select', 'insert', 'update', 'delete']
        end;
        select string_agg(w, ', ') into lacking from unnest(wanted) w
        where not case when rel.relkind = 'S' then has_sequence_privilege(role, rel.oid, w)
                       else has_table_privilege(role, rel.oid, w) end;
        if lacking is not null then
            execute format('grant %s on %s %I to %I', lacking,
                case when rel.relkind = 'S' then 'sequence' else 'table' end, rel.relname, role);
        end if;
    end loop;
    if not has_function_privilege(role, 'make_day(text, date)', 'execute') then
        execute format('grant execute on function make_day(text, date), extend_audit() to %I', role);
    end if;
end
$$
