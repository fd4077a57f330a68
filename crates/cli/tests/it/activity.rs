//! Activity and the audit trail as people read them, with names that came from
//! outside.

use insta::assert_snapshot;

use crate::answers::Asked;

/// Two of the things that were done have names that would change a terminal or
/// run in a spreadsheet.
#[tokio::test]
async fn hostile_names_are_shown_as_they_are_written() {
    let asked = Asked::new().await;
    for (name, line) in [
        ("activity_summary", "activity summary --since 7d"),
        ("activity_usage", "activity usage --since 6h"),
        ("activity_users", "activity users --since 30d"),
        ("activity_skills", "activity skills --since 30d"),
        ("activity_list", "activity list --limit 6"),
        ("audit_stats", "audit stats --since 7d"),
        ("audit_list", "audit list --limit 6"),
    ] {
        let run = asked.run(&format!("analytics {line}")).await;
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{line}");
        let raw = ['\u{202e}', '\r', '\u{1b}'];
        assert!(!run.out.contains(raw), "{line}: {}", run.out);
        assert_snapshot!(name, run.out);
    }
}

#[tokio::test]
async fn where_nothing_was_reported_it_says_so() {
    let asked = Asked::empty().await;
    for (question, said) in [
        ("activity users", "POST /api/v1/events"),
        ("activity skills", "POST /api/v1/events"),
        ("activity list", "POST /api/v1/events"),
        ("audit stats", "No such audit event"),
        ("audit list", "No such audit event"),
    ] {
        let run = asked.run(&format!("analytics {question}")).await;
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(run.out.contains(said), "{question}: {}", run.out);
    }
    let summary = asked.run("analytics activity").await;
    assert_eq!(summary.code, 0, "{}", summary.err);
}
