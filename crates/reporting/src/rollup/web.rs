//! Sessions of web sites, added up: those that are over from the rollups, those
//! under way as they look so far.

use systemprompt_domain::period::Grains;

use super::frame::Frame;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::{mean, ratio, round};
use crate::params::{GroupBy, PeriodArgs, WebFilters};

/// Sessions added up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    /// Which step of a trend, from 1; 0 without steps.
    pub step: i32,
    /// The class, where classes were asked for.
    pub class: String,
    pub d1: String,
    pub d2: String,
    pub d3: String,
    pub sessions: i64,
    /// Different visitors a UTC day, added up.
    pub visitors: i64,
    /// With ten engaged seconds or two pages.
    pub engaged: i64,
    /// With an engagement event.
    pub tracked: i64,
    pub events: i64,
    pub pages: i64,
    pub requests: i64,
    pub engaged_ms: i64,
    pub scrolled: i64,
    pub scroll: i64,
    pub clicks: i64,
    pub duration_ms: i64,
    /// Those of all rows of the step, whether they are shown or not.
    pub all_sessions: i64,
}

impl Sessions {
    /// The part of sessions that were engaged.
    pub(crate) fn engaged_share(&self) -> Option<f64> {
        ratio(self.engaged, self.sessions)
    }

    /// The part of all sessions that these are.
    pub(crate) fn share(&self) -> Option<f64> {
        ratio(self.sessions, self.all_sessions)
    }

    /// Engaged seconds to a session of which engagement was reported.
    pub(crate) fn average_engaged_seconds(&self) -> Option<f64> {
        mean(self.engaged_ms, self.tracked).map(|ms| round(ms / 1_000.0, 1))
    }

    /// Seconds from the first event to the last.
    pub(crate) fn average_duration_seconds(&self) -> Option<f64> {
        mean(self.duration_ms, self.sessions).map(|ms| round(ms / 1_000.0, 1))
    }

    /// Pages to a session.
    pub(crate) fn average_pages(&self) -> Option<f64> {
        mean(self.pages, self.sessions)
    }

    /// How far down pages were seen, 0 to 100.
    pub(crate) fn average_scroll(&self) -> Option<f64> {
        mean(self.scroll, self.scrolled)
    }
}

/// What sessions are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cube {
    /// Nothing.
    Total,
    /// Kind and name of the bot.
    Bot,
    /// Channel, source and referrer.
    Source,
    /// Country and region.
    Geo,
    /// Device, browser and system.
    Device,
}

/// Which dimensions of a cube are told apart.
pub(crate) type Kept = [bool; 3];

/// All of them.
pub(crate) const ALL: Kept = [true; 3];

impl Cube {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Bot => "bot",
            Self::Source => "source",
            Self::Geo => "geo",
            Self::Device => "device",
        }
    }
}

/// The rows that count sessions.
#[derive(Clone, Debug)]
pub(crate) struct Visits<'a> {
    ctx: &'a Ctx,
    filters: &'a WebFilters,
    pub(crate) frame: Frame<'a>,
}

impl<'a> Visits<'a> {
    /// Sessions that began in a period.
    pub(crate) fn of(
        ctx: &'a Ctx,
        period: &'a PeriodArgs,
        filters: &'a WebFilters,
    ) -> Result<Self> {
        Ok(Self {
            ctx,
            filters,
            frame: Frame::of(ctx, period, Grains::All)?,
        })
    }

    /// The same sessions, step by step.
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
    pub(crate) async fn total(&self) -> Result<Sessions> {
        Ok(self
            .sums(Cube::Total, ALL, false, 1)
            .await?
            .pop()
            .unwrap_or_default())
    }

    /// One row for each class that there was.
    pub(crate) async fn by_class(&self) -> Result<Vec<Sessions>> {
        self.sums(Cube::Total, ALL, true, 100).await
    }

    /// The rows with the most sessions, by these dimensions of a cube.
    pub(crate) async fn by(&self, cube: Cube, kept: Kept, limit: i64) -> Result<Vec<Sessions>> {
        self.sums(cube, kept, false, limit).await
    }

    /// The same by all dimensions, and by class.
    pub(crate) async fn by_with_class(&self, cube: Cube, limit: i64) -> Result<Vec<Sessions>> {
        self.sums(cube, ALL, true, limit).await
    }

    /// One row for each step of a trend, in order, empty ones included.
    pub(crate) async fn by_step(&self) -> Result<Vec<Sessions>> {
        let rows = self
            .sums(Cube::Total, ALL, false, i64::from(u32::MAX))
            .await?;
        Ok(self.frame.by_step(rows, |row| row.step))
    }

    async fn sums(
        &self,
        cube: Cube,
        kept: Kept,
        by_class: bool,
        limit: i64,
    ) -> Result<Vec<Sessions>> {
        let interval = self.frame.interval();
        let rows = sqlx::query_file_as!(
            Sessions,
            "src/rollup/web.sql",
            self.ctx.scope.only_agent(),
            &self.frame.windows_so_far() as _,
            interval.since,
            interval.until,
            cube.as_str(),
            self.filters.class.stored() as _,
            &self.filters.sites,
            self.frame.steps(),
            by_class,
            limit,
            &kept[..],
        );
        Ok(rows.fetch_all(&self.ctx.pool).await?)
    }
}
