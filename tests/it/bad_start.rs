//! Starting with what cannot work: one clear sentence, a failing exit code, and
//! nothing that only a programmer understands.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use sqlx::Executor;
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::client::Client;
use systemprompt_testkit::db::TestDb;
use systemprompt_testkit::faults::{bare_command, command, run_to_end, until_stored};
use systemprompt_testkit::process::{ServerProcess, give_audit_keys};

use crate::system::{MESSAGES, System};

/// Runs a command that has to refuse, and checks how it does.
async fn refuses(mut command: Command, sentence: &str) {
    give_audit_keys(&mut command);
    let shown = format!("{command:?}");
    let output = run_to_end(command, PATIENCE)
        .await
        .unwrap_or_else(|e| panic!("{shown}: {e}"));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{shown} started: {said}");
    assert!(
        output.stdout.is_empty(),
        "{shown}: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    for noise in [
        "panicked",
        "RUST_BACKTRACE",
        "stack backtrace",
        "Error {",
        "Some(",
    ] {
        assert!(!said.contains(noise), "{shown}: {said}");
    }
    assert!(
        said.contains(sentence),
        "{shown} said\n{said}\ninstead of\n{sentence}"
    );
    let lines: Vec<_> = said.lines().filter(|line| !line.is_empty()).collect();
    // The parser of the command line adds how it is used.
    let own = lines.iter().take_while(|line| !line.starts_with("Usage:"));
    let own: Vec<_> = own
        .filter(|line| !line.starts_with("For more") && !line.starts_with("  tip:"))
        .collect();
    assert_eq!(own.len(), 1, "{shown} said more than one sentence:\n{said}");
    assert!(own[0].starts_with("error: "), "{shown}: {said}");
}

/// A command with nothing but these arguments and a storage folder.
fn with<S: AsRef<OsStr>>(storage: &Path, args: impl IntoIterator<Item = S>) -> Command {
    let mut command = bare_command().unwrap();
    command.arg("--storage").arg(storage).args(args);
    command
}

#[tokio::test]
async fn a_profile_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    for (text, sentence) in [
        ("server: [", "profile.yaml:"),
        (
            "server:\n  listen: 127.0.0.1:0\n  lisen: x\n",
            "profile.yaml:3: unknown key server.lisen",
        ),
        ("server:\n  listen: here\n", "profile.yaml:2: "),
        ("limits:\n  stop_timeout: soon\n", "profile.yaml:2: "),
        (
            "providers:\n  mine:\n    wire: smoke\n    base_url: https://example.com\n",
            "profile.yaml:3: ",
        ),
        (
            "server:\n  tokens:\n    - {name: a, token: short}\n",
            "profile.yaml:3: ",
        ),
        (
            "database:\n  url: ${NO_SUCH_VARIABLE_HERE}\n",
            "NO_SUCH_VARIABLE_HERE",
        ),
    ] {
        let profile = folder.path().join("profile.yaml");
        fs::write(&profile, text).unwrap();
        let args = [OsStr::new("--profile"), profile.as_os_str()];
        refuses(with(folder.path(), args), sentence).await;
    }
}

#[tokio::test]
async fn flags_with_nonsense() {
    let folder = tempfile::tempdir().unwrap();
    for (args, sentence) in [
        (
            vec!["--listen", "nonsense"],
            "--listen: server.listen must be an IP address and a port",
        ),
        (vec!["--listen", "127.0.0.1"], "--listen: "),
        (vec!["--listen", "127.0.0.1:99999"], "--listen: "),
        (vec!["--profile", "no-such-profile"], "no-such-profile"),
        (vec!["--profile", ""], "profile"),
        (vec!["--database-url", "nonsense"], "postgres://"),
        (
            vec!["--database-url", "mysql://user:secret@host/db"],
            "postgres://",
        ),
        (
            vec!["--set", "nonsense"],
            "--set: must look like key.path=value",
        ),
        (vec!["--set", "no.such.key=1"], "unknown key no"),
        (
            vec!["--set", "limits.stop_timeout=soon"],
            "limits.stop_timeout",
        ),
        (vec!["--set", "limits.spool.cap=minus"], "limits.spool.cap"),
        (vec!["--set", "server.listen=[1"], "server.listen"),
        (
            vec!["--set", "providers.anthropic.base_url=ftp://x"],
            "providers.anthropic.base_url",
        ),
        (vec!["--accept-gap=yes"], "--accept-gap"),
        (vec!["--nonsense"], "--nonsense"),
        (vec!["nonsense"], "nonsense"),
    ] {
        refuses(with(folder.path(), args), sentence).await;
    }
    refuses(with(Path::new(""), ["--listen", "127.0.0.1:0"]), "storage").await;
}

