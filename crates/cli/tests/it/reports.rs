//! The daily report: that it says what the questions say, that no name breaks it,
//! and how it reads.
#![allow(clippy::unwrap_used)] // what fails here fails the test

use std::fs;

use insta::assert_snapshot;
use systemprompt_testkit::report::{agrees, sections};

use crate::answers::Asked;
use crate::web::LOG;

const HOSTILE: &str = "<script>alert(1)</script>|`x`\n# [evil](javascript:alert(1)) *b* ![i](http://e) \
                       <!-- &lt; \u{202e}@everyone www.evil.example";

/// Asks the question of every table again, and compares every cell.
async fn compared(asked: &Asked, report: &str) -> usize {
    let ask = async |line: &str| {
        let run = asked.run(line).await;
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{line}");
        serde_json::from_str(&run.out).unwrap()
    };
    agrees(report, ask).await
}

#[tokio::test]
async fn every_figure_is_the_answer_of_its_question() {
    let asked = Asked::new().await;
    let run = asked
        .run("reports traffic --date 2026-11-24 --stdout")
        .await;
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(sections(&run.out).len() >= 21);
    let compared = compared(&asked, &run.out).await;
    assert!(compared > 700, "{compared}");
    assert_snapshot!("a_day", run.out);
}

/// A day of a real site.
#[tokio::test]
async fn a_day_of_a_log_is_what_its_questions_say() {
    if fs::metadata(LOG).is_err() {
        return;
    }
    let asked = Asked::empty().await;
    let run = asked.run(&format!("import access-log {LOG}")).await;
    assert_eq!(run.code, 0, "{}", run.err);
    for zone in ["UTC", "Europe/Berlin"] {
        let run = asked
            .run(&format!(
                "reports traffic --date 2015-05-19 --rows 50 --stdout --set scheduler.timezone={zone}"
            ))
            .await;
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{zone}");
        let compared = compared(&asked, &run.out).await;
        assert!(compared > 1_500, "{compared}\n{}", run.out);
        for section in [
            "Sessions",
            "Sessions over time",
            "Bots",
            "Sources and referrers",
        ] {
            let sections = sections(&run.out);
            let found = sections.iter().find(|one| one.title == section).unwrap();
            assert!(found.tables().count() > 0, "{section}: {}", run.out);
        }
    }
}

#[tokio::test]
async fn an_empty_day_reads_well() {
    let asked = Asked::empty().await;
    let run = asked.run("reports traffic --stdout").await;
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_snapshot!("an_empty_day", run.out);
}

