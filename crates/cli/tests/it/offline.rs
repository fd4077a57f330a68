//! What needs no database: help, usage errors, configuration, exit codes.

use std::io::{self, Write};

use systemprompt_cli::{Look, Outside, run};
use systemprompt_domain::Clock;

use crate::shell::line;

#[test]
fn help_and_version_are_answers() {
    for args in [
        "--help",
        "-h",
        "--version",
        "analytics --help",
        "analytics costs --help",
        "config show -h",
    ] {
        let shown = line(args);
        assert_eq!((shown.code, shown.err.as_str()), (0, ""), "{args}");
        assert!(
            !shown.out.is_empty() && !shown.out.contains('\u{1b}'),
            "{args}: {}",
            shown.out
        );
    }
    assert_eq!(
        line("--version").out,
        format!("systemprompt {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn what_cannot_be_asked_is_2() {
    for (args, complaint) in [
        ("", "Usage: systemprompt"),
        ("analytics", "Usage: systemprompt analytics"),
        ("analytics weather", "unrecognized subcommand 'weather'"),
        (
            "analytics costs breakdwon",
            "a similar subcommand exists: 'breakdown'",
        ),
        (
            "analytics costs --since tomorrow",
            "invalid value 'tomorrow' for '--since <WHEN>'",
        ),
        (
            "analytics requests list --limit 0",
            "invalid value '0' for '--limit <ROWS>'",
        ),
        (
            "analytics costs breakdown --by colour",
            "possible values: model",
        ),
        (
            "analytics overview --export costs.xlsx",
            "costs.xlsx does not end in .csv, .json or .jsonl",
        ),
        ("infra logs audit", "<ID>"),
        ("config", "Usage: systemprompt config"),
    ] {
        let refused = line(args);
        assert_eq!(
            (refused.code, refused.out.as_str()),
            (2, ""),
            "{args}: {}",
            refused.err
        );
        assert!(refused.err.contains(complaint), "{args}: {}", refused.err);
    }
}

#[test]
fn a_faulty_configuration_is_1() {
    let refused = line("config check --set analytics.retention_day=30");
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(refused.err.starts_with("error: "), "{}", refused.err);
    assert!(
        refused.err.contains("analytics.retention_day"),
        "{}",
        refused.err
    );
}

#[test]
fn the_configuration_is_shown_without_secrets() {
    let shown = line(
        "config show --database-url postgres://ada:hunter2@example.org/x --set analytics.retention_days=30",
    );
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(shown.out.contains("retention_days: 30"), "{}", shown.out);
    assert!(!shown.out.contains("hunter2"), "{}", shown.out);
    assert_eq!(line("config check").code, 0);
}

#[test]
fn the_schema_is_json() {
    let schema: serde_json::Value = serde_json::from_str(&line("config schema").out).expect("JSON");
    assert!(
        schema.pointer("/properties/analytics").is_some(),
        "{schema}"
    );
}

#[test]
fn a_database_that_cannot_be_reached_is_1() {
    let failed = line("analytics overview --database-url postgres://nobody@127.0.0.1:1/nothing");
    assert_eq!((failed.code, failed.out.as_str()), (1, ""));
    assert!(
        failed
            .err
            .starts_with("error: cannot connect to the database"),
        "{}",
        failed.err
    );
}

/// A pipe whose reader has left.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    for args in ["systemprompt --help", "systemprompt config schema"] {
        let mut err = Vec::new();
        let mut outside = Outside {
            out: &mut Closed,
            err: &mut err,
            look: Look::default(),
            live: false,
            clock: Clock::System,
        };
        let code = run(args.split(' ').map(Into::into), &mut outside);
        assert_eq!((code, err.as_slice()), (0, &[][..]), "{args}");
    }
}
