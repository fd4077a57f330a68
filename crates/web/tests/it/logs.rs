//! Access logs: every format, hostile lines, and a real log to the last session.

use std::collections::BTreeMap;

use proptest::prelude::*;
use systemprompt_web::log::{LONGEST, LineError, parse};
use systemprompt_web::{Class, Rules, Salt, Verdict, Visit, Visits};
use time::macros::datetime;

use crate::shared;

/// A real site's log of four days.
const LOG: &str = "logs/elastic-apache_logs.log";

/// Lines that are no hits, by their numbers.
type Faults = Vec<(usize, LineError)>;

fn visits(log: &str) -> (Vec<(Visit, Verdict)>, Faults) {
    let mut visits = Visits::new(Rules::built_in(), Salt::new([7; 32]), "example.com");
    let mut faults = Vec::new();
    for (i, line) in log.lines().enumerate() {
        match parse(line) {
            Ok(hit) => {
                visits.add(&hit);
            }
            Err(error) => faults.push((i + 1, error)),
        }
    }
    (visits.finish(), faults)
}

#[test]
fn a_real_log_line_by_line() {
    let log = shared::text(LOG);
    assert_eq!(log.lines().count(), 10_000);
    let (sessions, faults) = visits(&log);
    assert_eq!(faults, [(8_899, LineError::No("user agent"))]);
    let requests: u32 = sessions.iter().map(|(visit, _)| visit.requests).sum();
    assert_eq!(requests, 9_999);
}

#[test]
fn the_classes_of_a_real_log() {
    let (sessions, _) = visits(&shared::text(LOG));
    let mut classes: BTreeMap<Class, usize> = BTreeMap::new();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut crawlers: BTreeMap<String, usize> = BTreeMap::new();
    let mut signals: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, verdict) in &sessions {
        *classes.entry(verdict.class).or_default() += 1;
        for signal in &verdict.signals {
            *signals.entry(signal.id.as_str()).or_default() += 1;
        }
        if let Some(bot) = &verdict.bot {
            *kinds.entry(bot.kind.to_string()).or_default() += 1;
            let searches = bot.kind.is_ai() || bot.kind.as_str() == "search";
            if let (true, Some(by)) = (searches, &bot.operator) {
                *crawlers.entry(format!("{} {by}", bot.kind)).or_default() += 1;
            }
        }
    }
    let of = |class| classes.get(&class).copied().unwrap_or_default();
    let bots = of(Class::KnownBot) * 1_000 / sessions.len();
    assert!((430..=500).contains(&bots), "{bots} ‰ known bots");
    assert!(of(Class::Scanner) > 0);
    assert_eq!(classes.values().sum::<usize>(), sessions.len());
    insta::assert_json_snapshot!(serde_json::json!({
        "sessions": sessions.len(),
        "classes": classes.iter().map(|(class, n)| (class.to_string(), n)).collect::<BTreeMap<_, _>>(),
        "bots": kinds,
        "crawlers": crawlers,
        "signals": signals,
    }));
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0";

#[test]
fn combined_and_common() {
    let line = format!(
        r#"198.51.100.7 - alice [05/Mar/2026:13:55:36 +0100] "GET /a/b?c=d HTTP/1.1" 200 2326 "https://example.org/x" "{FIREFOX}""#
    );
    let hit = parse(&line).expect("a hit");
    assert_eq!(hit.at, datetime!(2026-03-05 12:55:36 UTC));
    assert_eq!(hit.at.offset(), time::UtcOffset::UTC);
    assert_eq!(
        hit.address(),
        Some("198.51.100.7".parse().expect("an address"))
    );
    assert_eq!(hit.host, None);
    assert_eq!((&*hit.method, &*hit.target), ("GET", "/a/b?c=d"));
    assert_eq!((hit.status, hit.bytes), (200, Some(2_326)));
    assert_eq!(hit.referrer.as_deref(), Some("https://example.org/x"));
    assert_eq!(hit.agent.as_deref(), Some(FIREFOX));

    let common = r#"host.example.net - - [05/Mar/2026:13:55:36 -0930] "HEAD / HTTP/2.0" 304 -"#;
    let hit = parse(common).expect("a hit");
    assert_eq!(hit.at, datetime!(2026-03-05 23:25:36 UTC));
    assert_eq!((&*hit.client, hit.address()), ("host.example.net", None));
    assert_eq!((hit.bytes, hit.referrer, hit.agent), (None, None, None));
}

