//! The doctor: every check, what it says of a machine that is well, and of what is
//! not.

use serde_json::{Value, json};

use crate::answers::{Asked, json as parsed};
use crate::shell::line;

/// The first verdict of a check: what is to be known about it comes after.
fn verdict<'a>(said: &'a Value, check: &str) -> Option<&'a str> {
    let checks = said["checks"].as_array().expect("a list").iter();
    let mut of = checks.filter(|one| one["check"] == check);
    of.next()?["verdict"].as_str()
}

#[tokio::test]
async fn a_database_is_looked_at_from_every_side() {
    let asked = Asked::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let storage = folder.path().display();
    // Port 0 is always free.
    let common = format!("doctor --storage {storage} --set server.listen=127.0.0.1:0");
    let said = parsed(&asked.run(&format!("{common} --json")).await);
    for check in [
        "configuration",
        "storage",
        "address",
        "providers",
        "database",
        "migrations",
    ] {
        assert_eq!(verdict(&said, check), Some("ok"), "{check}: {said:#}");
    }
    assert_eq!(verdict(&said, "clock"), Some("ok"), "{said:#}");
    for check in ["fsync", "disk", "quarantine", "spools", "audit head"] {
        assert!(verdict(&said, check).is_some(), "{check}: {said:#}");
    }
    sqlx::query(
        "insert into dead_letters (created_at, spool_id, lane, segment, position, reason, payload) \
         values (now(), gen_random_uuid(), 'gateway', 1, 1, 'a test', '')",
    )
    .execute(asked.db.pool())
    .await
    .expect("a dead letter");
    let said = parsed(&asked.run(&format!("{common} --json")).await);
    assert_eq!(verdict(&said, "quarantine"), Some("warn"));

    let page = asked.run(&common).await;
    assert!(page.out.contains("\nwarn  quarantine"), "{}", page.out);
    assert!(
        page.out.contains("dead_letters"),
        "it says what to do: {}",
        page.out
    );
}

#[test]
fn what_fails_is_1_and_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = folder.path().display();
    let common = format!(
        "doctor --json --storage {storage} --set server.listen=127.0.0.1:0 --database-url postgres://nobody@127.0.0.1:1/none"
    );
    let run = line(&common);
    assert_eq!((run.code, run.err.as_str()), (1, ""), "{run:?}");
    let said = parsed(&run);
    assert_eq!(said["verdict"], "fail");
    assert_eq!(verdict(&said, "database"), Some("fail"));
    let checks = said["checks"].as_array().expect("a list").iter();
    let advice = checks
        .filter(|one| one["verdict"] != "ok")
        .map(|one| &one["advice"]);
    for advice in advice {
        assert!(
            advice.as_str().is_some_and(|text| !text.is_empty()),
            "{said:#}"
        );
    }

    let run = line("doctor --json --set server.listne=1");
    assert_eq!(run.code, 1);
    let said = parsed(&run);
    assert_eq!(said["checks"].as_array().map(Vec::len), Some(1));
    assert_eq!(said["checks"][0]["check"], json!("configuration"));
}

#[test]
fn keys_are_never_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, "sk-ant-secret").expect("a key");
    let storage = folder.path().display();
    let run = line(&format!(
        "doctor --storage {storage} --set server.listen=127.0.0.1:0 --set providers.anthropic.credentials={{file: {}}} \
         --database-url postgres://nobody:hidden@127.0.0.1:1/none",
        key.display()
    ).replace("{file: ", "{file:"));
    assert!(
        !run.out.contains("sk-ant-secret") && !run.out.contains("hidden"),
        "{}",
        run.out
    );
}

#[test]
fn somebody_elses_port_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("an address");
    // It takes a connection, says nothing and ends it.
    let silent = std::thread::spawn(move || drop(other.accept()));
    let storage = folder.path().display();
    let run = line(&format!(
        "doctor --json --storage {storage} --set server.listen={address} --database-url postgres://nobody@127.0.0.1:1/none"
    ));
    let said = parsed(&run);
    assert_eq!(verdict(&said, "address"), Some("fail"), "{said:#}");
    silent.join().expect("no panic");
}

#[test]
fn completions_and_manual_pages_are_made() {
    for (shell, mark) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef systemprompt"),
        ("fish", "complete -c systemprompt"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let made = line(&format!("completions {shell}"));
        assert_eq!((made.code, made.err.as_str()), (0, ""), "{shell}");
        assert!(made.out.contains(mark), "{shell}");
        assert!(made.out.contains("analytics"), "{shell}");
    }
    assert_eq!(line("completions tcsh").code, 2);

    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man");
    let made = line(&format!("man {}", pages.display()));
    assert_eq!(made.code, 0, "{made:?}");
    for page in [
        "systemprompt",
        "systemprompt-analytics-costs-summary",
        "systemprompt-doctor",
    ] {
        let text = std::fs::read_to_string(pages.join(format!("{page}.1"))).expect(page);
        let title = text.lines().find(|line| line.starts_with(".TH "));
        let title = title.unwrap_or_else(|| panic!("{page} has no title"));
        assert!(title.starts_with(".TH systemprompt 1 "), "{page}: {title}");
        assert!(text.contains(&page.replace('-', "\\-")), "{page}");
    }
    assert!(!pages.join("systemprompt-man.1").exists());
    assert!(!line("--help").out.contains("manual pages"));
}