#[tokio::test]
async fn a_port_or_a_folder_that_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let sentence = format!("cannot listen on {address}; choose another with --listen");
    refuses(with(folder.path(), ["--listen", &address]), &sentence).await;

    let system = System::start().await;
    let second = command(system.storage.path(), "http://127.0.0.1:9").unwrap();
    refuses(
        second,
        "is in use by another server; give each server a --storage of its own",
    )
    .await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_written() {
    // Root may write everywhere, but nobody can write below a file.
    let args = ["--listen", "127.0.0.1:0"];
    refuses(
        with(Path::new("/dev/null/x"), args),
        "cannot write the storage folder /dev/null/x",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("spool"), "a file").unwrap();
    refuses(with(folder.path(), args), "cannot use the spool folder").await;
}

#[tokio::test]
async fn a_database_that_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let db = TestDb::new().await;
    let wrong_name = db.url().replace("/test_", "/no_test_");
    assert_ne!(wrong_name, db.url());
    for url in ["postgres://nobody:secret@127.0.0.1:9/none", &wrong_name] {
        let args = ["--listen", "127.0.0.1:0", "--database-url", url];
        refuses(
            with(folder.path(), args),
            "cannot connect to the database: ",
        )
        .await;
    }
    let newer = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
        values (29990101000000, 'of the future', true, '', 0)";
    db.pool().execute(newer).await.unwrap();
    let url = db.url();
    let args = ["--listen", "127.0.0.1:0", "--database-url", &url];
    refuses(
        with(folder.path(), args),
        "migrated by a newer version of systemprompt",
    )
    .await;
}

/// A folder and a database that belong together, and a few stored requests.
struct Stopped {
    system: System,
}

impl Stopped {
    async fn new() -> Self {
        let mut system = System::start().await;
        for _ in 0..3 {
            system.post(MESSAGES, "", &json!({"model": "m"})).await;
        }
        assert_eq!(system.count().await.unwrap(), 3);
        system.server.sigterm().unwrap();
        assert!(system.server.wait_exit(PATIENCE).await.unwrap().success());
        Self { system }
    }

    fn command(&self) -> Command {
        let System {
            storage,
            upstream,
            db,
            ..
        } = &self.system;
        let mut command = command(storage.path(), &upstream.url()).unwrap();
        command.arg("--database-url").arg(db.url());
        command
    }

    fn segments(&self) -> Vec<PathBuf> {
        let folder = self.system.storage.path().join("spool/gateway");
        let entries = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut segments: Vec<_> = entries
            .filter(|path| path.extension().is_some_and(|e| e == "seg"))
            .collect();
        segments.sort();
        segments
    }

    /// Starts with `--accept-gap`, after which requests are stored as ever; and
    /// the next start needs no flag.
    async fn goes_on(&self) {
        let mut command = self.command();
        command.arg("--accept-gap");
        for command in [command, self.command()] {
            let mut server = ServerProcess::spawn(command).await.unwrap();
            let before = self
                .system
                .scalar("select count(*) from ai_requests")
                .await
                .unwrap();
            let addr = server.addr().unwrap();
            let mut client = Client::new(addr);
            let request =
                self.system
                    .request(hyper::Method::POST, MESSAGES, &[], r#"{"model":"m"}"#);
            assert!(client.send(request).await.unwrap().status.is_success());
            until_stored(addr, PATIENCE).await.unwrap();
            let after = self
                .system
                .scalar("select count(*) from ai_requests")
                .await
                .unwrap();
            assert_eq!(after, before + 1);
            server.sigterm().unwrap();
            assert!(server.wait_exit(PATIENCE).await.unwrap().success());
        }
    }
}

#[tokio::test]
async fn a_segment_that_is_no_segment() {
    let stopped = Stopped::new().await;
    let segment = stopped.segments().remove(0);
    let file = fs::OpenOptions::new().write(true).open(&segment).unwrap();
    file.write_all_at(b"garbage", 0).unwrap();
    let sentence = format!("the spool segment {} cannot be read", segment.display());
    refuses(stopped.command(), &sentence).await;
    // As the sentence says: moved away, the start goes on.
    fs::rename(&segment, segment.with_extension("away")).unwrap();
    stopped.goes_on().await;
}

#[tokio::test]
async fn a_database_that_is_ahead_of_the_spool() {
    let stopped = Stopped::new().await;
    let ahead = "update spool_cursors set segment = segment + 10";
    stopped.system.db.pool().execute(ahead).await.unwrap();
    refuses(
        stopped.command(),
        "the spool folder is older than the database; start once with --accept-gap",
    )
    .await;
    stopped.goes_on().await;
}

#[tokio::test]
async fn a_database_that_is_behind_the_spool() {
    let stopped = Stopped::new().await;
    // Each start begins a segment; the first is all that was written.
    let mut server = ServerProcess::spawn(stopped.command()).await.unwrap();
    server.kill9().unwrap();
    let segments = stopped.segments();
    assert!(segments.len() >= 2, "{segments:?}");
    fs::remove_file(&segments[0]).unwrap();
    let behind = "update spool_cursors set segment = 1, position = 64";
    stopped.system.db.pool().execute(behind).await.unwrap();
    refuses(
        stopped.command(),
        "events in between are missing; start once with --accept-gap",
    )
    .await;
    stopped.goes_on().await;
}
