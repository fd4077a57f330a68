//! The analytics server: lists the caller's tools and asks their questions.

use std::sync::Arc;

use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData,
    Implementation, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ServerHandler, model::JsonObject};
use serde_json::Value;
use sqlx::PgPool;
use systemprompt_domain::Clock;
use systemprompt_reporting::{Ctx, Error, Settings};

use crate::caller::{Breadth, Caller};
use crate::tools::{self, Offer};

/// How long a list of tools is good for. It changes with the program alone.
const FRESH_MS: u64 = 60 * 60 * 1000;

const INSTRUCTIONS: &str = "Numbers about AI requests: what they cost, how they went, what failed. \
     Ask before expensive work and after failures: analytics_costs tells what was spent and what \
     budgets leave, analytics_requests how fast and reliable each model was, analytics_errors \
     what goes wrong and what to do about it. Periods are given by `since`, such as 1h, 24h or 7d.";

/// Questions as tools. Clones share the pool.
#[derive(Clone, Debug)]
pub struct Analytics {
    pool: PgPool,
    settings: Arc<Settings>,
    clock: Clock,
    /// Who asks, where one connection has one caller.
    caller: Option<Caller>,
}

impl Analytics {
    /// Answers from the questions' own pool of connections, under the profile's
    /// settings, as of the clock. Whoever asks is a [`Caller`] among the
    /// extensions of the HTTP request; without one nothing is answered.
    #[must_use]
    pub const fn new(pool: PgPool, settings: Arc<Settings>, clock: Clock) -> Self {
        Self {
            pool,
            settings,
            clock,
            caller: None,
        }
    }

    /// The same for one caller.
    #[must_use]
    pub fn for_caller(self, caller: Caller) -> Self {
        Self {
            caller: Some(caller),
            ..self
        }
    }

    /// Who asks. Nobody is never taken for somebody who may see everything.
    fn caller(&self, context: &RequestContext<RoleServer>) -> Result<Caller, ErrorData> {
        let of_request = || {
            let parts = context.extensions.get::<http::request::Parts>()?;
            parts.extensions.get::<Caller>().cloned()
        };
        let caller = self.caller.clone().or_else(of_request);
        caller.ok_or_else(|| ErrorData::invalid_request("nobody knows who asks", None))
    }

    async fn ask(&self, caller: &Caller, offer: &Offer, arguments: JsonObject) -> CallToolResult {
        let limit = arguments.get("limit").and_then(Value::as_u64);
        if limit.is_some_and(|limit| limit > tools::ROWS as u64) {
            let text = format!("the limit is 1 to {} rows here", tools::ROWS);
            return failed(text);
        }
        let ctx = Ctx {
            pool: self.pool.clone(),
            settings: Arc::clone(&self.settings),
            scope: caller.scope().clone(),
            clock: self.clock,
        };
        match offer.entry.run(&ctx, Value::Object(arguments)).await {
            Ok(answer) => {
                let answer = serde_json::to_value(tools::short(answer));
                CallToolResult::structured(answer.expect("answers are plain data"))
            }
            Err(Error::Database(error)) => {
                tracing::warn!(%error, tool = %offer.tool.name, "a question of an agent failed");
                failed("the database did not answer; ask again in a few seconds".to_owned())
            }
            Err(error) => failed(error.to_string()),
        }
    }
}

/// What a model can read and act on.
fn failed(text: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}

impl ServerHandler for Analytics {
    fn get_info(&self) -> ServerConfig {
        let us = Implementation::new("systemprompt-analytics", env!("CARGO_PKG_VERSION"))
            .with_title("systemprompt analytics");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(us)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let caller = self.caller(&context)?;
        let tools = tools::offers(caller.tools()).map(|offer| offer.tool.clone());
        // Another caller's list may be another.
        Ok(ListToolsResult::with_all_items(tools.collect())
            .with_ttl_ms(FRESH_MS)
            .with_cache_scope(CacheScope::Private))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = self.caller(&context)?;
        let Some(offer) = tools::find(&request.name, caller.tools()) else {
            return Err(ErrorData::invalid_params(
                unknown(&request.name, caller.tools()),
                None,
            ));
        };
        let arguments = request.arguments.unwrap_or_default();
        Ok(self.ask(&caller, offer, arguments).await.into())
    }
}

fn unknown(name: &str, breadth: Breadth) -> String {
    match tools::find(name, Breadth::All) {
        Some(_) => format!("the tool {name} needs a token with the scope read"),
        None => {
            let names: Vec<_> = tools::offers(breadth)
                .map(|offer| offer.tool.name.as_ref())
                .collect();
            // Part of the name alone: it is whatever the client sent.
            let name: String = name.chars().take(64).collect();
            format!("there is no tool {name:?}; there are {}", names.join(", "))
        }
    }
}
