-- Each cube of a rollup lies in a partition of its own: a question reads one cube,
-- and the large ones (every user, every pair of model and agent) do not lie between
-- the rows of the small ones. Quarters stay together: they are few, and go soon.

-- The views are made of the tables, and are made again as they were.
create temporary table views_of_rollups on commit drop as
select viewname::text as name, pg_get_viewdef(viewname::regclass) as definition
from pg_views
where schemaname = current_schema()
  and viewname in ('usage', 'latency', 'tools', 'tool_latency', 'activity', 'web', 'page', 'begun');

do $$
declare
    dropped text;
begin
    for dropped in select name from views_of_rollups loop
        execute format('drop view %I', dropped);
    end loop;
end
$$;

create function by_cube(target text, cubes text[]) returns void language plpgsql as $$
declare
    key      text := (select pg_get_constraintdef(oid) from pg_constraint
                      where conrelid = target::regclass and contype = 'p');
    options  text := (select array_to_string(reloptions, ', ') from pg_class where oid = target::regclass);
    about    text := obj_description(target::regclass, 'pg_class');
    indexes  text[] := array(select pg_get_indexdef(indexrelid) from pg_index
                             where indrelid = target::regclass and not indisprimary);
    one      text;
begin
    execute format('alter table %I rename to %I', target, target || '_old');
    execute format('alter index %I rename to %I', target || '_pkey', target || '_old_pkey');
    execute format('create table %I (like %I including constraints including comments) partition by list (cube)',
        target, target || '_old');
    foreach one in array cubes loop
        execute format('create table %I partition of %I for values in (%L) with (%s)',
            target || '_by_' || one, target, one, options);
    end loop;
    execute format('insert into %I select * from %I', target, target || '_old');
    execute format('drop table %I', target || '_old');
    execute format('alter table %I add %s', target, key);
    foreach one in array indexes loop
        execute one;
    end loop;
    if about is not null then
        execute format('comment on table %I is %L', target, about);
    end if;
end
$$;

select by_cube('usage_hour', '{total,model,agent,agent_model}');
select by_cube('usage_day', '{total,model,agent,agent_model,user,full}');
select by_cube('latency_hour', '{total,model,agent,agent_model}');
select by_cube('latency_day', '{total,model,agent,agent_model}');
select by_cube('activity_hour', '{category,agent,entity}');
select by_cube('activity_day', '{category,agent,entity,user,full}');
select by_cube('tool_hour', '{total,tool,agent_tool}');
select by_cube('tool_day', '{total,tool,agent_tool,full}');
select by_cube('tool_latency_hour', '{total,tool,agent_tool}');
select by_cube('tool_latency_day', '{total,tool,agent_tool}');
select by_cube('web_hour', '{total,bot,source,geo,device}');
select by_cube('web_day', '{total,bot,source,geo,device}');
select by_cube('page_hour', '{page,next,ai}');
select by_cube('page_day', '{page,next,ai}');
select by_cube('page_week', '{page,next,ai}');

drop function by_cube;

do $$
declare
    made record;
begin
    for made in select * from views_of_rollups loop
        execute format('create view %I as %s', made.name, made.definition);
    end loop;
end
$$;
