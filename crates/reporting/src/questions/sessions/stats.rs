//! `sessions stats`: sessions in one row, against the period before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::{change, ratio};
use crate::params::{Class, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::questions::traffic::nothing;
use crate::rollup::{Pages, Sessions, Visits};

/// Sessions, visitors and engagement, against the period before; and all sessions by class
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Stats {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which traffic counts
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: WebFilters,
}

/// The sessions of a period.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatsRow {
    /// Sessions that began in the period
    #[schemars(extend("x-unit" = "count"))]
    pub sessions: i64,
    /// Sessions of the period before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_sessions: i64,
    /// The change in sessions
    #[schemars(extend("x-unit" = "ratio"))]
    pub sessions_change: Option<f64>,
    /// Different visitors a day, added up
    #[schemars(extend("x-unit" = "count"))]
    pub daily_visitors: i64,
    /// Page views
    #[schemars(extend("x-unit" = "count"))]
    pub page_views: i64,
    /// Page views of the period before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_page_views: i64,
    /// Sessions with ten engaged seconds or two pages, of all
    #[schemars(extend("x-unit" = "ratio"))]
    pub engaged_share: Option<f64>,
    /// The others, of all
    #[schemars(extend("x-unit" = "ratio"))]
    pub bounce_rate: Option<f64>,
    /// Sessions with at least one engagement event
    #[schemars(extend("x-unit" = "count"))]
    pub tracked_sessions: i64,
    /// Engagement events
    #[schemars(extend("x-unit" = "count"))]
    pub engagement_events: i64,
    /// Pages to a session
    #[schemars(extend("x-unit" = "count"))]
    pub avg_pages: Option<f64>,
    /// Engaged seconds to a tracked session
    #[schemars(extend("x-unit" = "seconds"))]
    pub avg_engaged_seconds: Option<f64>,
    /// Engaged seconds to a page view of which engagement was reported
    #[schemars(extend("x-unit" = "seconds"))]
    pub avg_time_on_page_seconds: Option<f64>,
    /// Seconds from a session's first event to its last
    #[schemars(extend("x-unit" = "seconds"))]
    pub avg_duration_seconds: Option<f64>,
    /// How far down pages were seen, 0 to 100, where that was reported
    #[schemars(extend("x-unit" = "percent"))]
    pub avg_scroll: Option<f64>,
    /// Clicks
    #[schemars(extend("x-unit" = "count"))]
    pub clicks: i64,
    /// Whatever the class asked for: sessions of people who read, scrolled or clicked
    #[schemars(extend("x-unit" = "count"))]
    pub clean_human: i64,
    /// Sessions with too little to say
    #[schemars(extend("x-unit" = "count"))]
    pub unconfirmed: i64,
    /// Sessions of one page without a sign of life
    #[schemars(extend("x-unit" = "count"))]
    pub ghost: i64,
    /// Sessions of bots that say who they are
    #[schemars(extend("x-unit" = "count"))]
    pub known_bot: i64,
    /// Sessions of whoever looks for weaknesses
    #[schemars(extend("x-unit" = "count"))]
    pub scanner: i64,
    /// Sessions of what behaves like a bot
    #[schemars(extend("x-unit" = "count"))]
    pub behavioral_bot: i64,
}

impl Query for Stats {
    type Row = StatsRow;
    const PATH: &'static [&'static str] = &["sessions", "stats"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<StatsRow>> {
        let source = Visits::of(ctx, &self.period, &self.filters)?;
        let (now, before) = (source.total().await?, source.previous()?.total().await?);
        let viewed = Pages::of(ctx, &self.period, &self.filters)?.total().await?;
        let everything = WebFilters {
            class: Class::All,
            sites: self.filters.sites.clone(),
        };
        let classes = Visits::of(ctx, &self.period, &everything)?;
        let classes = classes.by_class().await?;
        let of = |class: &str| in_class(&classes, class);
        let all: i64 = classes.iter().map(|row| row.sessions).sum();
        let row = StatsRow {
            sessions: now.sessions,
            previous_sessions: before.sessions,
            sessions_change: change(now.sessions as f64, before.sessions as f64),
            daily_visitors: now.visitors,
            page_views: now.pages,
            previous_page_views: before.pages,
            engaged_share: now.engaged_share(),
            bounce_rate: ratio(now.sessions - now.engaged, now.sessions),
            tracked_sessions: now.tracked,
            engagement_events: now.events,
            avg_pages: now.average_pages(),
            avg_engaged_seconds: now.average_engaged_seconds(),
            avg_time_on_page_seconds: viewed.average_seconds(),
            avg_duration_seconds: now.average_duration_seconds(),
            avg_scroll: now.average_scroll(),
            clicks: now.clicks,
            clean_human: of("clean_human"),
            unconfirmed: of("unconfirmed"),
            ghost: of("ghost"),
            known_bot: of("known_bot"),
            scanner: of("scanner"),
            behavioral_bot: of("behavioral_bot"),
        };
        Ok(Answer::of(vec![row])
            .over(source.frame.period())
            .with_note(nothing(usize::from(all > 0))))
    }
}

/// How many sessions a class has.
fn in_class(classes: &[Sessions], class: &str) -> i64 {
    let found = classes.iter().find(|row| row.class == class);
    found.map_or(0, |row| row.sessions)
}
