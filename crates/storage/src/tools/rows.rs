//! Rows of `mcp_tool_executions`, column by column, as `unnest` takes them.

use std::borrow::Cow;

use sqlx::PgConnection;
use systemprompt_domain::tool::ToolCalled;
use uuid::Uuid;

use crate::writer::rows::text;

type Text<'a> = Option<Cow<'a, str>>;

/// Inserts the calls; answers the ids of those that were not there yet.
pub(super) async fn insert(
    db: &mut PgConnection,
    calls: &[&ToolCalled],
) -> Result<Vec<Uuid>, sqlx::Error> {
    if calls.is_empty() {
        return Ok(Vec::new());
    }
    let texts = |of: fn(&ToolCalled) -> Option<&str>| -> Vec<Text<'_>> {
        calls.iter().map(|call| text(of(call))).collect()
    };
    let numbers = |of: fn(&ToolCalled) -> u64| -> Vec<i64> {
        calls.iter().map(|call| of(call).cast_signed()).collect()
    };
    sqlx::query_scalar(include_str!("insert.sql"))
        .bind(calls.iter().map(|call| call.id.0).collect::<Vec<_>>())
        .bind(calls.iter().map(|call| call.created_at).collect::<Vec<_>>())
        .bind(calls.iter().map(|call| call.trace_id.0).collect::<Vec<_>>())
        .bind(
            calls
                .iter()
                .map(|call| call.parent_span_id.map(|span| span.0.cast_signed()))
                .collect::<Vec<_>>(),
        )
        .bind(
            calls
                .iter()
                .map(|call| call.request_id.map(|id| id.0))
                .collect::<Vec<_>>(),
        )
        .bind(texts(|call| Some(&call.server)))
        .bind(texts(|call| Some(&call.tool)))
        .bind(texts(|call| Some(call.via.as_str())))
        .bind(texts(|call| call.user.as_deref()))
        .bind(texts(|call| call.agent.as_deref()))
        .bind(texts(|call| call.token.as_deref()))
        .bind(texts(|call| call.session_id.as_deref()))
        .bind(texts(|call| call.conversation_id.as_deref()))
        .bind(texts(|call| call.call_id.as_deref()))
        .bind(texts(|call| call.rpc_id.as_deref()))
        .bind(texts(|call| call.client_name.as_deref()))
        .bind(texts(|call| call.client_version.as_deref()))
        .bind(texts(|call| call.protocol_version.as_deref()))
        .bind(texts(|call| Some(call.status.as_str())))
        .bind(texts(|call| call.error_type.as_deref()))
        .bind(texts(|call| call.error_code.as_deref()))
        .bind(texts(|call| call.argument_hash.as_deref()))
        .bind(numbers(|call| call.latency_us))
        .bind(
            calls
                .iter()
                .map(|call| call.ttfb_us.map(u64::cast_signed))
                .collect::<Vec<_>>(),
        )
        .bind(numbers(|call| call.request_bytes))
        .bind(numbers(|call| call.response_bytes))
        .fetch_all(db)
        .await
}

/// Notes calls whose detail is not kept; answers the ids of those that were not
/// there yet.
pub(super) async fn note(
    db: &mut PgConnection,
    calls: &[&ToolCalled],
) -> Result<Vec<Uuid>, sqlx::Error> {
    if calls.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_scalar(
        "insert into seen_ids (created_at, id, source) \
         select created_at, id, 'tool' from unnest($1::timestamptz[], $2::uuid[]) as s (created_at, id) \
         where not exists ( \
             select from mcp_tool_executions t where t.created_at = s.created_at and t.id = s.id) \
         on conflict do nothing returning id",
    )
    .bind(calls.iter().map(|call| call.created_at).collect::<Vec<_>>())
    .bind(calls.iter().map(|call| call.id.0).collect::<Vec<_>>())
    .fetch_all(db)
    .await
}
