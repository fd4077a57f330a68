//! Where one session ends and the next begins.

use proptest::prelude::*;
use systemprompt_web::{Cut, Sessions, Span};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const START: OffsetDateTime = datetime!(2026-03-01 23:50 UTC);

/// The sessions of one visitor's events at these offsets, in arrival order.
fn sessions(offsets: &[Duration]) -> Vec<u64> {
    let mut sessions = Sessions::default();
    offsets
        .iter()
        .map(|offset| sessions.assign("visitor", START + *offset).0.0)
        .collect()
}

fn minutes(n: i64) -> Duration {
    Duration::minutes(n)
}

#[test]
fn thirty_minutes_of_silence_end_a_session() {
    let gap = |gap| sessions(&[Duration::ZERO, gap]);
    assert_eq!(gap(minutes(30) - Duration::SECOND), [0, 0]);
    assert_eq!(gap(minutes(30)), [0, 0]);
    assert_eq!(gap(minutes(30) + Duration::SECOND), [0, 1]);
}

#[test]
fn midnight_ends_none() {
    assert_eq!(
        sessions(&[minutes(0), minutes(9), minutes(11), minutes(40)]),
        [0, 0, 0, 0]
    );
}

#[test]
fn a_day_ends_any() {
    let events: Vec<_> = (0..=60).map(|i| minutes(25 * i)).collect();
    let found = sessions(&events);
    // 57 steps of 25 minutes are 23 h 45 min; the next one is past the day.
    assert_eq!(found[57], 0);
    assert_eq!(found[58], 1);
    assert_eq!(found[60], 1);
}

#[test]
fn a_late_event_joins_within_the_gap() {
    // Arrived last, happened first.
    assert_eq!(sessions(&[minutes(100), minutes(80)]), [0, 0]);
    assert_eq!(sessions(&[minutes(100), minutes(69)]), [0, 1]);
    // In the middle of a session.
    assert_eq!(
        sessions(&[minutes(0), minutes(20), minutes(40), minutes(30)]),
        [0, 0, 0, 0]
    );
}

#[test]
fn sessions_never_merge() {
    // Between two sessions, near both: it joins the later one, and the earlier stays.
    let mut all = Sessions::default();
    assert_eq!(all.assign(1, START).0.0, 0);
    assert_eq!(all.assign(1, START + minutes(50)).0.0, 1);
    assert_eq!(all.assign(1, START + minutes(25)).0.0, 1);
    assert_eq!(all.assign(1, START - minutes(6)).0.0, 0);
    let closed = all.close(START + minutes(200));
    assert_eq!(closed.len(), 2);
}

#[test]
fn visitors_are_apart() {
    let mut all = Sessions::default();
    assert_eq!(all.assign("a", START), all_zero());
    let (second, new) = all.assign("b", START);
    assert_eq!((second.0, new), (1, true));
    let (again, new) = all.assign("a", START + minutes(1));
    assert_eq!((again.0, new), (0, false));
}

fn all_zero() -> (systemprompt_web::SessionNo, bool) {
    (systemprompt_web::SessionNo(0), true)
}

/// The ends of time are times like any other.
#[test]
fn the_ends_of_time_break_nothing() {
    let mut all = Sessions::default();
    for at in [
        datetime!(9999-12-31 23:59:59 UTC),
        datetime!(-9999-01-01 0:00 UTC),
    ] {
        assert!(all.assign((), at).1);
        assert!(!all.assign((), at).1);
    }
    assert_eq!(all.close(datetime!(9999-12-31 23:59:59 UTC)).len(), 1);
}

#[test]
fn closing_forgets_only_what_is_over() {
    let mut all = Sessions::default();
    all.assign("a", START);
    all.assign("b", START + minutes(20));
    let closed = all.close(START + minutes(31));
    assert_eq!(closed, [(systemprompt_web::SessionNo(0), Span::at(START))]);
    assert!(!all.assign("b", START + minutes(40)).1);
    assert!(all.assign("a", START + minutes(40)).1);
}

proptest! {
    /// In time order, sessions are exactly what is cut at gaps and at a day.
    #[test]
    fn in_order_it_is_the_simple_rule(gaps in prop::collection::vec(0_i64..3_600, 1..80)) {
        let cut = Cut::default();
        let mut at = START;
        let mut all = Sessions::default();
        let (mut expected, mut span) = (0, None::<Span>);
        for gap in gaps {
            at += Duration::seconds(gap);
            span = Some(match span {
                Some(open) if at - open.last <= cut.gap && at - open.first <= cut.longest => open.with(at),
                Some(_) => { expected += 1; Span::at(at) }
                None => Span::at(at),
            });
            prop_assert_eq!(all.assign((), at).0.0, expected);
        }
    }

    /// Whatever the order, no session is longer than a day, and no two events of
    /// a session lie further apart than the gap without one between them.
    #[test]
    fn in_any_order_sessions_hold_together(offsets in prop::collection::vec(0_i64..400_000, 1..120)) {
        let cut = Cut::default();
        let mut all = Sessions::default();
        let mut members: std::collections::BTreeMap<u64, Vec<i64>> = Default::default();
        for offset in offsets {
            let (no, _) = all.assign((), START + Duration::seconds(offset));
            members.entry(no.0).or_default().push(offset);
        }
        for mut times in members.into_values() {
            times.sort_unstable();
            let length = times[times.len() - 1] - times[0];
            prop_assert!(Duration::seconds(length) <= cut.longest);
            for pair in times.windows(2) {
                prop_assert!(Duration::seconds(pair[1] - pair[0]) <= cut.gap);
            }
        }
    }
}
