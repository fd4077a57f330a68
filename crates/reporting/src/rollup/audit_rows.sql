-- Audit events of the period [$2, $3) with numbers from $9 to $10 by what happened, the most frequent first.
select category as "category!", event as "event!", count(*) as "events!"
from audit_trail
where seq >= $9 and seq <= $10
  and created_at >= $2 and created_at < $3
  and ($1::text is null or agent = $1)
  and (cardinality($4::text[]) = 0 or category = any ($4))
  and (cardinality($5::text[]) = 0 or event = any ($5))
  and (cardinality($6::text[]) = 0 or user_id = any ($6))
  and (cardinality($7::text[]) = 0 or agent = any ($7))
  and ($8::uuid is null or trace_id = $8)
group by category, event
order by count(*) desc, category, event
