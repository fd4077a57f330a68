-- Requests that ended otherwise, by how: a list of those that were paused, or lost,
-- need not walk through all that failed.
drop index ai_requests_failed;
create index ai_requests_failed on ai_requests (state, created_at, id) where state <> 'completed';
