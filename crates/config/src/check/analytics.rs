//! The ranges of `analytics`, and what its settings need of each other.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::Checks;
use crate::analytics::{Action, Alert, Analytics, Costs};
use crate::path::key_path;

/// The highest exchange rate and its most decimals: with them every sum up to a
/// hundred billion units of the currency is exact.
const HIGHEST_RATE: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
const RATE_DECIMALS: u32 = 8;

impl Checks<'_> {
    pub(super) fn analytics(&mut self, analytics: &Analytics) {
        let path = key_path!["analytics"];
        if analytics.retention_days == 0 {
            self.refuse(&path.join("retention_days"), "must be at least 1");
        }
        if analytics.audit_retention_days == Some(0) {
            self.refuse(&path.join("audit_retention_days"), "must be at least 1");
        }
        if !(0.0..=1.0).contains(&analytics.sampling_rate) {
            self.refuse(&path.join("sampling_rate"), "must be between 0.0 and 1.0");
        }
        self.costs(&analytics.costs);
        self.exchange_rates(&analytics.costs);
        if !analytics.enabled {
            self.not_paused(&analytics.alerts);
        }
    }

    fn costs(&mut self, costs: &Costs) {
        let path = key_path!["analytics", "costs"];
        let is_code =
            costs.currency.len() == 3 && costs.currency.bytes().all(|b| b.is_ascii_uppercase());
        if !is_code {
            self.refuse(
                &path.join("currency"),
                "must be a three-letter code such as USD or EUR",
            );
        } else if costs.currency != "USD" && costs.exchange_rates.is_empty() {
            let needs = format!(
                "is {}, which needs analytics.costs.exchange_rates",
                costs.currency
            );
            self.refuse(&path.join("currency"), needs);
        }
        for (model, price) in &costs.custom_pricing {
            let rates = [
                ("input_per_1k", Some(price.input_per_1k)),
                ("output_per_1k", Some(price.output_per_1k)),
                ("cache_read_per_1k", price.cache_read_per_1k),
                ("cache_write_per_1k", price.cache_write_per_1k),
            ];
            for (key, rate) in rates {
                if rate.is_some_and(|rate| rate < Decimal::ZERO) {
                    self.refuse(
                        &path.join("custom_pricing").join(model).join(key),
                        "must not be negative",
                    );
                }
            }
        }
    }

    fn exchange_rates(&mut self, costs: &Costs) {
        let path = key_path!["analytics", "costs", "exchange_rates"];
        let mut days = BTreeSet::new();
        for (i, rate) in costs.exchange_rates.iter().enumerate() {
            let usd_to = rate.usd_to.normalize();
            if usd_to <= Decimal::ZERO || usd_to > HIGHEST_RATE {
                let range = format!("must be above 0 and at most {HIGHEST_RATE}");
                self.refuse(&path.join(i).join("usd_to"), range);
            } else if usd_to.scale() > RATE_DECIMALS {
                let finest = format!("must have at most {RATE_DECIMALS} decimals");
                self.refuse(&path.join(i).join("usd_to"), finest);
            }
            if !days.insert(rate.from) {
                let twice = format!("is {}, as another rate's is; a day has one", rate.from);
                self.refuse(&path.join(i).join("from"), twice);
            }
        }
        if costs.currency == "USD" && !days.is_empty() {
            self.warn("analytics.costs.exchange_rates is not needed while the currency is USD");
        }
    }

    /// Budgets that hold nothing back while nothing is counted.
    fn not_paused(&mut self, alerts: &[Alert]) {
        let budgets = alerts
            .iter()
            .filter(|alert| alert.action.contains(&Action::PauseRequests));
        for alert in budgets {
            self.warn(format!(
                "alert {} is to pause requests, but analytics.enabled is false: nothing is counted \
                 and nothing is paused",
                alert.name()
            ));
        }
    }
}
