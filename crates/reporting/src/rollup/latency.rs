//! Latency percentiles, read from histograms that add up.

use std::collections::BTreeMap;

use systemprompt_domain::histogram::quantile;

use super::source::Source;
use crate::error::Result;
use crate::figures::millis;

/// Latencies as `(slot, count)`, in ascending order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram(Vec<(i16, i64)>);

impl Histogram {
    /// Adds a slot that is beyond all others.
    pub(super) fn push(&mut self, slot: i16, n: i64) {
        self.0.push((slot, n));
    }

    /// A quantile (0 to 1) in milliseconds, within 2.2 %; `None` of nothing.
    pub(crate) fn quantile_ms(&self, q: f64) -> Option<f64> {
        quantile(&self.0, q).map(millis)
    }
}

/// Histograms by step, provider, model and agent, as far as they were asked
/// for; what was not is 0 or empty.
#[derive(Debug, Default)]
pub(crate) struct Histograms(BTreeMap<(i32, String, String, String), Histogram>);

impl Histograms {
    /// The histogram that belongs to a row of usage.
    pub(crate) fn of(&self, usage: &super::Usage) -> Histogram {
        let key = (
            usage.step,
            usage.provider.clone(),
            usage.model.clone(),
            usage.agent.clone(),
        );
        self.0.get(&key).cloned().unwrap_or_default()
    }
}

impl Source<'_> {
    /// The histograms of completed requests; none where users are told apart.
    pub(crate) async fn latency(&self) -> Result<Histograms> {
        let mut histograms = Histograms::default();
        if !self.has_latency() {
            return Ok(histograms);
        }
        let rows = sqlx::query_file!(
            "src/rollup/latency.sql",
            self.ctx.scope.only_agent(),
            &self.windows_so_far() as _,
            self.usage_cube(),
            &self.filters.models,
            &self.filters.providers,
            &self.filters.agents,
            self.steps(),
            &self.dimensions(),
        );
        for row in rows.fetch_all(&self.ctx.pool).await? {
            let key = (row.step, row.provider, row.model, row.agent);
            histograms
                .0
                .entry(key)
                .or_default()
                .0
                .push((row.slot, row.n));
        }
        Ok(histograms)
    }
}
