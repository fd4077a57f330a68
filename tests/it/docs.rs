//! The commands of README.md and of the pages below `docs/`, run as they stand there
//! against a server with a little of everything in it. What a reader has to fill in
//! (ids, paths, names of variables) is filled in. What is for other machines stands in a
//! table, with the reason: nothing is left out without one.
//!
//! Long because what every page needs is made in one place.

mod files;
mod page;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::db::TestDb;
use systemprompt_testkit::faults::{command, run_to_end, until_stored};
use systemprompt_testkit::mcp::McpUpstream;
use systemprompt_testkit::process::{ServerProcess, cli_bin, give_audit_keys, server_bin};
use systemprompt_testkit::smtp::{Encryption, SmtpSink};
use systemprompt_testkit::upstream::Upstream;
use systemprompt_testkit::webhook::WebhookSink;
use tempfile::TempDir;
use time::{Duration as Days, OffsetDateTime};
use tokio::time::sleep;

use self::page::Page;
use crate::system::{MESSAGES, System};

/// Made from the program by other tests. What the first shows are command lines that
/// `crates/cli/tests/it/pages.rs` reads; the second has none.
const GENERATED: [&str; 2] = ["docs/cli.md", "docs/configuration.md"];
/// Pages with commands. Each has a test below.
const PAGES: [&str; 11] = [
    "README.md",
    "docs/budgets.md",
    "docs/closed-loop.md",
    "docs/cookbook.md",
    "docs/events.md",
    "docs/imports.md",
    "docs/opentelemetry.md",
    "docs/operations.md",
    "docs/quick-start.md",
    "docs/sdks.md",
    "docs/web.md",
];
/// Blocks that are not run: the page, how the block begins, and why.
const NOT_RUN: [(&str, &str, &str); 5] = [
    (
        "README.md",
        "cargo run --release        # 1. start it",
        "builds everything and runs all tests, this one among them",
    ),
    (
        "docs/closed-loop.md",
        "systemprompt mcp wrap",
        "fetches a server with npx, from the network",
    ),
    (
        "docs/operations.md",
        "pg_ctl --pgdata=storage/postgres/data",
        "starts and replaces the database of a server that is stopped",
    ),
    (
        "docs/quick-start.md",
        "cargo install",
        "builds optimised programs, and installs them for the user",
    ),
    (
        "docs/sdks.md",
        "export ANTHROPIC_BASE_URL",
        "starts Claude Code, which needs a key and the network",
    ),
];
/// How long a block may take.
const PATIENT: Duration = Duration::from_secs(120);

/// `cargo run` of what is built already: with `-p` the named program, else the server.
const CARGO: &str = r#"#!/bin/bash
set -eu
[ "$1 $2" = "run --release" ] || { echo "cargo $*: not run here" >&2; exit 64; }
shift 2
program=systemprompt-server
if [ "${1:-}" = -p ]; then program=$2; shift 2; fi
if [ "${1:-}" = -- ]; then shift; fi
exec "$program" "$@"
"#;

/// A server beside the one of the test: stopped as soon as it says where it listens.
const SERVER: &str = r#"#!/bin/bash
set -eu
export SYSTEMPROMPT_STORAGE="$PWD/storage-of-its-own" DATABASE_URL="$OWN_DATABASE" SYSTEMPROMPT_LISTEN=127.0.0.1:0
case "$*" in *demo*) unset DATABASE_URL SYSTEMPROMPT_AUDIT_KEYS ;; esac
"$SERVER_BIN" "$@" >server.out 2>&1 &
until grep -q 'listening on' server.out; do kill -0 $! 2>/dev/null || break; sleep 0.05; done
kill -TERM $! 2>/dev/null || true
wait $! || { cat server.out >&2; exit 1; }
"#;

