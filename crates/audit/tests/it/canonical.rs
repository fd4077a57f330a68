//! One text for one value.

use proptest::prelude::*;
use serde_json::{Value, json};
use systemprompt_audit::{Event, canon};
use time::macros::datetime;
use uuid::Uuid;

const EVENT: Event<'static> = Event {
    id: Uuid::from_u128(0x0194_0000_0000_7000_8000_0000_0000_0001),
    at: datetime!(2026-11-24 01:02:03.123456789 +01:00),
    category: "ai_operations",
    event: "request_failed",
    outcome: "failure",
    user: Some("Zoë \"Z\" \\ \u{1}\u{0}\n"),
    agent: Some("scout"),
    token: Some("t1"),
    trace: Some(Uuid::from_u128(2)),
    subject: Some(Uuid::from_u128(3)),
    state: Some("timeout"),
    detail: Some("{\"a\":[1,null,true]}"),
    digest: Some([0xa5; 32]),
};

#[test]
fn an_event_has_its_members_in_order() {
    let expected = concat!(
        r#"{"agent":"scout","at":"2026-11-24T00:02:03.123456Z","category":"ai_operations","#,
        r#""detail":{"a":[1,null,true]},"#,
        r#""digest":"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5","#,
        r#""event":"request_failed","id":"01940000-0000-7000-8000-000000000001","#,
        r#""outcome":"failure","state":"timeout","#,
        r#""subject":"00000000-0000-0000-0000-000000000003","token":"t1","#,
        r#""trace":"00000000-0000-0000-0000-000000000002","#,
        "\"user\":\"Zoë \\\"Z\\\" \\\\ \\u0001\u{fffd}\\n\",\"v\":1}",
    );
    assert_eq!(EVENT.text(), expected);
    assert!(canon::read(expected).is_some());
}

#[test]
fn what_is_absent_is_left_out() {
    let bare = Event {
        user: None,
        agent: None,
        token: None,
        trace: None,
        subject: None,
        state: None,
        detail: None,
        digest: None,
        ..EVENT
    };
    let expected = concat!(
        r#"{"at":"2026-11-24T00:02:03.123456Z","category":"ai_operations","event":"request_failed","#,
        r#""id":"01940000-0000-7000-8000-000000000001","outcome":"failure","v":1}"#,
    );
    assert_eq!(bare.text(), expected);
    assert!(canon::read(expected).is_some());
}

#[test]
fn values_have_one_text() {
    let value = json!({
        "b": 1.5, "a": [-1, u64::MAX, 1e300], "é": null, "A": {"y": "\u{7f}/", "x": false},
        "nul\0": "\0", "nul\u{fffd}": "kept",
    });
    assert_eq!(
        canon::text(&value),
        "{\"A\":{\"x\":false,\"y\":\"\u{7f}/\"},\"a\":[-1,18446744073709551615,\"1e+300\"],\
         \"b\":\"1.5\",\"nul\u{fffd}\":\"kept\",\"é\":null}"
    );
}

#[test]
fn other_texts_are_not_canonical() {
    let texts = [
        "{\"b\":1,\"a\":2}",
        "{\"a\":1,\"a\":1}",
        "{\"a\": 1}",
        "[1.0]",
        "[1e2]",
        "[-0]",
        "[18446744073709551616]",
        "\"\\u0041\"",
        "\"\\/\"",
        "\"\\u0000\"",
        "\"\0\"",
        "nul",
        "",
        " 1",
    ];
    for text in texts {
        assert_eq!(canon::read(text), None, "{text:?}");
    }
}

#[test]
fn times_have_six_digits_and_are_cut_not_rounded() {
    let text = |at| {
        let mut out = String::new();
        canon::time(&mut out, at);
        out
    };
    assert_eq!(
        text(datetime!(1969-12-31 23:59:59.999999999 UTC)),
        "\"1969-12-31T23:59:59.999999Z\""
    );
    assert_eq!(
        text(datetime!(0007-01-02 00:00 UTC)),
        "\"0007-01-02T00:00:00.000000Z\""
    );
    assert_eq!(
        text(datetime!(-0044-03-15 00:00 UTC)),
        "\"-000044-03-15T00:00:00.000000Z\""
    );
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn canonical_texts_are_read_back(value in any_value()) {
        let text = canon::text(&value);
        let read = canon::read(&text);
        prop_assert!(read.is_some(), "{text}");
        prop_assert_eq!(canon::text(&read.unwrap()), text);
    }

    #[test]
    fn events_are_canonical(user in any::<String>(), event in any::<String>(), seconds in -377_705_116_800..=253_402_300_799_i64, nanos in 0..1_000_000_000_u32) {
        let at = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap().replace_nanosecond(nanos).unwrap();
        let text = Event { user: Some(&user), event: &event, at, ..EVENT }.text();
        prop_assert!(canon::read(&text).is_some(), "{}", text);
        // What the database keeps of the time says the same.
        let kept = Event { user: Some(&canon::clean(&user)), event: &canon::clean(&event), at: canon::moment(at), ..EVENT };
        prop_assert_eq!(kept.text(), text);
    }
}
