//! How fast access logs of the past are brought in: lines a second into an empty
//! database, with all of it (PostgreSQL as well) on one core and on all, and again where
//! every line is known.

mod exports;
pub(super) mod requests;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use time::macros::{datetime, format_description};
use time::{Duration, OffsetDateTime};

use super::report::{Report, Table, count};
use super::{folder, machine, process, release};

/// How much to bring in.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Lines of the log that is made up
    #[arg(long, default_value_t = 500_000)]
    lines: u32,
    /// Days over which they lie
    #[arg(long, default_value_t = 4)]
    days: u32,
    /// A log to bring in, in place of one that is made up
    #[arg(long, value_name = "FILE")]
    log: Option<std::path::PathBuf>,
}

/// Requests of one visit: a page with its files, and one more page.
const VISIT: u32 = 5;
const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Feedbin feed-id:1 - 20 subscribers",
];

pub(super) fn run(options: Options, quick: bool) -> anyhow::Result<Report> {
    let mut report = Report::new("Import");
    let folder = folder("import")?;
    let log = match options.log {
        Some(log) => log,
        None => {
            let lines = options.lines / if quick { 50 } else { 1 };
            let log = folder.path().join("access.log");
            std::fs::write(&log, made_up(lines, options.days))?;
            log
        }
    };
    let mut table = Table::new(
        "Lines of an access log",
        &["run", "lines", "sessions", "s", "lines/s"],
    );
    for (name, one_core) in [("one core", true), ("all cores", false)] {
        let storage = folder.path().join(name.replace(' ', "-"));
        // The database is made before.
        systemprompt(&storage, false, &["infra", "db", "status"])?;
        let first = import(&storage, one_core, &log)?;
        table.row(row(name, &first)?);
        let again = import(&storage, one_core, &log)?;
        ensure!(
            again["stored"] == 0,
            "a second import stored {}",
            again["stored"]
        );
        table.row(row(&format!("{name}, again"), &again)?);
        std::fs::remove_dir_all(&storage)?;
    }
    report.table(table);
    report.note("one core: the program and PostgreSQL together on one CPU (taskset)".to_owned());
    report.note(format!("load average after the run: {}", machine::load()));
    Ok(report)
}

/// What a run of the program came to.
struct Ran {
    /// What it said on standard output.
    said: Vec<u8>,
    /// Its memory at the highest, in MiB.
    peak: u64,
}

fn systemprompt(storage: &Path, one_core: bool, args: &[&str]) -> anyhow::Result<Ran> {
    let program = release::program("systemprompt")?;
    let mut command = match one_core {
        true => {
            let mut pinned = Command::new("taskset");
            pinned.args(["-c", "0"]).arg(program);
            pinned
        }
        false => Command::new(program),
    };
    command.arg("--storage").arg(storage).args(args);
    // What it says fits a pipe, so nobody has to read before it has ended.
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().context("starting systemprompt")?;
    let peak = watch(&mut child)?;
    let output = child.wait_with_output()?;
    let err = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{args:?}: {err}");
    let said = output.stdout;
    Ok(Ran { said, peak })
}

/// Waits for the end of a process; answers its memory at the highest, in MiB.
fn watch(child: &mut Child) -> anyhow::Result<u64> {
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        // One that ends just now has none any more.
        peak = process::memory(child.id()).map_or(peak, |(_, highest)| highest);
        sleep(std::time::Duration::from_millis(50));
    }
    Ok(peak)
}

fn import(storage: &Path, one_core: bool, log: &Path) -> anyhow::Result<Value> {
    let log = log.to_str().context("the log's name is not UTF-8")?;
    let ran = systemprompt(storage, one_core, &["import", "access-log", log, "--json"])?;
    Ok(serde_json::from_slice(&ran.said)?)
}

fn row(name: &str, said: &Value) -> anyhow::Result<[String; 5]> {
    let figure = |name: &str| said[name].as_f64().context("a figure");
    Ok([
        name.to_owned(),
        count(figure("lines")?),
        count(figure("sessions")?),
        format!("{:.2}", figure("seconds")?),
        count(figure("lines_per_second")?),
    ])
}

/// A log of visits that begin one after the other and overlap.
fn made_up(lines: u32, days: u32) -> String {
    let begin = datetime!(2026-03-02 0:00 UTC);
    let visits = lines / VISIT;
    let step = Duration::days(days.into()) / visits.max(1);
    let mut requests: Vec<(OffsetDateTime, u32, u32)> = (0..visits)
        .flat_map(|visit| (0..VISIT).map(move |n| (visit, n)))
        .map(|(visit, n)| {
            let pause = [0, 1, 1, 2, 40][n as usize];
            (begin + step * visit + Duration::seconds(pause), visit, n)
        })
        .collect();
    requests.sort_unstable();
    let format = format_description!(
        "[day]/[month repr:short]/[year]:[hour]:[minute]:[second] [offset_hour sign:mandatory][offset_minute]"
    );
    let mut log = String::new();
    for (at, visit, n) in requests {
        // Numbers without a pattern, the same at every run.
        let mixed = visit.wrapping_mul(2_654_435_761);
        let address = format!(
            "{}.{}.{}.{}",
            11 + mixed % 180,
            mixed >> 8 & 255,
            mixed >> 16 & 255,
            mixed >> 24
        );
        let page = (mixed >> 4) % 400;
        let target = match n {
            0 => format!("/articles/an-article-about-number-{page}"),
            1 => "/style/main.css".to_owned(),
            2 => format!("/images/picture-{}.jpg", page % 50),
            3 => "/favicon.ico".to_owned(),
            _ => format!("/articles/an-article-about-number-{}", (page + 7) % 400),
        };
        let referrer = match (n, mixed % 3) {
            (0, 0) => "https://www.google.com/search?q=article".to_owned(),
            (0, 1) => "-".to_owned(),
            (0, _) => format!("https://blog-{}.example.net/links", mixed % 97),
            _ => format!("https://www.example.com/articles/an-article-about-number-{page}"),
        };
        let agent = AGENTS[(mixed >> 12) as usize % AGENTS.len()];
        let at = at.format(format).expect("a time of this century");
        writeln!(
            log,
            "{address} - - [{at}] \"GET {target} HTTP/1.1\" 200 {} \"{referrer}\" \"{agent}\"",
            1_000 + mixed % 50_000
        )
        .expect("text takes text");
    }
    log
}
