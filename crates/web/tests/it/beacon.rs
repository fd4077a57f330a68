//! What the tracker sends, and what others send in its name.

use proptest::prelude::*;
use systemprompt_web::beacon::{BODY, Beacon, BeaconError, MOST, parse};

fn one(body: &str) -> Beacon {
    let mut events = parse(body.as_bytes()).expect("events");
    assert_eq!(events.len(), 1);
    events.remove(0)
}

#[test]
fn a_page_view_and_what_follows() {
    let events = parse(
        br#"[{"p":"0190b2f4-9c1e-7aaa","n":0,"u":"https://example.com/a?utm_source=x","r":"https://example.org/","t":"Hello","s":"1920x1080","l":"de-DE","v":1},
             {"p":"0190b2f4-9c1e-7aaa","n":1,"e":12345.9,"d":62.5,"c":2,"o":["https://other.example/"],"v":0},
             {"p":"0190b2f4-9c1e-7aaa","n":2,"k":"signup"}]"#,
    )
    .expect("events");
    assert_eq!(
        events[0],
        Beacon {
            page_view: "0190b2f4-9c1e-7aaa".into(),
            url: Some("https://example.com/a?utm_source=x".into()),
            referrer: Some("https://example.org/".into()),
            title: Some("Hello".into()),
            screen: Some((1920, 1080)),
            language: Some("de-DE".into()),
            visible: Some(true),
            ..Beacon::default()
        }
    );
    assert!(events[0].is_view() && !events[0].is_engagement());
    let read = &events[1];
    assert_eq!(
        (read.sequence, read.engaged_ms, read.scroll, read.clicks),
        (1, 12_345, 62, 2)
    );
    assert_eq!(read.outbound, ["https://other.example/"]);
    assert_eq!(read.visible, Some(false));
    assert!(read.is_engagement() && events[2].is_engagement());
    assert_eq!(events[2].key_event.as_deref(), Some("signup"));
}

