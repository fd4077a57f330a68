//! `conversations show`: one conversation with its requests.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::list::{ListRow, Stored};
use crate::ctx::Ctx;
use crate::currency::Currency;
use crate::error::{Error, Result};
use crate::figures::{Amount, Spent, Time, millis};
use crate::kept;
use crate::query::{Answer, Query};
use crate::questions::agents::ToolUse;
use crate::questions::requests::{CANDIDATES, candidates};
use crate::questions::tools::ToolRun;

/// No more requests of a conversation are shown.
const NEWEST: i64 = 1_000;

/// One conversation with its models, tools and requests
#[derive(Clone, Debug, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Show {
    /// The conversation's id, or a beginning that no other has
    #[arg(value_name = "ID")]
    pub id: String,
}

/// One conversation with its requests.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ShowRow {
    /// Its figures, as in the list of conversations
    #[serde(flatten)]
    pub figures: ListRow,
    /// The models that served it, the dearest first
    pub models: Vec<ModelUse>,
    /// The tools the models asked for, the most frequent first
    pub tools: Vec<ToolUse>,
    /// The tools that were called over MCP, the most frequent first; of calls that keep their detail
    pub tools_executed: Vec<ToolRun>,
    /// Its requests in the order in which they arrived, at most the newest 1,000 that keep their detail; models and tools are theirs
    pub turns: Vec<Turn>,
}

/// What a conversation used of one model.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ModelUse {
    /// The provider's name in the configuration
    pub provider: String,
    /// The model that served, else the one that was asked for; empty where neither is known
    pub model: String,
    /// Requests that reached a final state
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i64,
    /// All input, cached or not
    #[schemars(extend("x-unit" = "tokens"))]
    pub input_tokens: i64,
    /// All output, reasoning included
    #[schemars(extend("x-unit" = "tokens"))]
    pub output_tokens: i64,
    /// What the priced requests cost, each at the exchange rate of its own UTC day; none where no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
    /// Requests with usage for which no price is known; the cost lacks them
    #[schemars(extend("x-unit" = "count"))]
    pub unpriced_requests: i64,
}

/// One request of a conversation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Turn {
    /// The request
    #[schemars(extend("x-unit" = "id"))]
    pub id: Uuid,
    /// When it arrived
    pub created_at: Time,
    /// How it ended
    pub state: String,
    /// The model that served, else the one that was asked for
    pub model: Option<String>,
    /// All input, cached or not; none if nobody stated the usage
    #[schemars(extend("x-unit" = "tokens"))]
    pub input_tokens: Option<i64>,
    /// All output, reasoning included
    #[schemars(extend("x-unit" = "tokens"))]
    pub output_tokens: Option<i64>,
    /// What it cost; none if no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
    /// From arrival to the end of the answer
    #[schemars(extend("x-unit" = "ms"))]
    pub latency_ms: Option<f64>,
}

/// A request as it is stored.
struct StoredTurn {
    id: Uuid,
    created_at: OffsetDateTime,
    provider: String,
    model: Option<String>,
    state: String,
    tool_calls: Option<String>,
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    cost_nanos: Option<i64>,
    latency_us: Option<i64>,
}

impl Turn {
    fn of(stored: StoredTurn, currency: &Currency) -> Self {
        Self {
            id: stored.id,
            created_at: stored.created_at.into(),
            state: stored.state,
            model: stored.model,
            input_tokens: stored.input_tokens,
            output_tokens: stored.output_tokens,
            cost: stored
                .cost_nanos
                .map(|nanos| currency.convert(nanos, stored.created_at)),
            latency_ms: stored.latency_us.map(|micros| millis(micros as f64)),
        }
    }
}

impl Show {
    /// The conversation with this id, else the only one whose id begins so.
    async fn find(&self, ctx: &Ctx) -> Result<Stored> {
        let mut found = sqlx::query_file_as!(
            Stored,
            "src/questions/conversations/find.sql",
            ctx.scope.only_agent(),
            self.id,
            CANDIDATES as i64 + 1,
        )
        .fetch_all(&ctx.pool)
        .await?;
        let whole = found
            .first()
            .is_some_and(|first| first.conversation_id == self.id);
        if found.len() > 1 && !whole {
            let ids: Vec<_> = found.into_iter().map(|one| one.conversation_id).collect();
            return Err(Error::Usage(format!(
                "{} is ambiguous: {}",
                self.id,
                candidates(&ids)
            )));
        }
        if found.is_empty() {
            return Err(Error::NotFound(format!(
                "no conversation has the id {}",
                self.id
            )));
        }
        Ok(found.swap_remove(0))
    }
}