/// A server that reads the profile and the tables that the page shows.
async fn serve(folder: &Path, variables: &[(&'static str, String)]) -> System {
    let (storage, db) = (tempfile::tempdir().unwrap(), TestDb::new().await);
    let upstream = Upstream::start(None).await.unwrap();
    let mut command = command(storage.path(), &upstream.url()).unwrap();
    command
        .current_dir(folder)
        .arg("--database-url")
        .arg(db.url());
    command.args(["--set", "web.sites=[example.com]"]);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let server = ServerProcess::spawn(command).await.unwrap();
    System {
        addr: server.addr().unwrap(),
        server,
        upstream,
        db,
        storage,
    }
}

/// A place in which a reader follows one page.
struct Place {
    system: System,
    folder: TempDir,
    /// What is put in place of what, in this order.
    filled: Vec<(&'static str, String)>,
    variables: Vec<(&'static str, String)>,
    /// For servers that the page starts.
    own: TestDb,
    /// What the page names: a mail server, an MCP server, a collector of traces.
    _mail: SmtpSink,
    _mcp: McpUpstream,
    collector: WebhookSink,
}

impl Place {
    async fn of<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mail = SmtpSink::start(Encryption::None).await.unwrap();
        let mcp = McpUpstream::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let variables = vec![
            ("ANTHROPIC_API_KEY", "none".to_owned()),
            ("SMTP_URL", mail.url()),
            ("DISCORD_WEBHOOK", "https://discord.example/hook".to_owned()),
            ("SLACK_WEBHOOK", "https://slack.example/hook".to_owned()),
            ("HOOK_SECRET", "a secret of sixteen and more".to_owned()),
            ("DOCS_TOKEN", "a-token-of-theirs".to_owned()),
        ];
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(
                path,
                text.replace("https://docs.example.com/mcp", &mcp.url()),
            )
            .unwrap();
        }
        let mut place = Self {
            system: serve(folder.path(), &variables).await,
            folder,
            filled: Vec::new(),
            variables,
            own: TestDb::new().await,
            _mail: mail,
            _mcp: mcp,
            collector: WebhookSink::start().await.unwrap(),
        };
        place.programs();
        files::write(place.folder.path());
        // With the keys in the environment there are none.
        fs::create_dir_all(place.system.storage.path().join("keys")).unwrap();
        place.live().await;
        place.fill().await;
        place
    }

    /// Makes a token, without which nobody is let in from then on.
    async fn token(&mut self) {
        let said = self
            .run("systemprompt admin token create reader --kind adm")
            .await;
        let said = said.unwrap();
        let mut words = said.split([' ', '=', '\n']);
        let token = words
            .find(|word| word.starts_with("sp_adm_"))
            .unwrap()
            .to_owned();
        self.variables.push(("SYSTEMPROMPT_TOKEN", token));
    }

    /// The programs that a page may call, ahead of all others.
    fn programs(&self) {
        let bin = self.folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(cli_bin().unwrap(), bin.join("systemprompt")).unwrap();
        let pidof = format!("#!/bin/bash\necho {}\n", self.system.server.pid());
        for (name, text) in [
            ("cargo", CARGO),
            ("systemprompt-server", SERVER),
            ("pidof", &pidof),
        ] {
            fs::write(bin.join(name), text).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        // Answers that refuse are failures.
        let curlrc = "fail-with-body\nsilent\nshow-error\n";
        fs::write(self.folder.path().join(".curlrc"), curlrc).unwrap();
    }

    /// What happened before the reader came.
    async fn live(&self) {
        let hello = json!({"model": "claude-haiku-4-5", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}]});
        for headers in [
            vec![("x-systemprompt-agent", "scout")],
            vec![],
            vec![("x-mock", "status=500")],
        ] {
            let answer = self.system.post_with(MESSAGES, &headers, &hello).await;
            assert!(answer.status.is_success() || headers[0].0 == "x-mock");
        }
        let tool = json!({"type": "tool_call", "server": "docs", "tool": "search", "status": "failed", "latency_us": 1, "agent": "scout"});
        let login = json!({"type": "activity", "category": "login", "action": "succeeded", "user": "alice@example.com"});
        let told = self
            .system
            .post_with("/api/v1/events", &[], &json!([tool, login]))
            .await;
        assert_eq!(told.json()["stored"], 2, "{}", told.text());
        let content = json!({"url": "https://example.com/guide", "title": "Guide", "kind": "docs"});
        let told = self
            .system
            .post_with("/api/v1/content", &[], &content)
            .await;
        assert_eq!(told.status, StatusCode::OK, "{}", told.text());
        let page = json!({"p": "view-of-the-docs", "n": 0, "u": "https://example.com/guide", "t": "Guide"});
        let origin = [("origin", "https://example.com")];
        let told = self.system.post_with("/api/collect", &origin, &page).await;
        assert_eq!(told.status, StatusCode::ACCEPTED, "{}", told.text());
        until_stored(self.system.addr, PATIENCE).await.unwrap();
    }

    /// The first row of an answer, as soon as there is one.
    async fn ask(&self, question: &str) -> Value {
        let path = format!("/api/v1/analytics/{question}");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let request = self.system.request(Method::GET, &path, &[], "");
            let answer = self.system.client().send(request).await.unwrap();
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            let row = answer.json()["rows"][0].clone();
            if row.is_object() {
                return row;
            }
            assert!(Instant::now() < deadline, "{question} has no rows");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Learns what a reader has to fill in.
    async fn fill(&mut self) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let request = self.ask("requests/list").await;
        let session = self.ask("sessions/list?class=all").await;
        let event = self.ask("audit/list").await["seq"].to_string();
        self.run("systemprompt infra audit checkpoint")
            .await
            .unwrap();
        self.run("systemprompt reports traffic --date yesterday")
            .await
            .unwrap();
        let yesterday = (OffsetDateTime::now_utc() - Days::DAY).date();
        let status = self
            .run("systemprompt infra audit status --json")
            .await
            .unwrap();
        let status: Value = serde_json::from_str(&status).unwrap();
        let folder = self.folder.path().display().to_string();
        let psql = self.system.db.program("psql");
        let variable = |name: &str| {
            let set = psql.get_envs().find(|(n, _)| *n == name);
            set.and_then(|(_, value)| value)
                .map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
        };
        let database = variable("PGDATABASE");
        let restored = format!("{database}_restored");
        let url = self.system.db.url();
        self.filled = vec![
            ("127.0.0.1:8080", self.system.addr.to_string()),
            ("127.0.0.1:9000", "127.0.0.1:0".to_owned()),
            ("collector:4318", self.collector.addr.to_string()),
            (
                "sessions show 01935e8d-7c2a",
                format!("sessions show {}", text(&session["id"])),
            ),
            ("01935e8d-7c2a", text(&request["id"])),
            ("01a20a52-59d5", text(&request["id"])),
            ("TRACE_ID", text(&request["trace_id"])),
            ("prove 4711", format!("prove {event}")),
            ("systemprompt/audit/…", text(&status["key"])),
            (
                "reports show 2026-11-28",
                format!("reports show {yesterday}"),
            ),
            ("/var/log/nginx/", format!("{folder}/")),
            ("/path/of/the/socket", variable("PGHOST")),
            (
                "PGUSER=systemprompt PGDATABASE=systemprompt",
                format!(
                    "PGUSER={} PGPORT={} PGDATABASE={database}",
                    variable("PGUSER"),
                    variable("PGPORT")
                ),
            ),
            ("$(cat storage/postgres/password)", variable("PGPASSWORD")),
            ("/where/backups/are/", format!("{folder}/backups/")),
            (
                "storage/",
                format!("{}/", self.system.storage.path().display()),
            ),
            (
                "postgres://…/systemprompt_restored",
                format!("'{}'", url.replace(&database, &restored)),
            ),
            ("systemprompt_restored", restored),
        ];
        let path = format!(
            "{folder}/bin:{}:/usr/bin:/bin",
            Path::new(psql.get_program()).parent().unwrap().display()
        );
        self.variables.push(("PATH", path));
        for name in ["PGHOST", "PGPORT", "PGUSER", "PGPASSWORD"] {
            self.variables.push((name, variable(name)));
        }
    }

    /// Runs commands to their end; what they wrote, or what was wrong.
    async fn run(&self, script: &str) -> Result<String, String> {
        let mut script = script.to_owned();
        for (placeholder, value) in &self.filled {
            script = script.replace(placeholder, value);
        }
        let mut command = Command::new("/bin/bash");
        command
            .args(["-euo", "pipefail", "-c", &script])
            .current_dir(self.folder.path())
            .env_clear();
        let path = format!("{}/bin:/usr/bin:/bin", self.folder.path().display());
        command
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .env("SERVER_BIN", server_bin().unwrap())
            .env("OWN_DATABASE", self.own.url())
            .env("DATABASE_URL", self.system.db.url())
            .env("SYSTEMPROMPT_STORAGE", self.system.storage.path())
            .env("SYSTEMPROMPT_LISTEN", self.system.addr.to_string())
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        give_audit_keys(&mut command);
        let output = run_to_end(command, PATIENT)
            .await
            .map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr);
        let complaint = said
            .lines()
            .chain(error.lines())
            .any(|line| line.starts_with("error:"));
        if output.status.success() && !complaint {
            return Ok(said);
        }
        Err(format!("{}\n{script}\n{said}\n{error}", output.status))
    }
}

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Every page that people wrote.
fn pages() -> Vec<Page> {
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let names = docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().display()));
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".md")).collect();
    names.retain(|name| !GENERATED.contains(&name.as_str()));
    names.push("README.md".to_owned());
    names.sort();
    names.iter().map(|name| Page::read(&root(), name)).collect()
}

