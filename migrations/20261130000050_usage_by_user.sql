-- What one user came to over months is read from that user's days, not from everybody's.
create index usage_day_one_user on usage_day (user_id, bucket) where cube = 'user';