impl Query for Show {
    type Row = ShowRow;
    const PATH: &'static [&'static str] = &["conversations", "show"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ShowRow>> {
        let stored = self.find(ctx).await?;
        let mut turns = sqlx::query_file_as!(
            StoredTurn,
            "src/questions/conversations/turns.sql",
            ctx.scope.only_agent(),
            stored.conversation_id,
            stored.first_at,
            stored.last_at,
            NEWEST,
        )
        .fetch_all(&ctx.pool)
        .await?;
        turns.reverse();
        let executed = sqlx::query_file!(
            "src/questions/conversations/executed.sql",
            ctx.scope.only_agent(),
            stored.conversation_id,
        )
        .fetch_all(&ctx.pool)
        .await?;
        let executed = executed.into_iter().map(|run| {
            let latency = (run.latency_us.unwrap_or_default(), run.latency_n);
            ToolRun::counted(
                (run.server, run.tool),
                (run.executions, run.errors),
                latency,
            )
        });
        let executed = executed.collect();
        let currency = &ctx.settings.currency;
        let full = turns.len() as i64 == NEWEST;
        let first_at = stored.first_at;
        let note = (full && stored.requests > NEWEST).then(|| {
            format!(
                "of {} requests these are the newest {NEWEST}; so are models and tools",
                stored.requests
            )
        });
        let row = ShowRow {
            figures: ListRow::of(stored, currency),
            models: models(&turns, currency),
            tools: tools(&turns),
            tools_executed: executed,
            turns: turns
                .into_iter()
                .map(|turn| Turn::of(turn, currency))
                .collect(),
        };
        let note = match note {
            Some(note) => Some(note),
            None => kept::requests(ctx, first_at).await?,
        };
        Ok(Answer::of(vec![row])
            .with_note(note)
            .sampled(ctx.settings.sampling))
    }
}

/// Requests of one model, added up.
#[derive(Default)]
struct Used {
    requests: i64,
    input_tokens: i64,
    output_tokens: i64,
    priced: Amount,
    unpriced: i64,
}

impl Used {
    const fn spent(&self) -> Spent {
        Spent::of(self.priced, self.unpriced)
    }
}

/// The models of these requests, the dearest first.
fn models(turns: &[StoredTurn], currency: &Currency) -> Vec<ModelUse> {
    let mut models: BTreeMap<_, Used> = BTreeMap::new();
    for turn in turns {
        let model = turn.model.as_deref().unwrap_or_default();
        let used = models.entry((&*turn.provider, model)).or_default();
        used.requests += 1;
        used.input_tokens += turn.input_tokens.unwrap_or_default();
        used.output_tokens += turn.output_tokens.unwrap_or_default();
        match turn.cost_nanos {
            Some(nanos) => used.priced += currency.amount(nanos, turn.created_at),
            None => used.unpriced += i64::from(turn.input_tokens.is_some()),
        }
    }
    let mut models: Vec<_> = models.into_iter().collect();
    models.sort_by_key(|(_, used)| Reverse((used.spent().known(), used.requests)));
    let row = |((provider, model), used): ((&str, &str), Used)| ModelUse {
        provider: provider.to_owned(),
        model: model.to_owned(),
        requests: used.requests,
        input_tokens: used.input_tokens,
        output_tokens: used.output_tokens,
        cost: used.spent().rounded(),
        unpriced_requests: used.unpriced,
    };
    models.into_iter().map(row).collect()
}

/// The tools that these requests asked for, the most frequent first.
fn tools(turns: &[StoredTurn]) -> Vec<ToolUse> {
    let mut calls: BTreeMap<&str, i64> = BTreeMap::new();
    let asked = turns.iter().filter_map(|turn| turn.tool_calls.as_deref());
    for tool in asked.flat_map(|names| names.split(',')) {
        *calls.entry(tool).or_default() += 1;
    }
    let mut tools: Vec<_> = calls
        .into_iter()
        .map(|(tool, calls)| ToolUse {
            tool: tool.to_owned(),
            calls,
        })
        .collect();
    tools.sort_by_key(|tool| Reverse(tool.calls));
    tools
}
