//! The currency that amounts are shown in. They are kept in US dollars. Each is
//! converted at the rate of its request's UTC day, which every rollup row lies
//! in, and only the sum is rounded.

use rust_decimal::Decimal;
use systemprompt_config::Costs;
use time::{Date, OffsetDateTime, UtcOffset};

use crate::figures::Amount;

/// What amounts are shown in; US dollars by default.
#[derive(Clone, Debug, Default)]
pub struct Currency(Option<Foreign>);

/// Any other currency.
#[derive(Clone, Debug)]
struct Foreign {
    code: String,
    /// What a US dollar is worth from a day on, the earliest first. Before that
    /// day the first rate holds.
    rates: Vec<(Date, Decimal)>,
}

impl Currency {
    /// The profile's currency with its rates.
    #[must_use]
    pub fn of(costs: &Costs) -> Self {
        if costs.currency == "USD" || costs.exchange_rates.is_empty() {
            return Self(None);
        }
        let rates = costs.exchange_rates.iter();
        let mut rates: Vec<_> = rates
            .map(|rate| (rate.from, rate.usd_to.normalize()))
            .collect();
        rates.sort_unstable();
        Self(Some(Foreign {
            code: costs.currency.clone(),
            rates,
        }))
    }

    /// The three letters of the currency; `None` for US dollars.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.as_ref().map(|foreign| foreign.code.as_str())
    }

    /// What rows that name their unit call an amount.
    pub(crate) const fn unit(&self) -> &'static str {
        if self.0.is_some() { "money" } else { "usd" }
    }

    /// The cost of one request, given in nano-dollars.
    pub(crate) fn convert(&self, nanos: i64, at: OffsetDateTime) -> Decimal {
        self.amount(nanos, at).rounded()
    }

    /// The same, to be added to others before it is rounded.
    pub(crate) fn amount(&self, nanos: i64, at: OffsetDateTime) -> Amount {
        let day = at.to_offset(UtcOffset::UTC).date();
        let rate = self.rates().iter().rev().find(|(from, _)| *from <= day);
        let rate = rate.or_else(|| self.rates().first());
        let rate = rate.map_or(Decimal::ONE, |(_, rate)| *rate);
        Amount::of(nanos, rate)
    }

    /// The rates as statements take them, in order; none for US dollars.
    pub(crate) fn rates_in_order(&self) -> Vec<String> {
        let rates = self.rates().iter();
        rates.map(|(_, rate)| rate.to_string()).collect()
    }

    /// When each rate but the first begins to hold.
    pub(crate) fn changes(&self) -> Vec<OffsetDateTime> {
        let later = self.rates().iter().skip(1);
        later
            .map(|(from, _)| from.midnight().assume_utc())
            .collect()
    }

    fn rates(&self) -> &[(Date, Decimal)] {
        self.0.as_ref().map_or(&[], |foreign| &foreign.rates)
    }
}

#[cfg(test)]
mod tests {
    use systemprompt_config::ExchangeRate;
    use time::macros::{date, datetime};

    use super::*;

    fn currency(code: &str) -> Currency {
        let rate = |from, cents| ExchangeRate {
            from,
            usd_to: Decimal::new(cents, 2),
        };
        Currency::of(&Costs {
            currency: code.to_owned(),
            exchange_rates: vec![
                rate(date!(2026 - 11 - 10), 92),
                rate(date!(2026 - 11 - 01), 90),
            ],
            ..Costs::default()
        })
    }

    #[test]
    fn a_cost_is_converted_at_the_rate_of_its_day() {
        let euros = currency("EUR");
        let dollar = |at| euros.convert(1_000_000_000, at).to_string();
        assert_eq!(dollar(datetime!(2026-11-09 23:59:59.999 UTC)), "0.9");
        assert_eq!(dollar(datetime!(2026-11-10 0:00 UTC)), "0.92");
        assert_eq!(
            dollar(datetime!(2026-11-10 1:00 +2)),
            "0.9",
            "days are of UTC"
        );
        assert_eq!(
            dollar(datetime!(2020-01-01 0:00 UTC)),
            "0.9",
            "before the first"
        );
        assert_eq!(euros.rates_in_order(), ["0.9", "0.92"]);
        assert_eq!(euros.changes(), [datetime!(2026-11-10 0:00 UTC)]);
        assert_eq!((euros.code(), euros.unit()), (Some("EUR"), "money"));
    }

    #[test]
    fn dollars_stay_what_they_are() {
        let dollars = currency("USD");
        let at = datetime!(2026-11-10 0:00 UTC);
        assert_eq!(
            dollars.convert(i64::MAX, at).to_string(),
            "9223372036.854775807"
        );
        assert_eq!((dollars.code(), dollars.unit()), (None, "usd"));
        assert!(dollars.rates_in_order().is_empty() && dollars.changes().is_empty());
    }

    #[test]
    fn what_is_half_goes_to_the_even() {
        let euros = |nanos| {
            let at = datetime!(2026-11-05 0:00 UTC);
            currency("EUR").convert(nanos, at).to_string()
        };
        assert_eq!(euros(5), "0.000000004", "4.5");
        assert_eq!(euros(15), "0.000000014", "13.5");
        assert_eq!(euros(-15), "-0.000000014");
    }
}
