//! Requests without a price, by model.

use time::OffsetDateTime;

use super::source::Source;
use crate::error::Result;

/// A model that has requests without a price. Its tokens of both directions
/// include those of its priced requests.
#[derive(Clone, Debug)]
pub(crate) struct Unpriced {
    pub provider: String,
    pub model: String,
    pub unpriced: i64,
    pub unpriced_tokens: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub first_seen: OffsetDateTime,
    pub last_seen: OffsetDateTime,
}

impl Source<'_> {
    /// The models with the most requests without a price. The source must be
    /// told apart by provider and model.
    pub(crate) async fn unpriced(&self, limit: i64) -> Result<Vec<Unpriced>> {
        let rows = sqlx::query_file_as!(
            Unpriced,
            "src/rollup/unpriced.sql",
            self.ctx.scope.only_agent(),
            &self.windows() as _,
            self.usage_cube(),
            &self.filters.models,
            &self.filters.providers,
            &self.filters.agents,
            &self.filters.users,
            limit,
        );
        Ok(rows.fetch_all(&self.ctx.pool).await?)
    }

    /// All requests, whatever they are told apart by.
    pub(crate) async fn total_requests(&self) -> Result<i64> {
        Ok(self.usage().await?.iter().map(|row| row.requests).sum())
    }
}
