//! Audit events, added up.

use systemprompt_domain::period::Grains;

use super::frame::Frame;
use super::span::{Span, span};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{AuditFilters, PeriodArgs, names};

/// How often one kind of event happened.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub category: String,
    pub event: String,
    pub events: i64,
}

/// The audit events of a period. They are counted by agent; counts by user or
/// trace read the events.
#[derive(Clone, Debug)]
pub(crate) struct Trail<'a> {
    ctx: &'a Ctx,
    filters: &'a AuditFilters,
    pub(crate) frame: Frame<'a>,
}

impl<'a> Trail<'a> {
    pub(crate) fn of(
        ctx: &'a Ctx,
        period: &'a PeriodArgs,
        filters: &'a AuditFilters,
    ) -> Result<Self> {
        Ok(Self {
            ctx,
            filters,
            frame: Frame::of(ctx, period, Grains::All)?,
        })
    }

    /// The events of the period of equal length before.
    pub(crate) fn previous(&self) -> Result<Self> {
        Ok(Self {
            frame: self.frame.previous()?,
            ..self.clone()
        })
    }

    /// All kinds of events that happened, the most frequent first.
    pub(crate) async fn happened(&self) -> Result<Vec<Happened>> {
        if self.filters.users.is_empty() && self.filters.trace.is_none() {
            self.counted().await
        } else {
            self.read().await
        }
    }

    async fn counted(&self) -> Result<Vec<Happened>> {
        let rows = sqlx::query_file_as!(
            Happened,
            "src/rollup/audit.sql",
            self.ctx.scope.only_agent(),
            &self.frame.windows_so_far() as _,
            &names(&self.filters.categories),
            &self.filters.events,
            &self.filters.agents,
        );
        Ok(rows.fetch_all(&self.ctx.pool).await?)
    }

    async fn read(&self) -> Result<Vec<Happened>> {
        let interval = self.frame.interval();
        let Some(Span { first, last }) = span(self.ctx, interval, self.filters).await? else {
            return Ok(Vec::new());
        };
        let rows = sqlx::query_file_as!(
            Happened,
            "src/rollup/audit_rows.sql",
            self.ctx.scope.only_agent(),
            interval.since,
            interval.until,
            &names(&self.filters.categories),
            &self.filters.events,
            &self.filters.users,
            &self.filters.agents,
            self.filters.trace,
            first,
            last,
        );
        Ok(rows.fetch_all(&self.ctx.pool).await?)
    }
}
