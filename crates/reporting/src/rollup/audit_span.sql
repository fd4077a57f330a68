-- The numbers of the audit events that were counted in buckets of the grain $2
-- between $3, which is excluded, and $4.
select min(first_seq) as first, max(last_seq) as last
from audit_counts
where grain = $2 and bucket > $3 and bucket < $4
  and ($1::text is null or agent = $1)
  and (cardinality($5::text[]) = 0 or category = any ($5))
  and (cardinality($6::text[]) = 0 or event = any ($6))
  and (cardinality($7::text[]) = 0 or agent = any ($7))
