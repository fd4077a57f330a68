//! `errors patterns`: what goes wrong again and again, and what to do about it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::advice::advice;
use super::tools;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::{Time, ratio};
use crate::params::{Filters, Limit, Page, PeriodArgs, ToolFilters};
use crate::query::{Answer, Query};
use crate::rollup::{Failures, Source, ToolCalls, ToolFailures};

/// What goes wrong again and again, since when, and what to do about it
///
/// Failures of the same sort are one row, whatever the model or the tool. Tool
/// calls are among them unless a model or a provider is asked for.
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Patterns {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which requests count
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: Filters,
    /// How many rows
    #[command(flatten)]
    #[serde(flatten)]
    pub page: Page,
}

/// One sort of failure.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PatternsRow {
    /// What failed
    pub kind: Kind,
    /// Who answered: the provider's or MCP server's name in the configuration
    pub source: String,
    /// How it ended
    pub state: String,
    /// The HTTP status; none if there was no answer
    pub http_status: Option<i16>,
    /// The error type of whoever answered, or our short name for what went wrong
    pub error_type: Option<String>,
    /// The error code of whoever answered
    pub error_code: Option<String>,
    /// The models concerned, the most frequent first
    pub models: Vec<String>,
    /// The tools concerned, the most frequent first
    pub tools: Vec<String>,
    /// How often
    #[schemars(extend("x-unit" = "count"))]
    pub count: i64,
    /// The part of all failures
    #[schemars(extend("x-unit" = "ratio"))]
    pub share: Option<f64>,
    /// When the first of them began
    pub first_seen: Time,
    /// When the last of them began
    pub last_seen: Time,
    /// What to do about it
    pub advice: String,
}

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Kind {
    /// A request to a model
    AiRequest,
    /// A tool call over MCP
    ToolCall,
}

/// What makes failures one sort.
type Sort = (
    Kind,
    String,
    String,
    Option<i16>,
    Option<String>,
    Option<String>,
);

impl PatternsRow {
    /// The first failure of its sort.
    fn of(way: Failures) -> Self {
        Self {
            kind: Kind::AiRequest,
            advice: advice(&way).to_owned(),
            source: way.provider,
            state: way.state,
            http_status: way.http_status,
            error_type: way.error_type,
            error_code: way.error_code,
            models: vec![way.model],
            tools: Vec::new(),
            count: way.count,
            share: None,
            first_seen: way.first_at.into(),
            last_seen: way.last_at.into(),
        }
    }

    /// The first failure of a sort of tool calls.
    fn of_tool(way: ToolFailures) -> Self {
        let status = way.error_type.as_deref() == Some("http_error");
        let status = way.error_code.as_deref().filter(|_| status);
        Self {
            kind: Kind::ToolCall,
            advice: tools::advice(&way).to_owned(),
            http_status: status.and_then(|code| code.parse().ok()),
            source: way.server,
            state: way.status,
            error_type: way.error_type,
            error_code: way.error_code,
            models: Vec::new(),
            tools: vec![way.tool],
            count: way.count,
            share: None,
            first_seen: way.first_at.into(),
            last_seen: way.last_at.into(),
        }
    }

    fn sort(&self) -> Sort {
        (
            self.kind,
            self.source.clone(),
            self.state.clone(),
            self.http_status,
            self.error_type.clone(),
            self.error_code.clone(),
        )
    }

    /// Adds failures of the same sort with another model or tool.
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        self.models.extend(other.models);
        self.tools.extend(other.tools);
    }
}

/// The failures by sort, the most frequent first, then the latest. Of each kind
/// the most frequent come first.
fn sorts(ways: Vec<Failures>, calls: Vec<ToolFailures>) -> Vec<PatternsRow> {
    let mut sorts: BTreeMap<Sort, PatternsRow> = BTreeMap::new();
    let mut all = 0;
    let ways = ways.into_iter().map(PatternsRow::of);
    for way in ways.chain(calls.into_iter().map(PatternsRow::of_tool)) {
        all += way.count;
        match sorts.entry(way.sort()) {
            std::collections::btree_map::Entry::Occupied(mut row) => row.get_mut().add(way),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(way);
            }
        }
    }
    let mut rows: Vec<_> = sorts.into_values().collect();
    for row in &mut rows {
        row.share = ratio(row.count, all);
    }
    rows.sort_by_key(|row| Reverse((row.count, row.last_seen)));
    rows
}

impl Query for Patterns {
    type Row = PatternsRow;
    const PATH: &'static [&'static str] = &["errors", "patterns"];
    const TOOL: Option<&'static str> = Some("analytics_errors");

    async fn run(&self, ctx: &Ctx) -> Result<Answer<PatternsRow>> {
        let source = Source::errors(ctx, &self.period, &self.filters)?;
        // By model they are several times as many, and still few.
        let ways = source.failures(Limit::MAX.into()).await?;
        let of_tools = ToolFilters {
            agents: self.filters.agents.clone(),
            users: self.filters.users.clone(),
            ..ToolFilters::default()
        };
        let calls = match self.filters.models.is_empty() && self.filters.providers.is_empty() {
            true => {
                let calls = ToolCalls::errors(ctx, &self.period, &of_tools)?;
                calls.failures().await?
            }
            false => Vec::new(),
        };
        Ok(Answer::of(sorts(ways, calls))
            .cut(self.page.limit.rows())
            .over(source.period()))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use time::{Duration, OffsetDateTime};

    use super::*;

    fn way(model: &str, status: i16, count: i64, minute: i64) -> Failures {
        let at = |minute: i64| -> OffsetDateTime {
            datetime!(2026-07-01 12:00 UTC) + Duration::minutes(minute)
        };
        Failures {
            provider: "anthropic".to_owned(),
            model: model.to_owned(),
            state: "failed".to_owned(),
            http_status: Some(status),
            error_type: Some("x".to_owned()),
            error_code: None,
            count,
            all: 10,
            first_at: at(minute),
            last_at: at(minute + 5),
        }
    }

    #[test]
    fn the_same_failure_of_two_models_is_one_row() {
        let ways = vec![
            way("a", 500, 4, 10),
            way("b", 429, 3, 0),
            way("c", 429, 3, 20),
        ];
        let rows = sorts(ways, Vec::new());
        let seen: Vec<_> = rows
            .iter()
            .map(|row| (row.http_status, row.count, row.share, row.models.join(" ")))
            .collect();
        assert_eq!(
            seen,
            [
                (Some(429), 6, Some(0.6), "b c".to_owned()),
                (Some(500), 4, Some(0.4), "a".to_owned()),
            ]
        );
        let [first, ..] = rows.as_slice() else {
            panic!("no rows")
        };
        assert_eq!(
            (first.first_seen.0, first.last_seen.0),
            (
                datetime!(2026-07-01 12:00 UTC),
                datetime!(2026-07-01 12:25 UTC)
            )
        );
    }
}
