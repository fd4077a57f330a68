//! What is told, whatever the channel, and how it reads.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use systemprompt_domain::period::Zone;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

use crate::amount::{Unit, percent};
use crate::escape::one_line;

/// The kind of a message that only tries a channel.
const TEST: &str = "test";

/// Said under every message.
pub(crate) const WHERE_TO_LOOK: &str = "`systemprompt alerts status` shows where things stand.";

const MINUTE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]");

/// What an alert has to tell. It waits for its delivery in this form, and a web
/// hook receives it with `subject` and `text` beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Stays the same however often it is sent: receivers know duplicates by it.
    pub id: Uuid,
    /// When the threshold was reached.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The alert's name.
    pub alert: String,
    /// What the alert watches, as the profile calls it: `daily_cost`; or `test`.
    pub kind: String,
    /// Whose requests count, such as `agent scout`; everybody's if absent.
    pub scope: Option<String>,
    /// The period the value belongs to, for alerts that have one.
    pub period: Option<Period>,
    /// The part of the threshold that was reached: 0.8 for 80 %.
    pub share: Decimal,
    /// The threshold.
    pub threshold: Decimal,
    /// The value that was measured.
    pub value: Decimal,
    /// What threshold and value count.
    pub unit: Unit,
    /// The time zone in which people read the times, by its IANA name.
    pub timezone: String,
    /// Until when new requests are refused, if they are.
    #[serde(with = "time::serde::rfc3339::option")]
    pub paused_until: Option<OffsetDateTime>,
}

/// A half-open interval of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// The first moment that belongs to it.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// The first moment that does not.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
}

impl Message {
    /// A message that only shows that a channel works.
    #[must_use]
    pub fn test(now: OffsetDateTime) -> Self {
        Self {
            id: Uuid::now_v7(),
            at: now,
            alert: TEST.to_owned(),
            kind: TEST.to_owned(),
            scope: None,
            period: None,
            share: Decimal::ONE,
            threshold: Decimal::ZERO,
            value: Decimal::ZERO,
            unit: Unit::Usd,
            timezone: "UTC".to_owned(),
            paused_until: None,
        }
    }

    /// One line: which alert, how much, whose. Nothing in it can end a header.
    #[must_use]
    pub fn subject(&self) -> String {
        if self.is_test() {
            return "systemprompt: test message".to_owned();
        }
        let scope = self.scope.as_deref().map(one_line);
        let scope = scope.map_or_else(String::new, |scope| format!(" ({scope})"));
        format!("systemprompt: {}{scope}", self.headline())
    }

    /// The whole message for people: what, how much, which period, what happens
    /// next, where to look.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = if self.is_test() {
            "This is a test.\n\n".to_owned()
        } else {
            format!("{}.\n\n", self.headline())
        };
        for (name, value) in self.facts() {
            text.push_str(&format!("{name}: {value}\n"));
        }
        format!("{text}\n{}\n\n{WHERE_TO_LOOK}", self.consequence())
    }

    pub(crate) fn is_test(&self) -> bool {
        self.kind == TEST
    }

    /// Whether the threshold itself was reached, not only a part of it.
    pub(crate) fn is_over(&self) -> bool {
        self.share >= Decimal::ONE
    }

    /// What was reached.
    fn headline(&self) -> String {
        let threshold = self.unit.exact(self.threshold);
        let alert = one_line(&self.alert);
        if self.share == Decimal::ONE {
            format!("{alert} reached {threshold}")
        } else {
            format!("{alert} reached {} of {threshold}", percent(self.share))
        }
    }

    /// Names and values of what there is to know.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let zone: Zone = self.timezone.parse().unwrap_or_default();
        if self.is_test() {
            return vec![("Sent", moment(self.at, &zone))];
        }
        let kind = one_line(&self.kind);
        let mut facts = Vec::new();
        if self.alert != self.kind {
            facts.push(("Watches", kind));
        }
        facts.push((
            "Measured",
            format!(
                "{} of {}",
                self.unit.measured(self.value),
                self.unit.exact(self.threshold)
            ),
        ));
        let everybody = || "all requests".to_owned();
        facts.push((
            "Counts",
            self.scope.as_deref().map_or_else(everybody, one_line),
        ));
        if let Some(Period { since, until }) = self.period {
            let since = local(since, &zone);
            facts.push(("Period", format!("{since} to {}", moment(until, &zone))));
        }
        facts.push(("Reached", moment(self.at, &zone)));
        facts
    }

    /// What happens next.
    pub(crate) fn consequence(&self) -> String {
        if self.is_test() {
            return "Alerts will arrive here.".to_owned();
        }
        match self.paused_until {
            Some(until) => {
                let zone: Zone = self.timezone.parse().unwrap_or_default();
                let whose = if self.scope.is_some() {
                    " it counts"
                } else {
                    ""
                };
                let until = moment(until, &zone);
                format!(
                    "Paused: new requests{whose} are refused until {until}. \
                     `systemprompt alerts resume` lets them through before that."
                )
            }
            None => "Nothing is paused: requests go on.".to_owned(),
        }
    }
}

/// A moment as the zone's clocks show it, and the zone.
fn moment(at: OffsetDateTime, zone: &Zone) -> String {
    format!("{} {zone}", local(at, zone))
}

fn local(at: OffsetDateTime, zone: &Zone) -> String {
    let offset = i32::try_from(zone.offset_seconds(at)).ok();
    let offset = offset.and_then(|seconds| UtcOffset::from_whole_seconds(seconds).ok());
    // At the calendar's very end a zone's clocks may leave it.
    let shown = at
        .checked_to_offset(offset.unwrap_or(UtcOffset::UTC))
        .unwrap_or(at);
    shown.format(MINUTE).expect("every moment has these parts")
}
