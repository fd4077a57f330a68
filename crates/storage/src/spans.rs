//! What is stored of some traces, as the events that it was stored from: for exports
//! to tracing systems.

use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row as _};
use systemprompt_domain::event::{RequestContext, RequestFinished, Reserved};
use systemprompt_domain::{
    Nanos, RequestId, SpanId, Tokens, ToolCallId, ToolCalled, TraceId, Usage,
};
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

/// Requests and tool calls that are over, in the order in which they began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spans {
    /// The requests, without what was set aside for them and what they used beyond
    /// tokens.
    pub requests: Vec<RequestFinished>,
    /// The tool calls.
    pub calls: Vec<ToolCalled>,
}

/// Reads those of `traces` that began in `[since, until)`.
///
/// # Errors
/// When the database fails.
pub async fn read(
    pool: &PgPool,
    traces: &[Uuid],
    since: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Spans, sqlx::Error> {
    let rows = async |sql| {
        sqlx::query(sql)
            .bind(traces)
            .bind(since)
            .bind(until)
            .fetch_all(pool)
            .await
    };
    let requests = rows(include_str!("spans/requests.sql")).await?;
    let calls = rows(include_str!("spans/tools.sql")).await?;
    Ok(Spans {
        requests: requests.iter().map(request).collect::<Result<_, _>>()?,
        calls: calls.iter().map(call).collect::<Result<_, _>>()?,
    })
}

fn request(row: &PgRow) -> Result<RequestFinished, sqlx::Error> {
    let count = |column| Ok::<_, sqlx::Error>(row.try_get::<i64, _>(column)?.cast_unsigned());
    let maybe = |column| maybe(row, column);
    let tool_calls: Option<String> = row.try_get("tool_calls")?;
    let context = RequestContext {
        id: RequestId(row.try_get("id")?),
        created_at: moment(row, "created_at")?,
        trace_id: TraceId(row.try_get("trace_id")?),
        span_id: SpanId(count("span_id")?),
        parent_span_id: maybe("parent_span_id")?.map(SpanId),
        user: row.try_get("user_id")?,
        agent: row.try_get("agent")?,
        token: row.try_get("token")?,
        session_id: row.try_get("session_id")?,
        conversation_id: row.try_get("conversation_id")?,
        conversation_derived: row.try_get("conversation_derived")?,
        provider: row.try_get("provider")?,
        api: named(row, "api")?,
        requested_model: row.try_get("requested_model")?,
        streamed: row.try_get("streamed")?,
        request_bytes: count("request_bytes")?,
        reserved: Reserved::default(),
    };
    let tokens = Tokens {
        input: count("input")?,
        cache_read: count("cache_read")?,
        cache_write_5m: count("cache_write_5m")?,
        cache_write_1h: count("cache_write_1h")?,
        audio_input: count("audio_input")?,
        tool_input: count("tool_input")?,
        output: count("output")?,
        reasoning: count("reasoning")?,
        audio_output: count("audio_output")?,
    };
    let finished_at = moment(row, "finished_at")?;
    let state = named(row, "state")?;
    let status: Option<i16> = row.try_get("http_status")?;
    let cost: Option<i64> = row.try_get("cost_nanos")?;
    Ok(RequestFinished {
        http_status: status.map(i16::cast_unsigned),
        error_type: row.try_get("error_type")?,
        error_code: row.try_get("error_code")?,
        finish_reason: row.try_get("finish_reason")?,
        tool_calls: tool_calls
            .map(|names| names.split(',').map(str::to_owned).collect())
            .unwrap_or_default(),
        served_model: row.try_get("served_model")?,
        provider_request_id: row.try_get("provider_request_id")?,
        response_id: row.try_get("response_id")?,
        usage_source: named(row, "usage_source")?,
        usage_injected: row.try_get("usage_injected")?,
        usage: Usage {
            tokens,
            service_tier: row.try_get("service_tier")?,
            ..Usage::default()
        },
        cost: cost.map(Nanos),
        price_version: row.try_get("price_version")?,
        latency_us: maybe("latency_us")?,
        ttfb_us: maybe("ttfb_us")?,
        response_bytes: count("response_bytes")?,
        ..RequestFinished::unanswered(context, state, finished_at)
    })
}

fn call(row: &PgRow) -> Result<ToolCalled, sqlx::Error> {
    let count = |column| Ok::<_, sqlx::Error>(row.try_get::<i64, _>(column)?.cast_unsigned());
    let request: Option<Uuid> = row.try_get("request_id")?;
    Ok(ToolCalled {
        id: ToolCallId(row.try_get("id")?),
        created_at: moment(row, "created_at")?,
        trace_id: TraceId(row.try_get("trace_id")?),
        parent_span_id: maybe(row, "parent_span_id")?.map(SpanId),
        request_id: request.map(RequestId),
        server: row.try_get("server")?,
        tool: row.try_get("tool")?,
        via: named(row, "via")?,
        user: row.try_get("user_id")?,
        agent: row.try_get("agent")?,
        token: row.try_get("token")?,
        session_id: row.try_get("session_id")?,
        conversation_id: row.try_get("conversation_id")?,
        call_id: row.try_get("call_id")?,
        rpc_id: row.try_get("rpc_id")?,
        client_name: row.try_get("client_name")?,
        client_version: row.try_get("client_version")?,
        protocol_version: row.try_get("protocol_version")?,
        status: named(row, "status")?,
        error_type: row.try_get("error_type")?,
        error_code: row.try_get("error_code")?,
        argument_hash: row.try_get("argument_hash")?,
        latency_us: count("latency_us")?,
        ttfb_us: maybe(row, "ttfb_us")?,
        request_bytes: count("request_bytes")?,
        response_bytes: count("response_bytes")?,
    })
}

fn maybe(row: &PgRow, column: &str) -> Result<Option<u64>, sqlx::Error> {
    let number: Option<i64> = row.try_get(column)?;
    Ok(number.map(i64::cast_unsigned))
}

fn moment(row: &PgRow, column: &str) -> Result<OffsetDateTime, sqlx::Error> {
    let moment: OffsetDateTime = row.try_get(column)?;
    Ok(moment.to_offset(UtcOffset::UTC))
}

/// What a column names, by the name that events have for it.
fn named<T: DeserializeOwned>(row: &PgRow, column: &str) -> Result<T, sqlx::Error> {
    let name: String = row.try_get(column)?;
    serde_json::from_value(Value::String(name)).map_err(|error| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: error.into(),
    })
}