fn is_run(page: &Page, block: &page::Block) -> bool {
    let here =
        |(name, begin, _): &(&str, &str, &str)| page.name == *name && block.text.starts_with(begin);
    !NOT_RUN.iter().any(here)
}

/// Runs the blocks of a page, one after the other; all that failed.
async fn follow(name: &str) {
    let page = Page::read(&root(), name);
    let mut place = Place::of(page.files()).await;
    if page
        .shell()
        .any(|block| block.text.contains("$SYSTEMPROMPT_TOKEN"))
    {
        place.token().await;
    }
    let mut failed = Vec::new();
    for block in page.shell().filter(|block| is_run(&page, block)) {
        if let Err(error) = place.run(&block.script()).await {
            failed.push(format!("{name}:{}: {error}", block.line));
        }
    }
    let _ = place.run("dropdb --if-exists systemprompt_restored").await;
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_block_of_commands_is_run_or_has_a_reason() {
    let pages = pages();
    let with_commands = pages.iter().filter(|page| page.shell().next().is_some());
    let names: Vec<_> = with_commands.map(|page| page.name.as_str()).collect();
    assert_eq!(names, PAGES, "a page has no test, or no commands");
    let blocks = || {
        pages
            .iter()
            .flat_map(|page| page.blocks.iter().map(move |block| (page, block)))
    };
    for (page, block) in blocks() {
        let said = block.is_shell() || !block.begins_like_commands();
        assert!(
            said,
            "{}:{}: these are commands: ```sh",
            page.name, block.line
        );
    }
    let left = blocks()
        .filter(|(page, block)| !is_run(page, block))
        .count();
    assert_eq!(
        left,
        NOT_RUN.len(),
        "NOT_RUN names blocks that are not there"
    );
}

#[tokio::test]
async fn readme() {
    follow("README.md").await;
}

#[tokio::test]
async fn budgets() {
    follow("docs/budgets.md").await;
}

#[tokio::test]
async fn closed_loop() {
    follow("docs/closed-loop.md").await;
}

#[tokio::test]
async fn cookbook() {
    follow("docs/cookbook.md").await;
}

#[tokio::test]
async fn events() {
    follow("docs/events.md").await;
}

#[tokio::test]
async fn imports() {
    follow("docs/imports.md").await;
}

#[tokio::test]
async fn opentelemetry() {
    follow("docs/opentelemetry.md").await;
}

#[tokio::test]
async fn operations() {
    follow("docs/operations.md").await;
}

#[tokio::test]
async fn quick_start() {
    follow("docs/quick-start.md").await;
}

#[tokio::test]
async fn sdks() {
    follow("docs/sdks.md").await;
}

#[tokio::test]
async fn web() {
    follow("docs/web.md").await;
}

/// The page at `/api/docs`, which is made from the registry: each question as a request
/// and as a command.
#[tokio::test]
async fn the_api_reference() {
    let mut place = Place::of(std::iter::empty()).await;
    let mut ids = Vec::new();
    for (group, list, id) in [
        ("requests", "requests/list", "id"),
        ("traces", "traces/list", "trace_id"),
        ("conversations", "conversations/list", "conversation_id"),
        ("sessions", "sessions/list?class=all", "id"),
    ] {
        let id = place.ask(list).await[id].as_str().unwrap().to_owned();
        ids.push((format!("{group}/show?id="), id.clone()));
        ids.push((format!("{group} show "), id));
    }
    let request = place.system.request(Method::GET, "/api/docs", &[], "");
    let html = place.system.client().send(request).await.unwrap().text();
    place.token().await;
    let mut tried = 0;
    let mut failed = Vec::new();
    for example in html.split("<pre><code>").skip(1) {
        let (example, _) = example.split_once("</code>").unwrap();
        let mut script = example
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&amp;", "&");
        for (before, id) in &ids {
            script = script.replace(&format!("{before}01935e8d-7c2a"), &format!("{before}{id}"));
        }
        tried += 1;
        failed.extend(place.run(&script).await.err());
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(tried > 100, "only {tried} examples were found");
}