#[test]
fn one_event_needs_no_array() {
    assert_eq!(one(r#"{"p":"abcdefgh","n":7}"#).sequence, 7);
    assert_eq!(parse(b"[]"), Ok(vec![]));
}

#[test]
fn numbers_stay_within_bounds() {
    let event = one(r#"{"p":"abcdefgh","n":4294967295,"e":1e300,"d":1e9,"c":-5}"#);
    assert_eq!(
        (event.engaged_ms, event.scroll, event.clicks),
        (1_800_000, 100, 0)
    );
    assert_eq!(event.sequence, u32::MAX);
    let event = one(r#"{"p":"abcdefgh","n":1,"e":-1,"d":-1,"c":99999}"#);
    assert_eq!(
        (event.engaged_ms, event.scroll, event.clicks),
        (0, 0, 1_000)
    );
}

#[test]
fn text_is_cut_and_harmless() {
    let title = "x".repeat(2_000);
    assert_eq!(
        one(&format!(r#"{{"p":"abcdefgh","n":1,"t":"{title}"}}"#))
            .title
            .expect("one")
            .len(),
        512
    );
    let url = "é".repeat(4_000);
    let event = one(&format!(r#"{{"p":"abcdefgh","n":0,"u":"https://{url}"}}"#));
    assert_eq!(event.url.expect("one").chars().count(), 2_048);
    let event = one(
        r#"{"p":"abcdefgh","n":1,"t":"a\u0000b\u202ec\u200bd\n","k":"\u0007","o":["\u0000",5,"x"]}"#,
    );
    assert_eq!(event.title.as_deref(), Some("abcd"));
    assert_eq!(event.key_event, None);
    assert_eq!(event.outbound, ["x"]);
    let many = format!(
        r#"{{"p":"abcdefgh","n":1,"o":[{}"x"]}}"#,
        r#""x","#.repeat(500)
    );
    assert_eq!(one(&many).outbound.len(), 10);
}

#[test]
fn odd_values_cost_only_themselves() {
    let event = one(
        r#"{"p":"abcdefgh","n":1,"e":"12","d":null,"c":[],"o":"x","s":"0x0x","l":"de DE<","v":2,"w":true,"t":7,"unknown":{"a":[1]}}"#,
    );
    assert_eq!(
        event,
        Beacon {
            page_view: "abcdefgh".into(),
            sequence: 1,
            ..Beacon::default()
        }
    );
    for (screen, expected) in [
        ("1920x1080", Some((1920, 1080))),
        ("1x1", Some((1, 1))),
        ("32768x32768", Some((32_768, 32_768))),
        ("32769x1", None),
        ("99999x1", None),
        ("+1x1", None),
        ("1920X1080", None),
        ("x", None),
        ("", None),
    ] {
        assert_eq!(
            one(&format!(r#"{{"p":"abcdefgh","n":1,"s":"{screen}"}}"#)).screen,
            expected,
            "{screen}"
        );
    }
    assert!(one(r#"{"p":"abcdefgh","n":1,"w":1}"#).automated);
}

#[test]
fn what_is_refused_is_named() {
    let refused = |body: &str| parse(body.as_bytes()).expect_err("refused").to_string();
    insta::assert_snapshot!(
        [
            refused(""),
            refused("{"),
            refused("7"),
            refused("\"x\""),
            refused("[{\"p\":\"abcdefgh\",\"n\":1},5]"),
            refused("[[\"abcdefgh\",1]]"),
            refused("{}"),
            refused(r#"{"p":"short","n":1}"#),
            refused(r#"{"p":"<script>alert","n":1}"#),
            refused(r#"{"p":"abcdefgh"}"#),
            refused(r#"{"p":"abcdefgh","n":-1}"#),
            refused(r#"{"p":"abcdefgh","n":4294967296}"#),
            refused(r#"[{"p":"abcdefgh","n":1},{"p":"abcdefgh","n":0}]"#),
            refused(r#"{"p":"abcdefgh","n":0,"u":"\u0000"}"#),
        ]
        .join("\n")
    );
}

#[test]
fn bodies_and_batches_have_an_end() {
    let event = r#"{"p":"abcdefgh","n":1}"#;
    let batch = |n: usize| format!("[{}]", vec![event; n].join(","));
    assert_eq!(parse(batch(MOST).as_bytes()).expect("events").len(), MOST);
    assert_eq!(parse(batch(MOST + 1).as_bytes()), Err(BeaconError::TooMany));
    let full = format!("{event}{}", " ".repeat(BODY - event.len()));
    assert!(parse(full.as_bytes()).is_ok());
    assert_eq!(
        parse(format!("{full} ").as_bytes()),
        Err(BeaconError::TooLarge)
    );
    // What nobody reads may be as deep as it likes; what is read may not.
    let deep = |key: &str| {
        let (open, close) = ("[".repeat(7_000), "]".repeat(7_000));
        parse(format!(r#"{{"p":"abcdefgh","n":1,"{key}":{open}{close}}}"#).as_bytes())
    };
    assert_eq!(deep("unknown").expect("events").len(), 1);
    assert!(matches!(deep("o"), Err(BeaconError::NotJson { .. })));
}

/// Holds for everything that is taken.
fn is_bounded(events: &[Beacon]) -> bool {
    events.len() <= MOST
        && events.iter().all(|event| {
            let texts = [
                &event.url,
                &event.referrer,
                &event.title,
                &event.key_event,
                &event.language,
            ];
            let texts = texts.into_iter().flatten().chain(&event.outbound);
            (8..=36).contains(&event.page_view.len())
                && event.engaged_ms <= 1_800_000
                && event.scroll <= 100
                && event.clicks <= 1_000
                && event.outbound.len() <= 10
                && texts.into_iter().all(|text| {
                    !text.is_empty()
                        && text.chars().count() <= 2_048
                        && !text.chars().any(char::is_control)
                })
        })
}

proptest! {
    #[test]
    fn any_bytes_are_taken_or_refused(body in prop::collection::vec(any::<u8>(), 0..600)) {
        match parse(&body) {
            Ok(events) => prop_assert!(is_bounded(&events)),
            Err(error) => prop_assert!(error.to_string().len() < 100),
        }
    }

    #[test]
    fn anything_in_json_is_taken_or_refused(
        p in "[0-9a-z_-]{6,40}", n in any::<f64>(), u in ".{0,80}", e in any::<f64>(), t in any::<String>(),
        s in "[0-9x+-]{0,12}", o in prop::collection::vec(".{0,9}", 0..20),
    ) {
        let body = serde_json::json!([{"p": p, "n": n, "u": u, "e": e, "d": e, "c": e, "t": t, "s": s, "o": o, "v": n}]);
        match parse(body.to_string().as_bytes()) {
            Ok(events) => prop_assert!(is_bounded(&events)),
            Err(error) => prop_assert!(error.to_string().len() < 100),
        }
    }
}
