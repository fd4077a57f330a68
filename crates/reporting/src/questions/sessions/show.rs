//! `sessions show`: one session with its pages, and why it has its class.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use systemprompt_domain::ids::{beginning_with, time_of};
use systemprompt_domain::period::Interval;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::list::{ListRow, Stored};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::figures::{Time, round};
use crate::params::id_beginning;
use crate::query::{Answer, Query};
use crate::questions::requests::{CANDIDATES, candidates};

/// A session may have begun so much before the moment in its id: an event that
/// arrived late was its first.
const LATE: Duration = Duration::days(1);
/// No more pages of a session are shown.
const STEPS: i64 = 200;

/// One session with its pages, and the signals that made its class
#[derive(Clone, Debug, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Show {
    /// The session's id, or a beginning that no other has (at least eight digits)
    #[arg(value_name = "ID")]
    #[schemars(schema_with = "id_beginning")]
    pub id: String,
}

/// One session.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ShowRow {
    /// Its figures, as in the list of sessions
    #[serde(flatten)]
    pub figures: ListRow,
    /// Whether it may still go on
    pub open: bool,
    /// The signals that made its class, with their points
    pub signals: Vec<Signal>,
    /// The version of the rules that judged it
    pub rule_version: String,
    /// Requests, those for pages among them
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i32,
    /// Engagement events
    #[schemars(extend("x-unit" = "count"))]
    pub events: i32,
    /// The campaign of the link it came by
    pub campaign: String,
    /// The region, where the source of the country has one
    pub region: String,
    /// The preferred language
    pub language: String,
    /// The user agent
    pub user_agent: String,
    /// Its pages in order, at most 50
    pub path: Vec<String>,
    /// What it looked at, at most 200
    pub steps: Vec<Step>,
}

/// Something that spoke for a class.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Signal {
    /// What it was
    pub signal: String,
    /// How much it weighs
    #[schemars(extend("x-unit" = "count"))]
    pub points: i64,
    /// What was seen
    pub reason: String,
}

/// One page view, or another request.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Step {
    /// When
    pub at: Time,
    /// The path
    pub path: String,
    /// Who reported it: tracker, pixel, server or log
    pub source: String,
    /// The status of the answer, where a server reported it
    pub status: Option<i16>,
    /// Seconds in which it was visible and had the focus
    #[schemars(extend("x-unit" = "seconds"))]
    pub engaged_seconds: f64,
    /// How far down it was seen, 0 to 100
    #[schemars(extend("x-unit" = "percent"))]
    pub max_scroll: Option<i16>,
    /// Clicks
    #[schemars(extend("x-unit" = "count"))]
    pub clicks: i32,
    /// How it was read: bounced, skimmed, read, deep_read or left_open
    pub pattern: String,
}

/// When a session with such an id can have begun.
pub(super) fn within([first, last]: [Uuid; 2]) -> Option<Interval> {
    let since = time_of(first)?.checked_sub(LATE)?;
    let until = time_of(last)?.checked_add(LATE)?;
    Some(Interval { since, until })
}

struct Found {
    stored: Stored,
    more: More,
}

struct More {
    open: bool,
    signals: Json<Vec<Signal>>,
    rule_version: String,
    requests: i32,
    events: i32,
    campaign: String,
    region: String,
    language: String,
    user_agent: String,
    path: Vec<String>,
}

struct StoredStep {
    at: OffsetDateTime,
    path: String,
    source: String,
    status: Option<i16>,
    engaged_ms: i64,
    max_scroll: Option<i16>,
    clicks: i32,
    pattern: String,
}

impl Show {
    async fn find(&self, ctx: &Ctx) -> Result<Found> {
        let missing = || Error::NotFound(format!("no session has the id {}", self.id));
        let ids = beginning_with(&self.id).ok_or_else(|| {
            Error::Usage(format!(
                "\"{}\" is no beginning of a session's id: at least eight digits are needed",
                self.id
            ))
        })?;
        // Ids that carry no time are nobody's.
        let Some(Interval { since, until }) = within(ids) else {
            return Err(missing());
        };
        let rows = sqlx::query_file!(
            "src/questions/sessions/find.sql",
            ctx.scope.only_agent(),
            ids[0],
            ids[1],
            since,
            until,
            CANDIDATES as i64 + 1,
        )
        .fetch_all(&ctx.pool)
        .await?;
        if rows.len() > 1 {
            let ids: Vec<_> = rows.iter().map(|row| row.id.to_string()).collect();
            return Err(Error::Usage(format!(
                "{} is ambiguous: {}",
                self.id,
                candidates(&ids)
            )));
        }
        let row = rows.into_iter().next().ok_or_else(missing)?;
        Ok(Found {
            stored: Stored {
                id: row.id,
                started_at: row.started_at,
                last_seen_at: row.last_seen_at,
                class: row.class,
                bot_kind: row.bot_kind,
                bot_name: row.bot_name,
                score: row.score,
                site: row.site,
                landing_page: row.landing_page,
                exit_page: row.exit_page,
                pages: row.pages,
                engaged_ms: row.engaged_ms,
                max_scroll: row.max_scroll,
                clicks: row.clicks,
                channel: row.channel,
                source: row.source,
                referrer: row.referrer,
                device: row.device,
                browser: row.browser,
                os: row.os,
                country: row.country,
            },
            more: More {
                open: row.open,
                signals: row.signals,
                rule_version: row.rule_version,
                requests: row.requests,
                events: row.events,
                campaign: row.campaign,
                region: row.region,
                language: row.language,
                user_agent: row.user_agent,
                path: row.path,
            },
        })
    }
}

impl Query for Show {
    type Row = ShowRow;
    const PATH: &'static [&'static str] = &["sessions", "show"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ShowRow>> {
        let Found { stored, more } = self.find(ctx).await?;
        let steps = sqlx::query_file_as!(
            StoredStep,
            "src/questions/sessions/steps.sql",
            ctx.scope.only_agent(),
            stored.id,
            stored.started_at,
            stored.last_seen_at,
            STEPS,
        )
        .fetch_all(&ctx.pool)
        .await?;
        let step = |step: StoredStep| Step {
            at: step.at.into(),
            path: step.path,
            source: step.source,
            status: step.status,
            engaged_seconds: round(step.engaged_ms as f64 / 1_000.0, 1),
            max_scroll: step.max_scroll,
            clicks: step.clicks,
            pattern: step.pattern,
        };
        let row = ShowRow {
            figures: stored.into(),
            open: more.open,
            signals: more.signals.0,
            rule_version: more.rule_version,
            requests: more.requests,
            events: more.events,
            campaign: more.campaign,
            region: more.region,
            language: more.language,
            user_agent: more.user_agent,
            path: more.path,
            steps: steps.into_iter().map(step).collect(),
        };
        Ok(Answer::of(vec![row]))
    }
}
