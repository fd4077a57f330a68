//! `requests show`: everything about one request, its bill line by line.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use systemprompt_domain::Tokens;
use systemprompt_domain::ids::beginning_with;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::arithmetic::Line;
use super::stored;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::figures::Time;
use crate::kept;
use crate::params::id_beginning;
use crate::query::{Answer, Query};

/// How many candidates an ambiguous id names.
pub(in crate::questions) const CANDIDATES: usize = 5;

/// The last second that both the calendar here and the database know.
const LAST: OffsetDateTime = datetime!(9999-12-31 23:59:58 UTC);

/// Everything about one request, its cost line by line
#[derive(Clone, Debug, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Show {
    /// The request's id, or its first 8 digits or more
    #[arg(value_name = "ID")]
    #[schemars(schema_with = "id_beginning")]
    pub id: String,
}

/// Everything about one request. What is known only at its end is missing
/// while it is under way.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct ShowRow {
    /// The request
    #[schemars(extend("x-unit" = "id"))]
    pub id: Uuid,
    /// When it arrived
    pub created_at: Option<Time>,
    /// When it reached its final state
    pub finished_at: Option<Time>,
    /// How it ended; `started` while it is under way, `stale` after an hour of that
    pub state: String,
    /// The provider's HTTP status; none if it never answered
    pub http_status: Option<i16>,
    /// The provider's error type, or our short name for what went wrong
    pub error_type: Option<String>,
    /// The provider's error code
    pub error_code: Option<String>,
    /// Why the model stopped, in the provider's words
    pub finish_reason: Option<String>,
    /// The provider's name in the configuration
    pub provider: String,
    /// The interface that was called
    pub api: String,
    /// The model the client asked for
    pub requested_model: Option<String>,
    /// The model the provider says it used
    pub served_model: Option<String>,
    /// The service tier that was really used
    pub service_tier: Option<String>,
    /// Whether the client asked for a stream
    pub streamed: bool,
    /// The agent that asked
    pub agent: Option<String>,
    /// The user who asked
    pub user: Option<String>,
    /// The name of the token that was used
    pub token: Option<String>,
    /// The session, if the client named one
    #[schemars(extend("x-unit" = "id"))]
    pub session_id: Option<String>,
    /// The conversation, named by the client or derived
    #[schemars(extend("x-unit" = "id"))]
    pub conversation_id: Option<String>,
    /// Whether the conversation was derived from the opening messages
    pub conversation_derived: bool,
    /// The trace it belongs to
    #[schemars(extend("x-unit" = "id"))]
    pub trace_id: String,
    /// Our span in the trace
    #[schemars(extend("x-unit" = "id"))]
    pub span_id: String,
    /// The caller's span
    #[schemars(extend("x-unit" = "id"))]
    pub parent_span_id: Option<String>,
    /// The provider's id of the HTTP request
    #[schemars(extend("x-unit" = "id"))]
    pub provider_request_id: Option<String>,
    /// The provider's id of the answer
    #[schemars(extend("x-unit" = "id"))]
    pub response_id: Option<String>,
    /// The tools the model asked for
    pub tool_calls: Vec<String>,
    /// Where the token counts come from: `provider`, or `none` if nobody stated them
    pub usage_source: Option<String>,
    /// Whether the gateway asked for the usage in the client's stead
    pub usage_injected: bool,
    /// Tokens by class, all models together; none if nobody stated them
    #[schemars(with = "Option<std::collections::BTreeMap<String, u64>>")]
    pub tokens: Option<Tokens>,
    /// Usage beyond token classes: other models, billed calls, speed, region
    pub usage_extra: Option<Value>,
    /// The provider's usage object as it came
    pub raw_usage: Option<Value>,
    /// What it cost in US dollars, as its prices are; none if no price is known
    #[schemars(extend("x-unit" = "usd"))]
    pub cost: Option<Decimal>,
    /// The same in the answer's currency; absent where that is the US dollar
    #[schemars(extend("x-unit" = "money"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted_cost: Option<Decimal>,
    /// The price version that made the cost
    #[schemars(extend("x-unit" = "id"))]
    pub price_version: Option<String>,
    /// The cost computed anew from the stored usage and prices
    pub arithmetic: Vec<Line>,
    /// Whether that equals the stored cost; none if it cannot be computed
    pub arithmetic_agrees: Option<bool>,
    /// From arrival to the end of the answer
    #[schemars(extend("x-unit" = "ms"))]
    pub latency_ms: Option<f64>,
    /// From arrival to the first byte of the answer
    #[schemars(extend("x-unit" = "ms"))]
    pub ttfb_ms: Option<f64>,
    /// Size of the client's body in bytes
    #[schemars(extend("x-unit" = "count"))]
    pub request_bytes: i64,
    /// Size of the answer's body in bytes, as it came over the wire
    #[schemars(extend("x-unit" = "count"))]
    pub response_bytes: Option<i64>,
}

impl Query for Show {
    type Row = ShowRow;
    const PATH: &'static [&'static str] = &["requests", "show"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ShowRow>> {
        let [first, last] = beginning_with(&self.id).ok_or_else(|| {
            Error::Usage(format!(
                "\"{}\" is not an id: at least 8 digits of a UUID",
                self.id
            ))
        })?;
        let found = sqlx::query_file!(
            "src/questions/requests/find.sql",
            ctx.scope.only_agent(),
            moment(first),
            moment(last) + Duration::MILLISECOND,
            first,
            last,
            CANDIDATES as i64 + 1,
        )
        .fetch_all(&ctx.pool)
        .await?;
        let row = match found.as_slice() {
            [] => {
                let none = format!("no request has the id {}", self.id);
                let missing = kept::missing(ctx, none, Some(moment(first))).await?;
                return Err(Error::NotFound(missing));
            }
            [one] if one.finished => stored::finished(ctx, one.created_at, one.id).await?,
            [one] => stored::under_way(ctx, one.created_at, one.id).await?,
            several => {
                let ids: Vec<_> = several.iter().map(|found| found.id.to_string()).collect();
                return Err(Error::Usage(format!(
                    "{} is ambiguous: {}",
                    self.id,
                    candidates(&ids)
                )));
            }
        };
        Ok(Answer::of(vec![row]))
    }
}

/// The moment in the first 12 digits of an id, as far as the calendar reaches.
pub(in crate::questions) fn moment(id: Uuid) -> OffsetDateTime {
    let millis = id.as_u64_pair().0 >> 16;
    let nanos = i128::from(millis) * 1_000_000;
    // 48 bits of milliseconds end in the year 10889, ours at the end of 9999.
    OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(LAST)
}

/// The ids that an ambiguous beginning can mean, as text.
pub(in crate::questions) fn candidates(ids: &[String]) -> String {
    match ids.get(..CANDIDATES) {
        Some(first) if ids.len() > CANDIDATES => format!("{} and more", first.join(", ")),
        _ => ids.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_begins_with_its_time() {
        let [first, _] = beginning_with("01935e8d-4c").expect("hex");
        assert_eq!(moment(first), datetime!(2024-11-24 14:22:18.624 UTC));
        assert_eq!(moment(Uuid::max()), LAST);
    }
}
