//! `traces show`: everything known of a trace, on one screen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find::find;
use super::timeline::{Event, MOST, timeline};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::query::{Answer, Query};

/// Everything that happened on a trace, in order
///
/// Who was let in, each request with its answer and cost, each tool call with how
/// it ended, what servers said meanwhile, and the entries of the audit trail. A
/// request, a tool call, a session or an audit event stands for its trace, a
/// session for all of its traces.
#[derive(Clone, Debug, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Show {
    /// The id of a trace, a request, a tool call, a session or an audit event, or its first 8 digits or more
    #[arg(value_name = "ID")]
    pub id: String,
}

impl Query for Show {
    type Row = Event;
    const PATH: &'static [&'static str] = &["traces", "show"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<Event>> {
        let found = find(ctx, &self.id).await?;
        let (events, more) = timeline(ctx, &found).await?;
        let cut = format!("more than {MOST} events of a kind: the later ones are left out");
        Ok(Answer::of(events)
            .with_note(more.then_some(cut))
            .sampled(ctx.settings.sampling))
    }
}
