//! The commands of README.md and of the pages below `docs/`, run as they stand there
//! against a server with a little of everything in it. What a reader has to fill in
//! (ids, paths, names of variables) is filled in; a block that is for other machines
//! says so with the word `not-run` after its language.

mod page;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::db::TestDb;
use systemprompt_testkit::faults::{command, run_to_end, until_stored};
use systemprompt_testkit::mcp::McpUpstream;
use systemprompt_testkit::process::{ServerProcess, cli_bin, give_audit_keys, server_bin};
use systemprompt_testkit::smtp::{Encryption, SmtpSink};
use systemprompt_testkit::upstream::Upstream;
use tempfile::TempDir;
use time::{Duration as Days, OffsetDateTime};

use self::page::{Page, commands};
use crate::system::{MESSAGES, System};

/// Made from the program by other tests.
const GENERATED: [&str; 2] = ["docs/cli.md", "docs/configuration.md"];
/// Pages with commands, and how many.
const COUNTED: [(&str, usize); 9] = [
    ("README.md", 17),
    ("docs/budgets.md", 4),
    ("docs/closed-loop.md", 8),
    ("docs/cookbook.md", 32),
    ("docs/events.md", 6),
    ("docs/opentelemetry.md", 5),
    ("docs/operations.md", 27),
    ("docs/quick-start.md", 10),
    ("docs/web.md", 9),
];
/// How long a block may take: one of them makes ninety days of figures.
const PATIENT: Duration = Duration::from_secs(240);

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
    /// For channels and MCP servers that the page names.
    _mail: SmtpSink,
    _mcp: McpUpstream,
}

impl Place {
    async fn of(page: &Page) -> Self {
        let mail = SmtpSink::start(Encryption::None).await.unwrap();
        let mcp = McpUpstream::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let variables = vec![
            ("ANTHROPIC_API_KEY", "none".to_owned()),
            ("SMTP_URL", mail.url()),
            ("DISCORD_WEBHOOK", "https://discord.example/hook".to_owned()),
            ("SLACK_WEBHOOK", "https://slack.example/hook".to_owned()),
            ("HOOK_SECRET", "a secret of sixteen and more".to_owned()),
            ("DOCS_TOKEN", "a token of theirs".to_owned()),
        ];
        for (path, text) in page.files() {
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
        };
        place.programs();
        place.live().await;
        place.fill().await;
        // From then on nobody is let in without: only where the page has one.
        if page.mentions("$SYSTEMPROMPT_TOKEN") {
            let said = place
                .run("systemprompt admin token create reader --kind adm")
                .await;
            let said = said.unwrap();
            let mut words = said.split([' ', '=', '\n']);
            let token = words.find(|word| word.starts_with("sp_adm_")).unwrap();
            let token = token.to_owned();
            place.variables.push(("SYSTEMPROMPT_TOKEN", token));
        }
        place
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
        let page = json!({"p": "view-of-the-docs", "n": 0, "u": "https://example.com/guide", "t": "Guide"});
        let origin = [("origin", "https://example.com")];
        let told = self.system.post_with("/api/collect", &origin, &page).await;
        assert_eq!(told.status, StatusCode::ACCEPTED, "{}", told.text());
        until_stored(self.system.addr, PATIENCE).await.unwrap();
        let log = self.folder.path().join("access.log");
        fs::write(log, "203.0.113.7 - - [29/Nov/2026:10:00:00 +0000] \"GET /guide HTTP/1.1\" 200 10 \"-\" \"Mozilla/5.0\"\n").unwrap();
        let prices = self.folder.path().join("prices.yaml");
        fs::write(prices, PRICES).unwrap();
        fs::create_dir(self.folder.path().join("backups")).unwrap();
    }

    async fn ask(&self, question: &str) -> Value {
        let path = format!("/api/v1/analytics/{question}");
        let request = self.system.request(Method::GET, &path, &[], "");
        let answer = self.system.client().send(request).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()["rows"][0].clone()
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
                url.replace(&database, &restored),
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
        if output.status.success() {
            return Ok(said);
        }
        let error = String::from_utf8_lossy(&output.stderr);
        Err(format!("{}\n{script}\n{said}\n{error}", output.status))
    }
}

/// What a reader's own file of prices may hold.
const PRICES: &str = "\
providers:
  openai: {models: [{model: house-1, source: single 2026-11-24, versions: [
    {rates: {input: 1, output: 4}}]}]}
";

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

/// Runs the blocks of a page, one after the other; all that failed.
async fn follow(name: &str) {
    let page = Page::read(&root(), name);
    let place = Place::of(&page).await;
    let (mut ran, mut failed) = (0, Vec::new());
    for block in &page.blocks {
        let Some(script) = block.script() else {
            continue;
        };
        ran += commands(&script);
        if let Err(error) = place.run(&script).await {
            failed.push(format!("{name}:{}: {error}", block.line));
        }
    }
    let _ = place.run("dropdb --if-exists systemprompt_restored").await;
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(ran > 0, "{name} has no commands");
    println!("{name}: {ran} commands");
}

#[test]
fn blocks_of_commands_say_what_they_are() {
    for page in pages() {
        for block in &page.blocks {
            let at = format!("{}:{}", page.name, block.line);
            let said = block.is_shell() || !block.begins_like_commands();
            assert!(said, "{at}: say that these are commands: ```sh");
            assert_eq!(block.unknown_tag(), None, "{at}");
        }
    }
}

/// A page with commands has a test below, and this many of them.
#[test]
fn every_command_is_counted() {
    let counted: Vec<(String, usize)> = pages()
        .into_iter()
        .map(|page| {
            let scripts = page.blocks.iter().filter_map(page::Block::script);
            (page.name, scripts.map(|script| commands(&script)).sum())
        })
        .filter(|(_, commands)| *commands > 0)
        .collect();
    let expected = COUNTED.map(|(name, commands)| (name.to_owned(), commands));
    assert_eq!(counted, expected);
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
async fn web() {
    follow("docs/web.md").await;
}
