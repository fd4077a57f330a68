-- Audit events in the windows $2, the most frequent first.
select category as "category!", event as "event!", sum(n)::bigint as "events!"
from audit_counts
where in_windows(grain, bucket, $2)
  and ($1::text is null or agent = $1)
  and (cardinality($3::text[]) = 0 or category = any ($3))
  and (cardinality($4::text[]) = 0 or event = any ($4))
  and (cardinality($5::text[]) = 0 or agent = any ($5))
group by category, event
order by sum(n) desc, category, event
