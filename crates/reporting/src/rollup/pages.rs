//! Page views, added up: of sessions that are over from the rollups, of those under
//! way as they look so far.

use systemprompt_domain::period::Grains;

use super::frame::Frame;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::{mean, round};
use crate::params::{GroupBy, PeriodArgs, WebFilters};

/// Page views added up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Viewed {
    /// Which step of a trend, from 1; 0 without steps.
    pub step: i32,
    /// Empty where pages were not told apart, as are the others.
    pub site: String,
    pub path: String,
    pub other: String,
    pub views: i64,
    /// Different visitors a UTC day, added up.
    pub visitors: i64,
    /// Of which engagement was reported.
    pub timed: i64,
    pub engaged_ms: i64,
    pub scrolled: i64,
    pub scroll: i64,
    pub clicks: i64,
    pub entries: i64,
    pub exits: i64,
    pub bounced: i64,
    pub skimmed: i64,
    pub read: i64,
    pub deep_read: i64,
    pub left_open: i64,
    /// Those of all rows of the step, whether they are shown or not.
    pub all_views: i64,
}

impl Viewed {
    /// Engaged seconds to a view of which engagement was reported.
    pub(crate) fn average_seconds(&self) -> Option<f64> {
        mean(self.engaged_ms, self.timed).map(|ms| round(ms / 1_000.0, 1))
    }

    /// How far down the page was seen, 0 to 100.
    pub(crate) fn average_scroll(&self) -> Option<f64> {
        mean(self.scroll, self.scrolled)
    }
}

/// What page views are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Nothing.
    Nothing,
    /// The page.
    Page,
    /// The page, and the page after it.
    Next,
    /// The page, and the operator of the AI crawler.
    Ai,
}

/// The rows that count page views.
#[derive(Clone, Debug)]
pub(crate) struct Pages<'a> {
    ctx: &'a Ctx,
    filters: &'a WebFilters,
    /// Whether only registered content counts.
    content: bool,
    /// Whether what held people longest comes first.
    longest: bool,
    /// Whether what leads nowhere is left out.
    leading: bool,
    pub(crate) frame: Frame<'a>,
}

impl<'a> Pages<'a> {
    /// Page views in a period.
    pub(crate) fn of(
        ctx: &'a Ctx,
        period: &'a PeriodArgs,
        filters: &'a WebFilters,
    ) -> Result<Self> {
        Ok(Self {
            ctx,
            filters,
            content: false,
            longest: false,
            leading: false,
            frame: Frame::of(ctx, period, Grains::All)?,
        })
    }

    /// Those of content alone.
    pub(crate) fn of_content(self) -> Self {
        Self {
            content: true,
            ..self
        }
    }

    /// The same, with what held people longest first.
    pub(crate) fn longest_first(self, longest: bool) -> Self {
        Self { longest, ..self }
    }

    /// The same, without what leads nowhere.
    pub(crate) fn leading_on(self, leading: bool) -> Self {
        Self { leading, ..self }
    }

    /// The same views, step by step.
    pub(crate) fn trend(self, group_by: Option<GroupBy>) -> Result<Self> {
        Ok(Self {
            frame: self.frame.trend(group_by)?,
            ..self
        })
    }

    /// Those of the period of equal length before.
    pub(crate) fn previous(&self) -> Result<Self> {
        Ok(Self {
            frame: self.frame.previous()?,
            ..self.clone()
        })
    }

    /// All together.
    pub(crate) async fn total(&self) -> Result<Viewed> {
        Ok(self
            .sums(By::Nothing, None, 1)
            .await?
            .pop()
            .unwrap_or_default())
    }

    /// The rows that come first.
    pub(crate) async fn by(&self, by: By, limit: i64) -> Result<Vec<Viewed>> {
        self.sums(by, None, limit).await
    }

    /// One page, all steps together.
    pub(crate) async fn page(&self, site: &str, path: &str) -> Result<Viewed> {
        let page = Some((site, path));
        Ok(self
            .sums(By::Nothing, page, 1)
            .await?
            .pop()
            .unwrap_or_default())
    }

    /// One row for each step of a trend, in order, empty ones included.
    pub(crate) async fn by_step(&self, page: Option<(&str, &str)>) -> Result<Vec<Viewed>> {
        let rows = self.sums(By::Nothing, page, i64::from(u32::MAX)).await?;
        Ok(self.frame.by_step(rows, |row| row.step))
    }

    async fn sums(&self, by: By, page: Option<(&str, &str)>, limit: i64) -> Result<Vec<Viewed>> {
        let cube = match by {
            By::Nothing | By::Page => "page",
            By::Next => "next",
            By::Ai => "ai",
        };
        let interval = self.frame.interval();
        let rows = sqlx::query_file_as!(
            Viewed,
            "src/rollup/pages.sql",
            self.ctx.scope.only_agent(),
            &self.frame.windows_with_weeks() as _,
            interval.since,
            interval.until,
            cube,
            self.filters.class.stored() as _,
            &self.filters.sites,
            self.frame.steps(),
            by != By::Nothing,
            page.map(|(site, _)| site),
            page.map(|(_, path)| path),
            self.content,
            limit,
            self.longest,
            self.leading,
        );
        Ok(rows.fetch_all(&self.ctx.pool).await?)
    }
}
