//! Spend by one dimension, the largest first.

use super::source::{Dimension, Source};
use crate::error::Result;
use crate::figures::{Amount, Spent};

/// What one model, agent, provider or user spent.
#[derive(Clone, Debug)]
pub(crate) struct Spend {
    /// Empty where it is not known.
    pub name: String,
    pub requests: i64,
    /// What the priced requests cost.
    pub priced: Amount,
    /// The same of all names, the ones beyond the limit included.
    pub all_priced: Amount,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub unpriced: i64,
    pub unpriced_tokens: i64,
}

impl Spend {
    /// What the requests cost, in the currency of the profile.
    pub(crate) const fn spent(&self) -> Spent {
        // Of imported usage the tokens may be all that is known.
        Spent::of(self.priced, self.unpriced + self.unpriced_tokens)
    }
}

/// What spend is sorted by, the largest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Cost,
    Requests,
    Tokens,
}

impl Order {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Requests => "requests",
            Self::Tokens => "tokens",
        }
    }
}

impl Source<'_> {
    /// The largest spenders. The source must be told apart by `dimension`.
    pub(crate) async fn spend(
        &self,
        dimension: Dimension,
        order: Order,
        limit: i64,
    ) -> Result<Vec<Spend>> {
        let currency = &self.ctx.settings.currency;
        let rows = sqlx::query_file_as!(
            Spend,
            "src/rollup/spend.sql",
            self.ctx.scope.only_agent(),
            &self.windows_so_far() as _,
            self.usage_cube(),
            &self.filters.models,
            &self.filters.providers,
            &self.filters.agents,
            &self.filters.users,
            dimension.as_str(),
            order.as_str(),
            limit,
            &currency.rates_in_order(),
            &currency.changes(),
        );
        Ok(rows.fetch_all(&self.ctx.pool).await?)
    }
}
