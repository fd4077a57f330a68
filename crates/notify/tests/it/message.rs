//! What messages say, word by word.

use systemprompt_notify::{Message, Unit};
use time::macros::datetime;

use super::{budget, hostile};

#[test]
fn a_warning_reads_like_this() {
    let message = budget();
    assert_eq!(
        message.subject(),
        "systemprompt: daily_cost reached 80 % of $100"
    );
    assert_eq!(
        message.text(),
        "\
daily_cost reached 80 % of $100.

Measured: $80.12 of $100
Counts: all requests
Period: 2026-11-24 00:00 to 2026-11-25 00:00 Europe/Berlin
Reached: 2026-11-24 15:03 Europe/Berlin

Nothing is paused: requests go on.

`systemprompt alerts status` shows where things stand."
    );
}

#[test]
fn a_pause_reads_like_this() {
    let message = Message {
        alert: "scout's month".to_owned(),
        kind: "monthly_cost".to_owned(),
        scope: Some("agent scout".to_owned()),
        share: 1.into(),
        threshold: 1_000.into(),
        value: "1000.0071".parse().unwrap(),
        timezone: "UTC".to_owned(),
        period: None,
        paused_until: Some(datetime!(2026-12-01 00:00 UTC)),
        ..budget()
    };
    assert_eq!(
        message.subject(),
        "systemprompt: scout's month reached $1,000 (agent scout)"
    );
    assert_eq!(
        message.text(),
        "\
scout's month reached $1,000.

Watches: monthly_cost
Measured: $1,000 of $1,000
Counts: agent scout
Reached: 2026-11-24 14:03 UTC

Paused: new requests it counts are refused until 2026-12-01 00:00 UTC. \
`systemprompt alerts resume` lets them through before that.

`systemprompt alerts status` shows where things stand."
    );
}

#[test]
fn every_unit_reads_well() {
    let of = |unit, threshold: &str| Message {
        alert: "a".to_owned(),
        unit,
        share: 1.into(),
        threshold: threshold.parse().unwrap(),
        ..budget()
    };
    for (unit, threshold, subject) in [
        (Unit::Share, "0.05", "systemprompt: a reached 5 %"),
        (
            Unit::Milliseconds,
            "8000",
            "systemprompt: a reached 8,000 ms",
        ),
        (Unit::Requests, "1", "systemprompt: a reached 1 request"),
        (Unit::Usd, "0.5", "systemprompt: a reached $0.50"),
    ] {
        assert_eq!(of(unit, threshold).subject(), subject);
    }
}

#[test]
fn a_test_says_that_it_is_one() {
    let message = Message::test(datetime!(2026-11-24 14:03:20 UTC));
    assert_eq!(message.subject(), "systemprompt: test message");
    assert_eq!(
        message.text(),
        "\
This is a test.

Sent: 2026-11-24 14:03 UTC

Alerts will arrive here.

`systemprompt alerts status` shows where things stand."
    );
    let another = Message::test(datetime!(2026-11-24 14:03:20 UTC));
    assert_ne!(message.id, another.id);
}

#[test]
fn names_stay_in_their_line() {
    let (plain, hostile) = (budget(), hostile());
    assert!(!hostile.subject().contains(['\r', '\n', '\u{202e}']));
    // One line more: the alert's name is not what it watches.
    let lines = |message: &Message| message.text().lines().count();
    assert_eq!(lines(&hostile), lines(&plain) + 1);
    assert!(hostile.text().ends_with("shows where things stand."));
    // A zone that does not exist reads as UTC.
    assert!(hostile.text().contains("2026-11-24 14:03 UTC"));
}

#[test]
fn it_waits_as_json() {
    for message in [budget(), hostile(), Message::test(budget().at)] {
        let json = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Message>(&json).unwrap(), message);
    }
    let json = serde_json::to_value(budget()).unwrap();
    assert_eq!(json["at"], "2026-11-24T14:03:20Z");
    assert_eq!(json["period"]["until"], "2026-11-24T23:00:00Z");
    assert_eq!(json["threshold"], "100.00");
    assert_eq!(json["unit"], "usd");
}
