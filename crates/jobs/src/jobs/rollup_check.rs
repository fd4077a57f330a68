//! `rollup_check`: one hour of the totals against what it counts.

use anyhow::bail;
use serde_json::json;
use systemprompt_config as config;
use systemprompt_config::{Jobs, RollupCheck as Parameters};
use systemprompt_notify::Notice;
use systemprompt_storage::check::{check_hour, closed_hours};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::notify;
use crate::job::{Done, Job, Work};

/// An hour is closed when what is late has arrived.
const CLOSED: Duration = Duration::minutes(15);
/// How many differences are told.
const TOLD: usize = 5;

/// `infra db check` reads everything, so nobody runs it often. A random hour a day
/// finds a mistake that is anywhere in a month within weeks, and costs nothing.
pub(crate) struct RollupCheck;

impl Job for RollupCheck {
    const NAME: &'static str = "rollup_check";
    const ABOUT: &'static str = "Compares a closed hour of the totals with what they count";
    type Parameters = Parameters;

    fn settings(jobs: &Jobs) -> &config::Job<Parameters> {
        &jobs.rollup_check
    }

    async fn run(work: &Work, parameters: &Parameters) -> anyhow::Result<Done> {
        let pool = &work.world.upkeep;
        let until = work.run.slot - CLOSED;
        let since = until - Duration::days(parameters.days.into());
        let hours = closed_hours(pool, since, until).await?;
        let Some(hour) = chosen(&hours, work.run.slot) else {
            return Ok(Done::new(
                0,
                format!(
                    "no hour of the last {} days has all its detail",
                    parameters.days
                ),
            ));
        };
        work.tell("compares an hour", json!({ "hour": hour.to_string() }));
        let differences = check_hour(pool, hour).await?;
        if differences.is_empty() {
            return Ok(Done::new(
                1,
                format!("{hour}: every total is the sum of what it counts"),
            ));
        }
        let told: Vec<String> = differences
            .iter()
            .take(TOLD)
            .map(ToString::to_string)
            .collect();
        for difference in &told {
            work.warn(
                "a total is not the sum of what it counts",
                json!({ "row": difference }),
            );
        }
        let found = format!("{hour}: {} rows differ", differences.len());
        let notice = Notice {
            id: Uuid::nil(),
            at: work.world.clock.now(),
            notice: work.run.job.to_owned(),
            title: "Totals do not agree with what they count".to_owned(),
            summary: format!("{found}. systemprompt infra db check compares everything."),
            facts: Vec::new(),
            warning: true,
        };
        notify(work, &parameters.channels, work.run.slot, &notice).await?;
        bail!("{found}: {}", told.join("; "))
    }
}

/// One of the hours, by chance; for the same slot the same, so that an attempt that
/// follows a difference does not look elsewhere.
fn chosen(hours: &[OffsetDateTime], slot: OffsetDateTime) -> Option<OffsetDateTime> {
    // SplitMix64: neighbouring slots choose hours that have nothing in common.
    let mut seed = slot.unix_timestamp().cast_unsigned();
    seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^= seed >> 31;
    let at = seed.checked_rem(hours.len() as u64)?;
    hours.get(usize::try_from(at).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use time::macros::datetime;

    use super::*;

    #[test]
    fn all_hours_have_their_turn() {
        let begin = datetime!(2026-11-01 0:00 UTC);
        let hours: Vec<_> = (0..24).map(|n| begin + Duration::hours(n)).collect();
        let slots = (0..200).map(|n| datetime!(2026-11-02 3:20 UTC) + Duration::days(n));
        let seen: BTreeSet<_> = slots.filter_map(|slot| chosen(&hours, slot)).collect();
        assert_eq!(seen.len(), hours.len());
        assert_eq!(chosen(&hours, begin), chosen(&hours, begin));
        assert_eq!(chosen(&[], begin), None);
    }
}
