//! Access logs of the past: brought in, counted, and explained.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use systemprompt_web::{Rules, Salt, Visits, log};

use crate::answers::{Asked, json};

/// A log of a real site: test input only, and not always there.
pub(crate) const LOG: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/data/logs/elastic-apache_logs.log"
);
const PERIOD: &str = "--since 2015-05-01 --until 2015-06-01";

async fn said(asked: &Asked, line: &str) -> Value {
    let run = asked.run(line).await;
    assert_eq!(run.code, 0, "{line}: {}", run.err);
    json(&run)
}

async fn rows(asked: &Asked, question: &str) -> Vec<Value> {
    let line = format!("analytics {question} {PERIOD} --json");
    let answer = said(asked, &line).await;
    answer["rows"].as_array().expect("rows").clone()
}

#[tokio::test]
async fn a_log_is_imported_once_and_its_classes_are_explained() {
    let Ok(text) = std::fs::read_to_string(LOG) else {
        return;
    };
    let asked = Asked::empty().await;
    let import = format!("import access-log {LOG} --json");
    let first = said(&asked, &import).await;
    assert_eq!(
        (&first["lines"], &first["stored"], &first["known"]),
        (&10_000.into(), &9_999.into(), &0.into())
    );
    assert_eq!(first["faulty"], 1);
    let line = first["faulty_lines"][0]["line"].as_u64().expect("a number");
    let faulty = text.lines().nth(usize::try_from(line).expect("small") - 1);
    assert!(log::parse(faulty.expect("a line")).is_err());
    let again = said(&asked, &import).await;
    assert_eq!(
        (&again["stored"], &again["known"], &again["sessions"]),
        (&0.into(), &9_999.into(), &0.into())
    );

    // The classes are those of the account in memory, and stay what they are.
    let mut visits = Visits::new(Rules::built_in(), Salt::new([7; 32]), "localhost");
    for hit in text.lines().filter_map(|line| log::parse(line).ok()) {
        visits.add(&hit);
    }
    let mut expected: BTreeMap<String, i64> = BTreeMap::new();
    for (_, verdict) in visits.finish() {
        *expected
            .entry(verdict.class.as_str().to_owned())
            .or_default() += 1;
    }
    let stats = rows(&asked, "sessions stats --class all").await;
    let mut found: BTreeMap<String, i64> = BTreeMap::new();
    for class in [
        "clean_human",
        "unconfirmed",
        "ghost",
        "known_bot",
        "scanner",
        "behavioral_bot",
    ] {
        let n = stats[0][class].as_i64().expect("a count");
        if n > 0 {
            found.insert(class.to_owned(), n);
        }
    }
    assert_eq!(found, expected);
    insta::assert_debug_snapshot!("log_classes", found);
    let sessions = stats[0]["sessions"].as_i64().expect("a count");
    assert_eq!(sessions, first["sessions"].as_i64().expect("a count"));
    let share = found["known_bot"] as f64 / sessions as f64;
    assert!((0.43..=0.50).contains(&share), "{share}");

    for class in found.keys() {
        let list = rows(&asked, &format!("sessions list --limit 3 --class {class}")).await;
        for session in list {
            let id = session["id"].as_str().expect("an id");
            let shown = said(&asked, &format!("analytics sessions show {id} --json")).await;
            let shown = &shown["rows"][0];
            assert_eq!(shown["class"], class.as_str());
            assert_eq!(shown["rule_version"], Rules::built_in().version());
            assert!(!shown["steps"].as_array().expect("steps").is_empty());
            if class == "behavioral_bot" {
                let signals = shown["signals"].as_array().expect("signals");
                let points: i64 = signals
                    .iter()
                    .filter_map(|one| one["points"].as_i64())
                    .sum();
                assert!(points >= 50, "{shown}");
            }
        }
    }
    let checked = asked.run("infra db check").await;
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
}

#[tokio::test]
async fn logs_come_compressed_and_in_other_formats() {
    let asked = Asked::empty().await;
    let folder = tempfile::tempdir().expect("a folder");
    let packed = folder.path().join("access.log.gz");
    let mut gzip = GzEncoder::new(File::create(&packed).expect("made"), Compression::fast());
    gzip.write_all(
        b"192.0.2.1 - - [25/Nov/2026:09:00:00 +0000] \"GET /a?utm_source=news HTTP/1.1\" 200 10 \"-\" \"Mozilla/5.0 Firefox/140.0\"\n\
          192.0.2.1 - - [25/Nov/2026:09:00:00 +0000] \"GET /a?utm_source=news HTTP/1.1\" 200 10 \"-\" \"Mozilla/5.0 Firefox/140.0\"\n\
          nonsense \x1b[31m\n",
    )
    .expect("written");
    gzip.finish().expect("written");
    let caddy = folder.path().join("caddy.json");
    std::fs::write(
        &caddy,
        "{\"level\":\"info\",\"ts\":1795597200.5,\"logger\":\"http.log.access\",\"request\":{\"remote_ip\":\"192.0.2.2\",\
         \"method\":\"GET\",\"host\":\"Example.org\",\"uri\":\"/b\",\"headers\":{\"User-Agent\":[\"curl/8.5\"]}},\
         \"status\":200,\"size\":7}\n",
    )
    .expect("written");
    let (packed, caddy) = (packed.display().to_string(), caddy.display().to_string());
    let line = format!("import access-log {packed} {caddy} --site www.example.com");
    let run = asked.run(&line).await;
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out
            .starts_with("4 lines: 3 stored, 0 known already, 1 not of a log."),
        "{}",
        run.out
    );
    assert!(
        run.err.contains("access.log.gz:3:") && !run.err.contains('\u{1b}'),
        "{}",
        run.err
    );
    let pages = "analytics traffic pages --class all --since 2026-11-20 --until 2026-11-27 --json";
    let pages = said(&asked, pages).await;
    let found: Vec<String> = pages["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| format!("{} {} {}", row["site"], row["path"], row["views"]))
        .collect();
    assert_eq!(
        found,
        ["\"example.com\" \"/a\" 2", "\"example.org\" \"/b\" 1"]
    );
    let missing = asked.run("import access-log /nowhere/access.log").await;
    assert_eq!(missing.code, 1);
    assert!(
        missing.err.contains("/nowhere/access.log"),
        "{}",
        missing.err
    );
}

#[tokio::test]
async fn content_comes_from_a_sitemap() {
    let asked = Asked::empty().await;
    let folder = tempfile::tempdir().expect("a folder");
    let sitemap = folder.path().join("sitemap.xml");
    std::fs::write(
        &sitemap,
        "<urlset><url><loc>https://example.com/a/</loc></url><url><loc>https://example.com/b</loc></url></urlset>",
    )
    .expect("written");
    let import = format!("content import {} --kind docs", sitemap.display());
    assert_eq!(
        asked.run(&import).await.out,
        "2 new, 0 changed, 0 the same.\n"
    );
    assert_eq!(
        asked.run(&import).await.out,
        "0 new, 0 changed, 2 the same.\n"
    );
    let shown = said(&asked, "analytics content show /a --json").await;
    assert_eq!(shown["rows"][0]["kind"], "docs");
    assert_eq!(
        asked.run("content remove /a/").await.out,
        "Removed example.com/a.\n"
    );
    let again = asked.run("content remove /a/").await;
    assert_eq!((again.code, again.out.as_str()), (1, ""));
    let unknown = asked.run("analytics content show /a").await;
    assert_eq!(unknown.code, 1, "{}", unknown.out);
}
