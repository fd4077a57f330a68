//! The time zone and the currency that an answer is written in.

use crate::query::Answer;
use rust_decimal::Decimal;
use serde_json::Value;
use systemprompt_domain::period::Zone;

use super::figure;

/// How an answer writes moments and money.
#[derive(Debug, Default)]
pub struct Locale {
    /// The time zone that moments are shown in.
    pub zone: Zone,
    /// The currency's three letters; `None` for US dollars.
    currency: Option<String>,
    /// Whether amounts are written to their last digit.
    exact: bool,
}

impl Locale {
    /// The zone and the currency that the answer states.
    pub fn of(answer: &Answer<Value>) -> Self {
        let period = answer.period.as_ref();
        Self {
            // The name was parsed to ask for the answer.
            zone: period
                .and_then(|period| period.timezone.parse().ok())
                .unwrap_or_default(),
            currency: answer.currency.clone(),
            exact: false,
        }
    }

    /// The zone of a report and its currency: amounts are checked against bills, so
    /// they are written to their last digit.
    pub(crate) fn exact(zone: Zone, currency: Option<String>) -> Self {
        Self {
            zone,
            currency,
            exact: true,
        }
    }

    /// The decimals of an amount, if `suits` are those of its neighbours.
    pub(super) fn decimals(&self, amount: Decimal, suits: u32) -> u32 {
        match self.exact {
            true => amount.normalize().scale().max(2),
            false => suits,
        }
    }

    /// An amount with its currency: `$1.50`, `EUR 1.38`.
    pub fn money(&self, amount: Decimal, decimals: u32) -> String {
        let dollars = figure::money(amount, self.decimals(amount, decimals));
        match &self.currency {
            Some(code) => dollars.replacen('$', &format!("{code} "), 1),
            None => dollars,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_currencies_stand_by_their_letters() {
        let mut answer = Answer::of(Vec::new());
        let amount = Decimal::new(-12_345, 1);
        assert_eq!(Locale::of(&answer).money(amount, 2), "-$1,234.50");
        answer.currency = Some("EUR".to_owned());
        assert_eq!(Locale::of(&answer).money(amount, 2), "-EUR 1,234.50");
    }
}
