//! `content patterns`: how pages are read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::ratio;
use crate::params::{PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::questions::traffic::nothing;
use crate::rollup::Pages;

/// How pages are read: bounced, skimmed, read, deep_read or left_open; without --content, all pages
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Patterns {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which traffic counts
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: WebFilters,
    /// Only this content, by its path or id
    #[arg(long, value_name = "PATH|ID")]
    #[serde(default)]
    pub content: Option<String>,
}

/// One way to read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PatternsRow {
    /// bounced, skimmed, read, deep_read or left_open
    pub pattern: &'static str,
    /// Views that were read so, of sessions that are over
    #[schemars(extend("x-unit" = "count"))]
    pub views: i64,
    /// The part of all views of which that is known
    #[schemars(extend("x-unit" = "ratio"))]
    pub share: Option<f64>,
}

impl Query for Patterns {
    type Row = PatternsRow;
    const PATH: &'static [&'static str] = &["content", "patterns"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<PatternsRow>> {
        let source = Pages::of(ctx, &self.period, &self.filters)?;
        let viewed = match &self.content {
            Some(name) => {
                let item = find(ctx, name, &self.filters.sites).await?;
                source.page(&item.site, &item.path).await?
            }
            None => source.total().await?,
        };
        let patterns = [
            ("bounced", viewed.bounced),
            ("skimmed", viewed.skimmed),
            ("read", viewed.read),
            ("deep_read", viewed.deep_read),
            ("left_open", viewed.left_open),
        ];
        let all: i64 = patterns.iter().map(|(_, views)| views).sum();
        let rows = patterns.map(|(pattern, views)| PatternsRow {
            pattern,
            views,
            share: ratio(views, all),
        });
        Ok(Answer::of(Vec::from(rows))
            .over(source.frame.period())
            .with_note(nothing(usize::from(all > 0))))
    }
}
