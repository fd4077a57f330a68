//! Imports of what is large: they hold a few batches, however long a file is, say how far
//! they are, and add nothing the second time.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use systemprompt_cli::{Look, Outside};
use systemprompt_domain::Clock;
use systemprompt_testkit::db::TestDb;
use systemprompt_testkit::process::{cli_bin, give_audit_keys};

/// Several batches: as much as is ever held at once.
const FEW: u32 = 20_000;
const MANY: u32 = 200_000;
/// How much more memory the many may take, in KiB. They are some hundred MiB when read.
const GROWTH_KIB: u64 = 48 * 1024;

/// Spend logs of LiteLLM, as its proxy writes them to its table.
fn spend_logs(path: &Path, lines: u32) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    for n in 0..lines {
        let (minute, second) = (n / 60 % 60, n % 60);
        let (day, hour) = (1 + n / 86_400, n / 3_600 % 24);
        let at = format!("2025-03-{day:02}T{hour:02}:{minute:02}:{second:02}");
        let log = json!({
            "request_id": format!("chatcmpl-{n:032x}"), "call_type": "acompletion",
            "startTime": format!("{at}.000Z"), "endTime": format!("{at}.900Z"),
            "model": "gpt-4o-mini", "custom_llm_provider": "openai",
            "prompt_tokens": 1_000 + n % 500, "completion_tokens": n % 200, "spend": 0.0002,
            "user": format!("user-{}", n % 50), "team_id": format!("team-{}", n % 5),
            "status": "success", "session_id": format!("session-{}", n / 20),
            "metadata": {"usage_object": {"prompt_tokens_details": {"cached_tokens": n % 300}}},
        });
        writeln!(file, "{log}").unwrap();
    }
    file.flush().unwrap();
}

/// Imports with the program itself; says what came of it, and the most memory it took, in
/// KiB.
fn import(url: &str, folder: &Path, file: &Path) -> (Value, u64) {
    let mut command = Command::new(cli_bin().unwrap());
    give_audit_keys(&mut command);
    command
        .args(["import", "litellm", "--json", "--database-url", url])
        .arg("--storage")
        .arg(folder)
        .arg(file)
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut peak = 0;
    loop {
        // Of one that ended there is nothing any more.
        peak = peak.max(peak_kib(child.id()).unwrap_or(0));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    (serde_json::from_slice(&output.stdout).unwrap(), peak)
}

/// The largest resident size so far.
fn peak_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_file_takes_no_more_memory_and_is_stored_once() {
    let db = TestDb::new().await;
    let (url, folder) = (db.url(), tempfile::tempdir().unwrap());
    let file = |name: &str| folder.path().join(name);
    let (few, many) = (file("few.jsonl"), file("many.jsonl"));
    spend_logs(&few, FEW);
    spend_logs(&many, MANY);

    let (first, small) = import(&url, folder.path(), &few);
    assert_eq!(
        (&first["stored"], &first["known"]),
        (&json!(FEW), &json!(0)),
        "{first:#}"
    );
    let (second, large) = import(&url, folder.path(), &many);
    assert_eq!(
        (&second["stored"], &second["known"]),
        (&json!(MANY - FEW), &json!(FEW)),
        "{second:#}"
    );
    assert!(
        small > 0 && large < small + GROWTH_KIB,
        "{small} KiB, then {large} KiB"
    );
    let counted = async || {
        let sql = "select sum(requests)::bigint, sum(input + cache_read)::bigint, sum(cost_nanos)::bigint \
                   from usage_day where cube = 'total'";
        let row: (i64, i64, i64) = sqlx::query_as(sql).fetch_one(db.pool()).await.unwrap();
        row
    };
    let all = counted().await;
    let input: u64 = (0..MANY).map(|n| u64::from(1_000 + n % 500)).sum();
    assert_eq!((all.0, all.1), (i64::from(MANY), input.cast_signed()));

    // Again, where somebody looks.
    let words = [
        "systemprompt",
        "import",
        "litellm",
        "--json",
        "--database-url",
        url.as_str(),
        "--storage",
    ];
    let words: Vec<_> = words
        .iter()
        .map(Into::into)
        .chain([folder.path().into(), few.as_os_str().to_owned()])
        .collect();
    let run = move || {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut outside = Outside {
            out: &mut out,
            err: &mut err,
            look: Look::default(),
            live: true,
            clock: Clock::System,
        };
        let code = systemprompt_cli::run(words, &mut outside);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (code, text(out), text(err))
    };
    let (code, out, drawn) = tokio::task::spawn_blocking(run).await.unwrap();
    let again: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &again["stored"], &again["known"]),
        (0, &json!(0), &json!(FEW)),
        "{drawn}"
    );
    let shares: Vec<u32> = drawn
        .split('\r')
        .filter(|line| line.contains("importing") && line.contains(" records, "))
        .filter_map(|line| line.split_once(" %")?.0.rsplit(' ').next()?.parse().ok())
        .collect();
    assert!(
        shares.len() > 1 && shares.is_sorted(),
        "{shares:?} in {drawn:?}"
    );
    assert!(drawn.ends_with("\r\u{1b}[K"), "and it is taken away");
    assert_eq!(counted().await, all);
}
