//! The time zone and the currency that an answer is written in.
//!
//! Amounts are kept in US dollars. They are converted for people only, and only
//! where one exchange rate held for the whole period: then a converted sum is
//! the sum of what was converted. JSON and files keep the dollars.

use rust_decimal::Decimal;
use systemprompt_config::Costs;
use systemprompt_domain::period::Zone;
use systemprompt_reporting::PeriodUsed;
use time::{Date, OffsetDateTime, UtcOffset};

use super::figure;

/// How an answer writes moments and money.
#[derive(Debug, Default)]
pub(crate) struct Locale {
    pub(crate) zone: Zone,
    currency: Option<Currency>,
    /// Why amounts are not in the currency that was asked for.
    pub(crate) remark: Option<String>,
}

/// A currency other than the US dollar.
#[derive(Debug)]
struct Currency {
    code: String,
    /// What a US dollar is worth.
    rate: Decimal,
}

impl Locale {
    /// The zone of the answer, and the profile's currency where it has a rate.
    pub(crate) fn of(period: Option<&PeriodUsed>, costs: &Costs) -> Self {
        // The name was parsed to ask for the answer.
        let zone = period
            .and_then(|period| period.timezone.parse().ok())
            .unwrap_or_default();
        let code = &costs.currency;
        let rate = match period {
            _ if code == "USD" => {
                return Self {
                    zone,
                    ..Self::default()
                };
            }
            Some(period) => rate_for(period, costs),
            None => Err("it covers no period"),
        };
        match rate {
            Ok(rate) => Self {
                zone,
                currency: Some(Currency {
                    code: code.clone(),
                    rate,
                }),
                remark: None,
            },
            Err(reason) => Self {
                zone,
                currency: None,
                remark: Some(format!("Amounts are in US dollars, not {code}: {reason}.")),
            },
        }
    }

    /// An amount of US dollars in the answer's currency.
    pub(crate) fn convert(&self, usd: Decimal) -> Decimal {
        let converted = self
            .currency
            .as_ref()
            .and_then(|currency| usd.checked_mul(currency.rate));
        // Finer than a nano-unit nothing is kept.
        converted.map_or(usd, |amount| amount.round_dp(9))
    }

    /// A converted amount with its currency: `$1.50`, `EUR 1.38`.
    pub(crate) fn money(&self, amount: Decimal, decimals: u32) -> String {
        let dollars = figure::money(amount, decimals);
        match &self.currency {
            Some(currency) => dollars.replacen('$', &format!("{} ", currency.code), 1),
            None => dollars,
        }
    }
}

/// The one rate of a period.
fn rate_for(period: &PeriodUsed, costs: &Costs) -> Result<Decimal, &'static str> {
    let day = |at: OffsetDateTime| at.to_offset(UtcOffset::UTC).date();
    let since = day(period.since.0);
    // The end is the first moment that is not part of it.
    let last = day(period.until.0 - time::Duration::NANOSECOND);
    let rate =
        rate_on(since, costs).ok_or("there is no exchange rate for the beginning of the period")?;
    let rates = &costs.exchange_rates;
    let changes = rates
        .iter()
        .any(|other| other.from > since && other.from <= last && other.usd_to != rate);
    if changes {
        Err("the exchange rate changes within the period")
    } else {
        Ok(rate)
    }
}

fn rate_on(day: Date, costs: &Costs) -> Option<Decimal> {
    let begun = costs.exchange_rates.iter().filter(|rate| rate.from <= day);
    begun.max_by_key(|rate| rate.from).map(|rate| rate.usd_to)
}

#[cfg(test)]
mod tests {
    use systemprompt_config::ExchangeRate;
    use time::macros::{date, datetime};

    use super::*;

    fn locale(since: OffsetDateTime, until: OffsetDateTime) -> Locale {
        let rate = |from, cents| ExchangeRate {
            from,
            usd_to: Decimal::new(cents, 2),
        };
        let costs = Costs {
            currency: "EUR".to_owned(),
            exchange_rates: vec![
                rate(date!(2026 - 11 - 10), 92),
                rate(date!(2026 - 11 - 01), 90),
            ],
            ..Costs::default()
        };
        let period = PeriodUsed {
            since: since.into(),
            until: until.into(),
            timezone: "UTC".to_owned(),
        };
        Locale::of(Some(&period), &costs)
    }

    #[test]
    fn one_rate_converts() {
        let one = Decimal::ONE;
        let before = locale(
            datetime!(2026-11-02 0:00 UTC),
            datetime!(2026-11-10 0:00 UTC),
        );
        assert_eq!(before.money(before.convert(one), 2), "EUR 0.90");
        let after = locale(
            datetime!(2026-11-10 0:00 UTC),
            datetime!(2026-11-30 0:00 UTC),
        );
        assert_eq!(after.money(after.convert(-one), 2), "-EUR 0.92");
        assert_eq!(Locale::default().money(one, 2), "$1.00");
    }

    #[test]
    fn without_one_rate_dollars_stay_dollars_and_say_so() {
        for (since, until, reason) in [
            (
                datetime!(2026-11-09 0:00 UTC),
                datetime!(2026-11-11 0:00 UTC),
                "the exchange rate changes within the period",
            ),
            (
                datetime!(2026-10-31 0:00 UTC),
                datetime!(2026-11-02 0:00 UTC),
                "there is no exchange rate for the beginning of the period",
            ),
        ] {
            let locale = locale(since, until);
            assert_eq!(locale.money(locale.convert(Decimal::ONE), 2), "$1.00");
            assert_eq!(
                locale.remark,
                Some(format!("Amounts are in US dollars, not EUR: {reason}."))
            );
        }
    }
}