#[tokio::test]
async fn no_name_breaks_a_report() {
    let asked = Asked::new().await;
    for sql in [
        "update usage_day set agent = $1 where agent = 'scout'",
        "update usage_day set model = $1 where model = 'gpt-5.5'",
        "update usage_hour set agent = $1 where agent = 'scout'",
        "update usage_hour set model = $1 where model = 'gpt-5.5'",
        "update errors_hour set error_type = $1 where error_type = 'api_error'",
        "update audit_day set event = $1 where event = 'login'",
        "update audit_hour set event = $1 where event = 'login'",
        "update page_hour set path = $1 where path = '/blog/a'",
        "update page_day set path = $1 where path = '/blog/a'",
        "update page_day set other = $1 where other = '/blog/b'",
        "update web_hour set d2 = $1, d3 = $1 where d2 = 'ChatGPT'",
        "update web_day set d2 = $1, d3 = $1 where d2 = 'ChatGPT'",
        "update web_day set d3 = $1 where cube = 'device' and d2 = 'Firefox'",
        "update web_day set d3 = $1 where cube = 'bot' and d3 = 'GPTBot'",
        "update web_day set d2 = $1 where cube = 'geo' and d1 = 'DE'",
    ] {
        sqlx::query(sql)
            .bind(HOSTILE)
            .execute(asked.db.pool())
            .await
            .expect("hostile names");
    }
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().display();
    let run = asked
        .run(&format!(
            "reports traffic --date 2026-11-24 --storage {storage}"
        ))
        .await;
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let file = |extension| {
        let path = folder.path().join("files/reports/traffic-2026-11-24");
        fs::read_to_string(path.with_extension(extension)).expect("it was written")
    };
    // Read by somebody else's parser, which panics on whatever means something.
    let markdown = file("md");
    let found = sections(&markdown);
    let cells = found.iter().flat_map(|s| s.tables()).flatten().flatten();
    let hostile: Vec<&String> = cells.filter(|cell| cell.contains("alert(1)")).collect();
    assert!(hostile.len() >= 15, "{}: {markdown}", hostile.len());
    for cell in hostile {
        assert!(
            cell.starts_with(r"<script>alert(1)</script>|`x`\n# [evil]"),
            "{cell}"
        );
    }
    let page = file("html");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;|`x`"));
    for forbidden in [
        "<script",
        "javascript:alert(1)\"",
        "<img",
        "<a ",
        "<!--",
        "\u{202e}",
        "src=",
        "href=",
    ] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    // Every tag is one of ours.
    for tag in page.split('<').skip(1) {
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '!')
            .collect();
        let ours = [
            "!doctype",
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "h1",
            "h2",
            "p",
            "ul",
            "li",
            "strong",
            "section",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "figure",
            "figcaption",
            "svg",
            "rect",
            "text",
            "code",
            "footer",
        ];
        assert!(ours.contains(&name.as_str()), "<{tag}");
    }
    let names = ["list", "show 2026-11-24", "show traffic-2026-11-24 --html"];
    for (name, said) in names
        .iter()
        .zip(["traffic-2026-11-24", "# Traffic report", "<!doctype"])
    {
        let run = asked
            .run(&format!("reports {name} --storage {storage}"))
            .await;
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{name}");
        assert!(run.out.contains(said), "{name}: {}", run.out);
    }
    let run = asked
        .run(&format!(
            "reports show ../../../etc/passwd --storage {storage}"
        ))
        .await;
    assert_eq!(run.code, 1);
    assert!(run.err.contains("there is no report"), "{}", run.err);
}

#[tokio::test]
async fn a_day_has_the_hours_it_has() {
    let asked = Asked::empty().await;
    for (zone, day, hours) in [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Asia/Kolkata", "2026-11-24", 24),
    ] {
        let settings = format!(" --set scheduler.timezone={zone}");
        let run = asked
            .run(&format!("reports traffic --date {day} --stdout{settings}"))
            .await;
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{zone} {day}");
        let sections = sections(&run.out);
        for title in ["Visits hour by hour", "AI requests hour by hour"] {
            let trend = sections.iter().find(|one| one.title == title).unwrap();
            let rows = &trend.tables().next().unwrap()[1..];
            assert_eq!(rows.len(), hours, "{zone} {day}: {}", run.out);
            let labels: std::collections::BTreeSet<_> = rows.iter().map(|row| &row[0]).collect();
            assert_eq!(labels.len(), hours, "each hour has its own name");
        }
        assert!(!run.out.contains("kept by the full hour"), "{}", run.out);
    }
    // Quarters of an hour are kept for eight days: of a day before that, half an hour
    // belongs to its neighbours.
    let run = asked
        .run("reports traffic --date 2026-11-01 --stdout --set scheduler.timezone=Asia/Kolkata")
        .await;
    let note = "kept by the full hour: these cover 2026-10-31 18:00 to 2026-11-01 18:00 UTC.";
    assert!(run.out.contains(note), "{}", run.out);
}

#[tokio::test]
async fn days_that_are_none_are_refused() {
    let asked = Asked::empty().await;
    let run = asked.run("reports traffic --date tomorrow --stdout").await;
    assert_eq!(run.code, 2);
    assert!(run.err.contains("\"tomorrow\" is not a day"), "{}", run.err);
}

/// It looks back from now: the last twelve hours of a day that began just now lie before it.
#[tokio::test]
async fn a_day_that_is_not_over_has_a_report() {
    let asked = Asked::empty().await;
    for (zone, name) in [
        ("UTC", "2026-11-25"),
        // Seven minutes past midnight.
        ("Pacific/Kiritimati", "2026-11-26"),
    ] {
        let run = asked
            .run(&format!(
                "reports traffic --date today --stdout --set scheduler.timezone={zone}"
            ))
            .await;
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{zone}");
        assert!(run.out.contains(name), "{zone}: {}", run.out);
        let since = "--since 2026-11-24T22:07:00Z";
        assert!(run.out.contains(since), "{zone}: {}", run.out);
    }
}
