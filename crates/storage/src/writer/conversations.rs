//! What joins requests: conversations, and trace ids that came from outside.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sqlx::PgConnection;
use systemprompt_domain::TraceId;
use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::ids::time_of;
use time::OffsetDateTime;
use uuid::Uuid;

use super::rows::{clean, text};

struct Conversation<'a> {
    request: &'a RequestFinished,
    first: OffsetDateTime,
    last: OffsetDateTime,
    requests: i64,
    input: i64,
    output: i64,
    cost: i64,
}

/// Adds finished requests to their conversations.
pub(in crate::writer) async fn add(
    db: &mut PgConnection,
    finished: &[&RequestFinished],
) -> Result<(), sqlx::Error> {
    let mut seen: BTreeMap<Cow<'_, str>, Conversation<'_>> = BTreeMap::new();
    for request in finished {
        let Some(id) = request.context.conversation_id.as_deref() else {
            continue;
        };
        let at = request.context.created_at;
        let tokens = request.usage.total();
        let entry = seen.entry(clean(id)).or_insert(Conversation {
            request,
            first: at,
            last: at,
            requests: 0,
            input: 0,
            output: 0,
            cost: 0,
        });
        entry.first = entry.first.min(at);
        entry.last = entry.last.max(at);
        entry.requests += 1;
        entry.input = entry
            .input
            .saturating_add(tokens.input_total().cast_signed());
        entry.output = entry
            .output
            .saturating_add(tokens.output_total().cast_signed());
        entry.cost = entry
            .cost
            .saturating_add(request.cost.map_or(0, |cost| cost.0));
    }
    if seen.is_empty() {
        return Ok(());
    }
    let of = |f: fn(&Conversation<'_>) -> i64| seen.values().map(f).collect::<Vec<_>>();
    sqlx::query(
        "insert into conversations \
             (conversation_id, derived, agent, user_id, first_at, last_at, requests, input_tokens, \
              output_tokens, cost_nanos) \
         select * from unnest($1::text[], $2::bool[], $3::text[], $4::text[], $5::timestamptz[], \
              $6::timestamptz[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[]) \
         on conflict (conversation_id) do update set \
             first_at = least(conversations.first_at, excluded.first_at), \
             last_at = greatest(conversations.last_at, excluded.last_at), \
             requests = conversations.requests + excluded.requests, \
             input_tokens = conversations.input_tokens + excluded.input_tokens, \
             output_tokens = conversations.output_tokens + excluded.output_tokens, \
             cost_nanos = conversations.cost_nanos + excluded.cost_nanos",
    )
    .bind(seen.keys().collect::<Vec<_>>())
    .bind(
        seen.values()
            .map(|c| c.request.context.conversation_derived)
            .collect::<Vec<_>>(),
    )
    .bind(
        seen.values()
            .map(|c| text(c.request.context.agent.as_deref()))
            .collect::<Vec<_>>(),
    )
    .bind(
        seen.values()
            .map(|c| text(c.request.context.user.as_deref()))
            .collect::<Vec<_>>(),
    )
    .bind(seen.values().map(|c| c.first).collect::<Vec<_>>())
    .bind(seen.values().map(|c| c.last).collect::<Vec<_>>())
    .bind(of(|c| c.requests))
    .bind(of(|c| c.input))
    .bind(of(|c| c.output))
    .bind(of(|c| c.cost))
    .execute(db)
    .await?;
    Ok(())
}

/// Adds to the cost of conversations what their requests cost more since they
/// were priced again. Rows are locked in the order in which [`add`] locks them.
pub(crate) async fn correct(
    db: &mut PgConnection,
    more: &BTreeMap<&str, i64>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with more as ( \
             select * from unnest($1::text[], $2::bigint[]) with ordinality \
                 as m (conversation_id, cost_nanos, nth) \
         ), \
         locked as materialized ( \
             select m.* from more m join conversations using (conversation_id) \
             order by m.nth for update of conversations \
         ) \
         update conversations c set cost_nanos = c.cost_nanos + l.cost_nanos \
         from locked l where c.conversation_id = l.conversation_id",
    )
    .bind(more.keys().copied().collect::<Vec<_>>())
    .bind(more.values().copied().collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps when foreign trace ids were seen; ours carry their time.
pub(crate) async fn trace(
    db: &mut PgConnection,
    moments: impl Iterator<Item = (TraceId, OffsetDateTime)>,
) -> Result<(), sqlx::Error> {
    let mut seen: BTreeMap<Uuid, (OffsetDateTime, OffsetDateTime)> = BTreeMap::new();
    for (trace, at) in moments.filter(|(trace, at)| is_foreign(*trace, *at)) {
        let entry = seen.entry(trace.0).or_insert((at, at));
        *entry = (entry.0.min(at), entry.1.max(at));
    }
    if seen.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into traces (trace_id, first_at, last_at) \
         select * from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) \
         on conflict (trace_id) do update set \
             first_at = least(traces.first_at, excluded.first_at), \
             last_at = greatest(traces.last_at, excluded.last_at)",
    )
    .bind(seen.keys().copied().collect::<Vec<_>>())
    .bind(seen.values().map(|(first, _)| *first).collect::<Vec<_>>())
    .bind(seen.values().map(|(_, last)| *last).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}

/// A random id can look like one of ours, but then its time is nonsense.
fn is_foreign(trace: TraceId, at: OffsetDateTime) -> bool {
    time_of(trace.0).is_none_or(|made| (at - made).abs() > time::Duration::HOUR)
}
