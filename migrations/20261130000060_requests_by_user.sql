-- A list of one user's requests is read from an index: that of somebody rare would walk
-- through everybody's. Some nine bytes a row, as a name is kept once for all its rows.
create index ai_requests_user on ai_requests (user_id) where user_id is not null;
