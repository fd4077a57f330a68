-- What the rows and every rollup say of the number of requests and their cost.
select 'ai_requests', count(*)::bigint, sum(cost_nanos)::bigint from ai_requests
union all
select 'usage_quarter', sum(requests)::bigint, sum(cost_nanos)::bigint from usage_quarter
union all
select 'usage_hour ' || cube, sum(requests)::bigint, sum(cost_nanos)::bigint from usage_hour group by cube
union all
select 'usage_day ' || cube, sum(requests)::bigint, sum(cost_nanos)::bigint from usage_day group by cube
