//! Which slots are due: the arithmetic of schedules, without the database.

use systemprompt_config::{Cron, Missed};
use systemprompt_domain::period::Zone;
use time::{Duration, OffsetDateTime};

/// The most slots of a job that are made up: after a week's absence nobody wants
/// every second of it.
const MOST: usize = 1_000;

/// A slot that is to be skipped when it is missed is in time for so long: servers
/// look every half a minute.
const IN_TIME: Duration = Duration::seconds(90);

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// The slot to run, if there is one.
    pub(super) slot: Option<OffsetDateTime>,
    /// Slots up to and including this are decided by it.
    pub(super) through: OffsetDateTime,
}

/// What is due at `now` of a schedule that is decided up to `through`; `None` if
/// nothing is to be decided.
pub(super) fn due(
    (schedule, zone): (&Cron, &Zone),
    missed: Option<Missed>,
    through: OffsetDateTime,
    now: OffsetDateTime,
) -> Option<Due> {
    let last = schedule
        .last_until(now, zone)
        .filter(|last| *last > through)?;
    let slot = match missed {
        // It is disabled.
        None => None,
        Some(Missed::Last) => Some(last),
        Some(Missed::Skip) => (now - last <= IN_TIME).then_some(last),
        Some(Missed::All) => {
            let before =
                |slot: &OffsetDateTime| schedule.last_until(*slot - Duration::SECOND, zone);
            let slots = std::iter::successors(Some(last), before)
                .take_while(|slot| *slot > through)
                .take(MOST);
            let oldest = slots.last()?;
            return Some(Due {
                slot: Some(oldest),
                through: oldest,
            });
        }
    };
    Some(Due {
        slot,
        through: last,
    })
}

/// The next time after `at` that a job is due.
#[must_use]
pub fn upcoming(schedule: &Cron, zone: &Zone, at: OffsetDateTime) -> Option<OffsetDateTime> {
    schedule.next_after(at, zone)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const THROUGH: OffsetDateTime = datetime!(2026-11-29 12:00 UTC);

    fn at(missed: Option<Missed>, through: OffsetDateTime, now: OffsetDateTime) -> Option<Due> {
        let schedule: Cron = "0 */10 * * * *".parse().expect("a schedule");
        due((&schedule, &Zone::default()), missed, through, now)
    }

    #[test]
    fn nothing_is_due_before_its_time() {
        for missed in [
            None,
            Some(Missed::All),
            Some(Missed::Last),
            Some(Missed::Skip),
        ] {
            assert_eq!(
                at(missed, THROUGH, datetime!(2026-11-29 12:09:59.9 UTC)),
                None
            );
            assert_eq!(at(missed, THROUGH, THROUGH - Duration::HOUR), None);
        }
    }

    #[test]
    fn what_was_missed_is_made_up_as_the_job_says() {
        let now = datetime!(2026-11-29 12:35 UTC);
        let (first, last) = (
            datetime!(2026-11-29 12:10 UTC),
            datetime!(2026-11-29 12:30 UTC),
        );
        let decided = |slot, through| Some(Due { slot, through });
        assert_eq!(
            at(Some(Missed::All), THROUGH, now),
            decided(Some(first), first)
        );
        assert_eq!(
            at(Some(Missed::Last), THROUGH, now),
            decided(Some(last), last)
        );
        assert_eq!(at(Some(Missed::Skip), THROUGH, now), decided(None, last));
        assert_eq!(at(None, THROUGH, now), decided(None, last));
        let soon = last + Duration::MINUTE;
        assert_eq!(
            at(Some(Missed::Skip), THROUGH, soon),
            decided(Some(last), last)
        );
    }

    #[test]
    fn all_are_made_up_in_order_and_none_twice() {
        let now = datetime!(2026-11-29 14:00 UTC);
        let mut through = THROUGH;
        let mut slots = Vec::new();
        while let Some(due) = at(Some(Missed::All), through, now) {
            slots.extend(due.slot);
            through = due.through;
        }
        let expected = (1..=12).map(|n| THROUGH + Duration::minutes(10 * n));
        assert_eq!(slots, expected.collect::<Vec<_>>());
    }

    #[test]
    fn a_long_absence_is_made_up_in_part() {
        let every: Cron = "* * * * * *".parse().expect("a schedule");
        let now = THROUGH + Duration::DAY;
        let due = due((&every, &Zone::default()), Some(Missed::All), THROUGH, now);
        assert_eq!(
            due.and_then(|due| due.slot),
            Some(now - Duration::seconds(999))
        );
    }
}
