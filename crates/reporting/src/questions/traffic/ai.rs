//! `traffic ai`: crawlers of AI companies, and visitors whom assistants sent.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Class, Limit, Page, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::{ALL, By, Cube, Pages, Viewed, Visits};

use super::nothing;

/// AI crawlers with the page each fetches most, and visitors whom AI assistants sent
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Ai {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which traffic counts, of visitors; crawlers always do
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: WebFilters,
    /// How many rows
    #[command(flatten)]
    #[serde(flatten)]
    pub page: Page,
}

/// One crawler, or one assistant.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AiRow {
    /// ai_training, ai_search or ai_user_fetch for crawlers; referral for visitors whom an assistant sent
    pub kind: String,
    /// The crawler, or the assistant
    pub name: String,
    /// Who runs the crawler
    pub operator: String,
    /// Sessions
    #[schemars(extend("x-unit" = "count"))]
    pub sessions: i64,
    /// Different visitors a day, added up
    #[schemars(extend("x-unit" = "count"))]
    pub visitors: i64,
    /// Requests of crawlers, pages of visitors
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i64,
    /// The page that the crawler's operator fetched most
    pub top_page: Option<String>,
}

impl Query for Ai {
    type Row = AiRow;
    const PATH: &'static [&'static str] = &["traffic", "ai"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<AiRow>> {
        let most = i64::from(Limit::MAX);
        let crawlers = WebFilters {
            class: Class::KnownBot,
            sites: self.filters.sites.clone(),
        };
        let source = Visits::of(ctx, &self.period, &crawlers)?;
        let bots = source.by(Cube::Bot, ALL, most).await?;
        let fetched = Pages::of(ctx, &self.period, &crawlers)?;
        let top = tops(fetched.by(By::Ai, most).await?);
        let people = Visits::of(ctx, &self.period, &self.filters)?;
        let sent = people.by(Cube::Source, ALL, most).await?;
        let crawlers = bots
            .into_iter()
            .filter(|bot| bot.d1.starts_with("ai_"))
            .map(|bot| AiRow {
                top_page: top.get(&bot.d2).cloned(),
                kind: bot.d1,
                operator: bot.d2,
                name: bot.d3,
                sessions: bot.sessions,
                visitors: bot.visitors,
                requests: bot.requests,
            });
        let referrals = sent
            .into_iter()
            .filter(|source| source.d1 == AI_ASSISTANTS)
            .map(|source| AiRow {
                kind: "referral".to_owned(),
                name: source.d2,
                operator: String::new(),
                sessions: source.sessions,
                visitors: source.visitors,
                requests: source.pages,
                top_page: None,
            });
        let mut rows: Vec<AiRow> = crawlers.chain(referrals).collect();
        rows.sort_by(|a, b| {
            let key = |row: &AiRow| std::cmp::Reverse(row.sessions);
            key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
        });
        let note = nothing(rows.len());
        Ok(Answer::of(rows)
            .cut(self.page.limit.rows())
            .over(source.frame.period())
            .with_note(note))
    }
}

/// The channel of visitors whom assistants sent.
const AI_ASSISTANTS: &str = "ai_assistant";

/// The page that each operator fetched most; rows come in order.
fn tops(fetched: Vec<Viewed>) -> BTreeMap<String, String> {
    let mut top = BTreeMap::new();
    for row in fetched {
        top.entry(row.other).or_insert(row.path);
    }
    top
}
