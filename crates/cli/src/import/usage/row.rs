//! A row of a provider's export: what it says, what it is known by, and what is stored.

use sha2::{Digest as _, Sha256};
use systemprompt_domain::period::Interval;
use systemprompt_domain::text::bounded;
use systemprompt_domain::{TokenClass, Usage};
use systemprompt_pricing::Catalogue;
use systemprompt_storage::imported::ImportedUsage;
use time::macros::datetime;
use time::{Date, Duration, OffsetDateTime, UtcOffset};

use crate::import::records::Record;
use crate::import::repeats::Repeats;

/// Nothing that is priced happened before.
const FIRST: OffsetDateTime = datetime!(2020-01-01 00:00 UTC);
/// More of anything than a row can be about: a million millions.
const INCREDIBLE: u64 = 1_000_000_000_000;

/// What a provider says was used, of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) period: Interval,
    pub(super) model: String,
    pub(super) user: Option<String>,
    pub(super) key: Option<String>,
    /// The workspace or project.
    pub(super) group: Option<String>,
    pub(super) requests: Option<u64>,
    /// How many tokens of input one of the requests had, as far as that is known.
    pub(super) prompt: u64,
    pub(super) usage: Usage,
}

impl Row {
    /// The row, if it can be true.
    ///
    /// # Errors
    /// Why it cannot.
    pub(super) fn checked(self) -> Result<Self, String> {
        let Interval { since, until } = self.period;
        if since < FIRST || since >= until {
            return Err(format!("it cannot be from {since} to {until}"));
        }
        if until - since > Duration::DAY {
            return Err(format!(
                "it is about more than a day ({since} to {until}): export days or hours"
            ));
        }
        Ok(self)
    }

    /// The UTC days it is about.
    pub(super) fn days(&self) -> [Date; 2] {
        let Interval { since, until } = self.period;
        let day = |at: OffsetDateTime| at.to_offset(UtcOffset::UTC).date();
        [day(since), day(until - Duration::NANOSECOND)]
    }

    /// The same as it is stored. Its id is made of what it says; of rows that say the same,
    /// each has another.
    pub(super) fn priced(
        self,
        source: &'static str,
        repeats: &mut Repeats,
        catalogue: &Catalogue,
    ) -> ImportedUsage {
        let digest = self.digest(source);
        let (key, _) = digest.split_first_chunk::<16>().expect("32 are more");
        let mut id = *key;
        let n = repeats.nth(id);
        if n > 1 {
            let again = Sha256::new()
                .chain_update(digest)
                .chain_update(n.to_be_bytes());
            id.copy_from_slice(&again.finalize()[..16]);
        }
        let name = |text: Option<String>| {
            let text = text.map(|text| bounded(&text));
            text.filter(|text| !text.is_empty())
        };
        let model = bounded(&self.model);
        let (since, prompt) = (self.period.since, self.prompt);
        let cost = catalogue.cost_of_many(source, &model, since, &self.usage, prompt);
        ImportedUsage {
            id: uuid::Builder::from_custom_bytes(id).into_uuid(),
            source,
            period: self.period,
            provider: source.to_owned(),
            model,
            agent: name(self.key.or(self.group)),
            user: name(self.user),
            requests: self.requests,
            prompt,
            usage: self.usage,
            price_version: cost.as_ref().map(|cost| cost.price_version.clone()),
            cost: cost.map(|cost| cost.total),
        }
    }

    fn digest(&self, source: &str) -> [u8; 32] {
        let Self {
            period,
            model,
            user,
            key,
            group,
            requests,
            prompt,
            usage,
        } = self;
        let mut hash = Sha256::new();
        // Each with its length, so that nothing can pass for its neighbour.
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        };
        add(source);
        add(model);
        for text in [
            user,
            key,
            group,
            &usage.service_tier,
            &usage.speed,
            &usage.region,
        ] {
            add(text.as_deref().unwrap_or_default());
        }
        for (kind, n) in &usage.calls {
            add(&format!("{kind}={n}"));
        }
        let times = [period.since, period.until].map(OffsetDateTime::unix_timestamp);
        let numbers = [requests.map_or(-1, u64::cast_signed), prompt.cast_signed()];
        let tokens = TokenClass::ALL.map(|class| usage.tokens.get(class).cast_signed());
        for number in times.iter().chain(&numbers).chain(&tokens) {
            hash.update(number.to_be_bytes());
        }
        hash.finalize().into()
    }
}

/// A number that may not be there, which is 0.
///
/// # Errors
/// When it is none, or more than can be.
pub(super) fn number(record: &Record, name: &str) -> Result<u64, String> {
    let Some(value) = record.get(&[name]) else {
        return Ok(0);
    };
    let n = record
        .count(&[name])
        .ok_or_else(|| format!("its {name} ({value}) is no number"))?;
    match n < INCREDIBLE {
        true => Ok(n),
        false => Err(format!("its {name} ({n}) is more than can be")),
    }
}

#[cfg(test)]
mod tests {
    use systemprompt_domain::Tokens;

    use super::*;

    fn row() -> Row {
        let since = datetime!(2026-03-04 00:00 UTC);
        Row {
            period: Interval {
                since,
                until: since + Duration::DAY,
            },
            model: "claude-haiku-4-5".to_owned(),
            user: None,
            key: Some("a".to_owned()),
            group: Some("b".to_owned()),
            requests: None,
            prompt: 0,
            usage: Usage {
                tokens: Tokens {
                    input: 1,
                    ..Tokens::default()
                },
                ..Usage::default()
            },
        }
    }

    #[test]
    fn whatever_differs_has_another_id() {
        type Change = fn(&mut Row);
        let changes: [Change; 9] = [
            |_| (),
            |row| row.period.until -= Duration::HOUR,
            |row| row.model.push('x'),
            |row| row.user = Some("u".to_owned()),
            |row| (row.key, row.group) = (Some("ab".to_owned()), Some(String::new())),
            |row| row.requests = Some(0),
            |row| row.prompt = 200_001,
            |row| (row.usage.tokens.input, row.usage.tokens.output) = (0, 1),
            |row| row.usage.service_tier = Some("batch".to_owned()),
        ];
        let id = |change: &Change| {
            let mut row = row();
            change(&mut row);
            row.priced("anthropic", &mut Repeats::default(), Catalogue::builtin())
                .id
        };
        let ids: std::collections::HashSet<_> = changes.iter().map(id).collect();
        assert_eq!(ids.len(), changes.len());
        let mut repeats = Repeats::default();
        let twice: std::collections::HashSet<_> = (0..2)
            .map(|_| {
                row()
                    .priced("anthropic", &mut repeats, Catalogue::builtin())
                    .id
            })
            .collect();
        assert_eq!(twice.len(), 2, "there were two of them");
        assert!(
            twice.contains(&id(&changes[0])),
            "the first is as it always is"
        );
    }

    #[test]
    fn a_day_is_one_day() {
        assert_eq!(row().checked(), Ok(row()));
        let [first, last] = row().days();
        assert_eq!(first, last);
        let mut long = row();
        long.period.until += Duration::SECOND;
        assert!(long.clone().checked().is_err());
        assert_ne!(long.days()[0], long.days()[1]);
        long.period.until = long.period.since;
        assert!(long.checked().is_err());
    }
}
