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
    unpriced: i64,
}

/// Adds finished requests to their conversations, and these to where they began.
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
            unpriced: 0,
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
        entry.unpriced += i64::from(request.is_unpriced());
    }
    if seen.is_empty() {
        return Ok(());
    }
    let of = |f: fn(&Conversation<'_>) -> i64| seen.values().map(f).collect::<Vec<_>>();
    let ids: Vec<_> = seen.keys().collect();
    let first: Vec<_> = seen.values().map(|c| c.first).collect();
    sqlx::query(include_str!("conversations/begin.sql"))
        .bind(&ids)
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
        .bind(&first)
        .execute(&mut *db)
        .await?;
    // A statement of its own: it locks what others begin at the same time, too.
    sqlx::query(include_str!("conversations/add.sql"))
        .bind(&ids)
        .bind(&first)
        .bind(seen.values().map(|c| c.last).collect::<Vec<_>>())
        .bind(of(|c| c.requests))
        .bind(of(|c| c.input))
        .bind(of(|c| c.output))
        .bind(of(|c| c.cost))
        .bind(of(|c| c.unpriced))
        .execute(db)
        .await?;
    Ok(())
}

/// What changed of a conversation since its requests were priced again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Correction {
    /// What they cost more.
    pub(crate) nanos: i64,
    /// Those that had no price before.
    pub(crate) newly_priced: i64,
}

/// Corrects conversations whose requests were priced again. Rows are locked in the order in which [`add`] locks them.
pub(crate) async fn correct(
    db: &mut PgConnection,
    more: &BTreeMap<&str, Correction>,
) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("conversations/correct.sql"))
        .bind(more.keys().copied().collect::<Vec<_>>())
        .bind(more.values().map(|more| more.nanos).collect::<Vec<_>>())
        .bind(
            more.values()
                .map(|more| more.newly_priced)
                .collect::<Vec<_>>(),
        )
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
