-- What is not in the rollups: conversations that began in [$2, $3), and in
-- [$4, $2) before it, and the requests under way.
select
    (select count(*) from conversations
     where first_at >= $2 and first_at < $3 and ($1::text is null or agent = $1))
        as "conversations!",
    (select count(*) from conversations
     where first_at >= $4 and first_at < $2 and ($1::text is null or agent = $1))
        as "previous_conversations!",
    (select count(*) from open_requests where ($1::text is null or context ->> 'agent' = $1))
        as "under_way!"
