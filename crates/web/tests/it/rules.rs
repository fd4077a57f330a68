//! The tables: that they are read, and that mistakes in one's own are named.

use systemprompt_web::{BotKind, Rules};

#[test]
fn the_compiled_in_tables_can_be_read() {
    let rules = Rules::load(&[]).expect("the tables are right");
    assert_eq!(rules.version(), Rules::built_in().version());
    assert!(
        rules.version().starts_with("2026-11-29-"),
        "{}",
        rules.version()
    );
}

#[test]
fn an_own_table_comes_first_and_changes_the_version() {
    let own = "version: 2099-01-01\nknown: {monitoring: {Us: [Googlebot]}}";
    let rules = Rules::load(&[("bots.yaml", own)]).expect("a table");
    let bot = rules.bot("Googlebot/2.1").expect("a bot");
    assert_eq!(
        (bot.kind, bot.operator.as_deref()),
        (BotKind::Monitoring, Some("Us"))
    );
    assert!(rules.version().starts_with("2099-01-01-"));
    assert_eq!(
        rules.bot("bingbot/2.0").expect("a bot").kind,
        BotKind::Search
    );
}

#[test]
fn a_table_can_stand_instead_of_the_built_in_one() {
    let own = "version: 1\nreplace: true\nkind: search\nhosts: {Only: only.example}";
    let rules = Rules::load(&[("search.yaml", own)]).expect("a table");
    let from = |referrer| {
        let arrival = systemprompt_web::Arrival {
            url: "/",
            referrer: Some(referrer),
            own_hosts: &[],
        };
        rules.attribute(&arrival).channel.as_str()
    };
    assert_eq!(from("https://only.example/"), "organic_search");
    assert_eq!(from("https://www.google.com/"), "referral");
}

#[test]
fn mistakes_are_named_by_file_line_and_key() {
    let fault = |file, text| {
        Rules::load(&[(file, text)])
            .expect_err("a mistake")
            .to_string()
    };
    insta::assert_snapshot!(
        [
            fault("robots.yaml", "version: 1"),
            fault("bots.yaml", "known: {}"),
            fault("bots.yaml", "version: 1\nknown:\n  serch: {Us: [x]}\n"),
            fault(
                "bots.yaml",
                "version: 1\nknown:\n  search:\n    Us: [ok-bot, \"bad*bot\"]\n"
            ),
            fault("bots.yaml", "version: 1\nwrods: {}\n"),
            fault("channels.yaml", "version: 1\nmediums: {payed: [x]}\n"),
            fault(
                "channels.yaml",
                "version: 1\nclicks: {xclid: {name: X, kind: search}}\n"
            ),
            fault(
                "search.yaml",
                "version: 1\nkind: search\nhosts:\n  Us: [\"not a host!\"]\n"
            ),
            fault(
                "content.yaml",
                "version: 1\nitems: [{kind: post, path: blog}]\n"
            ),
            fault(
                "content.yaml",
                "version: 1\nitems: [{kind: post, path: \"/**/{slug}\"}]\n"
            ),
            fault(
                "signals.yaml",
                "version: 1\nsignals: {robots_txt: {points: 50, weight: weak}}\n"
            ),
            fault(
                "signals.yaml",
                "version: 1\nsignals: {scanner_path: {points: 5, weight: weak}}\n"
            ),
            fault("agents.yaml", "version: [\n"),
        ]
        .join("\n")
    );
}