#[test]
fn the_virtual_host_before_the_client() {
    let rest = r#"- - [05/Mar/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 5 "-" "x""#;
    for (before, host, client) in [
        (
            "www.Example.com:443 198.51.100.7",
            Some("www.example.com"),
            "198.51.100.7",
        ),
        (
            "example.com 2001:db8::1",
            Some("example.com"),
            "2001:db8::1",
        ),
        (
            "example.com:80 client.example.net",
            Some("example.com"),
            "client.example.net",
        ),
        ("198.51.100.7", None, "198.51.100.7"),
        ("2001:db8::1", None, "2001:db8::1"),
        ("client.example.net", None, "client.example.net"),
    ] {
        let line = format!("{before} {rest}");
        let hit = parse(&line).expect("a hit");
        assert_eq!(
            (hit.host.as_deref(), &*hit.client),
            (host, client),
            "{before}"
        );
    }
    // A user's name may have a space in it.
    let line = r#"198.51.100.7 - alice smith [05/Mar/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 5"#;
    assert_eq!(parse(line).expect("a hit").client, "198.51.100.7");
}

#[test]
fn escapes_and_what_is_no_http() {
    let of = |request: &str| {
        let line = format!(
            r#"198.51.100.7 - - [05/Mar/2026:13:55:36 +0000] "{request}" 400 0 "-" "a \"b\" \x41\xc3\xa9\xff \\ \n" extra "9.9.9.9""#
        );
        let hit = parse(&line).expect("a hit");
        assert_eq!(hit.agent.as_deref(), Some("a \"b\" Aé\u{fffd} \\ \n"));
        (hit.method.into_owned(), hit.target.into_owned())
    };
    let said = |method: &str, target: &str| (method.to_owned(), target.to_owned());
    assert_eq!(of("GET /a b HTTP/1.1"), said("GET", "/a b"));
    assert_eq!(of("GET /a"), said("GET", "/a"));
    assert_eq!(of("-"), said("", "-"));
    assert_eq!(of(""), said("", ""));
    assert_eq!(of(r"\x16\x03\x01"), said("", "\u{16}\u{3}\u{1}"));
    assert_eq!(of("hello world"), said("", "hello world"));
}

#[test]
fn caddys_json() {
    let line = r#"{"level":"info","ts":1772718936.25,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"192.0.2.1","remote_port":"1","client_ip":"198.51.100.7","proto":"HTTP/2.0","method":"GET","host":"Example.com:443","uri":"/a?b=\u00e9","headers":{"User-Agent":["Mozilla/5.0"],"Referer":["https://example.org/"]}},"bytes_read":0,"user_id":"","duration":0.1,"size":2326,"status":200,"resp_headers":{}}"#;
    let hit = parse(line).expect("a hit");
    assert_eq!(hit.at, datetime!(2026-03-05 13:55:36.25 UTC));
    assert_eq!(hit.client, "198.51.100.7");
    assert_eq!(hit.host.as_deref(), Some("example.com"));
    assert_eq!(hit.target, "/a?b=é");
    assert_eq!((hit.status, hit.bytes), (200, Some(2_326)));
    assert_eq!(hit.agent.as_deref(), Some("Mozilla/5.0"));
    assert_eq!(hit.referrer.as_deref(), Some("https://example.org/"));
    let text = r#"{"ts":"2026-03-05T14:55:36+01:00","request":{"remote_ip":"192.0.2.1","method":"GET","uri":"/"},"status":204}"#;
    let hit = parse(text).expect("a hit");
    assert_eq!(hit.at, datetime!(2026-03-05 13:55:36 UTC));
    assert_eq!((&*hit.client, hit.agent), ("192.0.2.1", None));
    for wrong in [
        "{}",
        "{",
        r#"{"ts":1,"status":200}"#,
        r#"{"ts":1,"request":[],"status":200}"#,
    ] {
        assert_eq!(parse(wrong), Err(LineError::Json), "{wrong}");
    }
    let far = r#"{"ts":1e300,"request":{"remote_ip":"x","method":"GET","uri":"/"},"status":200}"#;
    assert_eq!(parse(far), Err(LineError::No("time")));
    let nobody = r#"{"ts":1,"request":{"method":"GET","uri":"/"},"status":200}"#;
    assert_eq!(parse(nobody), Err(LineError::No("client")));
}

