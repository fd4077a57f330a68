//! Requests that did not complete, added up by what went wrong.

use time::OffsetDateTime;

use super::source::Source;
use crate::error::Result;

/// One way in which requests did not complete.
#[derive(Clone, Debug)]
pub(crate) struct Failures {
    pub provider: String,
    pub model: String,
    pub state: String,
    pub http_status: Option<i16>,
    pub error_type: Option<String>,
    pub error_code: Option<String>,
    pub count: i64,
    /// The count of all ways together.
    pub all: i64,
    pub first_at: OffsetDateTime,
    pub last_at: OffsetDateTime,
}

impl Source<'_> {
    /// What went wrong, the most frequent first. The source must be made by
    /// [`Source::errors`].
    pub(crate) async fn failures(&self, limit: i64) -> Result<Vec<Failures>> {
        let rows = sqlx::query_file_as!(
            Failures,
            "src/rollup/errors.sql",
            self.ctx.scope.only_agent(),
            &self.windows_so_far() as _,
            &self.filters.models,
            &self.filters.providers,
            &self.filters.agents,
            &self.filters.users,
            limit,
        );
        Ok(rows.fetch_all(&self.ctx.pool).await?)
    }
}
