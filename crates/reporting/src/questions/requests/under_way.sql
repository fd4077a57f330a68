select trace_id, context from open_requests where id = $1