#[test]
fn what_is_missing_is_named() {
    for (line, error) in [
        ("", LineError::Empty),
        ("  \t", LineError::Empty),
        ("hello", LineError::No("time")),
        (
            "a - - [now] \"GET / HTTP/1.1\" 200 1",
            LineError::No("time"),
        ),
        (
            "a - - [31/Feb/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1",
            LineError::No("time"),
        ),
        (
            "a - - [01/Jan/2026:24:00:00 +0000] \"GET / HTTP/1.1\" 200 1",
            LineError::No("time"),
        ),
        (
            "[01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1",
            LineError::No("client"),
        ),
        (
            "a - - [01/Jan/2026:00:00:00 +0000] GET / 200 1",
            LineError::No("request"),
        ),
        (
            "a - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1",
            LineError::No("request"),
        ),
        (
            "a - - [01/Jan/2026:00:00:00 +0000] \"GET /\\\" 200 1",
            LineError::No("request"),
        ),
        (
            "a - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" ok 1",
            LineError::No("status"),
        ),
        (
            "a - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 99 1",
            LineError::No("status"),
        ),
        (
            "a - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 many",
            LineError::No("size"),
        ),
        (
            "a - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1 x",
            LineError::No("referrer"),
        ),
        (
            "a - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"x",
            LineError::No("user agent"),
        ),
    ] {
        assert_eq!(parse(line), Err(error), "{line}");
    }
    assert_eq!(parse(&"x".repeat(LONGEST + 1)), Err(LineError::TooLong));
    let leap = "a - - [31/Dec/2016:23:59:60 +0000] \"GET / HTTP/1.1\" 200 1";
    assert_eq!(
        parse(leap).expect("a hit").at,
        datetime!(2016-12-31 23:59:59 UTC)
    );
}

/// Handed out as they end, sessions are those that are handed out at the end.
#[test]
fn sessions_can_be_closed_on_the_way() {
    let log = shared::text(LOG);
    let mut hits: Vec<_> = log.lines().filter_map(|line| parse(line).ok()).collect();
    hits.sort_by_key(|hit| hit.at);
    let sorted = |close: bool| {
        let mut visits = Visits::new(Rules::built_in(), Salt::new([7; 32]), "example.com");
        let mut sessions = Vec::new();
        for (i, hit) in hits.iter().enumerate() {
            visits.add(hit);
            if close && i % 500 == 0 {
                sessions.extend(visits.close(hit.at));
            }
        }
        sessions.extend(visits.finish());
        let mut seen: Vec<_> = sessions
            .iter()
            .map(|(visit, verdict)| {
                (
                    visit.span.first,
                    visit.visitor,
                    visit.requests,
                    verdict.class,
                )
            })
            .collect();
        seen.sort();
        seen
    };
    assert_eq!(sorted(true), sorted(false));
}

/// Whoever scans, in a session of a browser's agent, makes it a scanner's.
#[test]
fn one_look_for_a_hole_is_enough() {
    let log = format!(
        r#"198.51.100.7 - - [05/Mar/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 5 "-" "{FIREFOX}"
198.51.100.7 - - [05/Mar/2026:13:55:40 +0000] "GET /.env HTTP/1.1" 404 5 "-" "{FIREFOX}""#
    );
    let (sessions, faults) = visits(&log);
    assert!(faults.is_empty());
    let [(visit, verdict)] = sessions.as_slice() else {
        panic!("{sessions:?}")
    };
    assert_eq!(verdict.class, Class::Scanner);
    assert_eq!((visit.pages, visit.requests), (1, 2));
    assert_eq!(visit.landing.as_deref(), Some("/"));
}

proptest! {
    #[test]
    fn no_line_breaks_the_reader(line in ".{0,300}") {
        let _ = parse(&line);
    }

    /// Lines that are nearly right.
    #[test]
    fn no_damaged_line_breaks_the_reader(
        kind in 0_usize..2, at in 0_usize..400, with in prop::collection::vec(any::<char>(), 0..4),
    ) {
        let lines = [
            r#"example.com:80 198.51.100.7 - - [05/Mar/2026:13:55:36 +0100] "GET /a\"b\x41 HTTP/1.1" 200 2326 "https://example.org/x" "Mozilla/5.0 \x1" 0.003"#,
            r#"{"ts":1772718936.25,"request":{"remote_ip":"192.0.2.1","method":"GET","host":"a:1","uri":"/","headers":{"User-Agent":["x"]}},"size":1,"status":200}"#,
        ];
        let mut chars: Vec<char> = lines[kind].chars().collect();
        let at = at.min(chars.len());
        let end = (at + with.len() / 2).min(chars.len());
        chars.splice(at..end, with);
        let line: String = chars.into_iter().collect();
        let _ = parse(&line);
        let _ = parse(&line[..line.floor_char_boundary(at)]);
    }
}
