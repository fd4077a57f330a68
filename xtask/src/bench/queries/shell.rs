//! The same questions over the command line: a process each, from its start to its end.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::ask::{Asked, Asking};
use crate::bench::release;
use crate::bench::report::{Report, Table, median, millis};

/// How often each is asked.
const TIMES: usize = 5;
/// What says which one is meant comes without its name.
const BARE: [&str; 3] = ["id", "name", "content"];

/// Asks every question over all of its time, and tells how long its process took.
pub(super) fn ask(
    report: &mut Report,
    storage: &Path,
    database: Option<&str>,
    asked: &[Asked],
) -> anyhow::Result<()> {
    let mut table = Table::new(
        "Over the command line, p50 of a process in ms",
        &["asked", "process", "of it over HTTP"],
    );
    let mut all = Vec::new();
    let whole = asked.iter().filter(|asked| asked.asking.plain);
    for Asked { asking, p50, .. } in whole {
        let took = of(asking, storage, database)?;
        table.row([asking.name.clone(), millis(took), millis(*p50)]);
        all.push(took);
    }
    ensure!(!all.is_empty(), "nothing was asked over the command line");
    report.table(table);
    report.note(format!(
        "over the command line: {} questions in processes of {} ms (median) to {} ms",
        all.len(),
        millis(median(all.clone())),
        millis(all.into_iter().max().unwrap_or_default()),
    ));
    Ok(())
}

fn of(asking: &Asking, storage: &Path, database: Option<&str>) -> anyhow::Result<Duration> {
    let program = release::program("systemprompt")?;
    let mut took = Vec::with_capacity(TIMES);
    for path in asking.paths.iter().cycle().take(TIMES) {
        let mut command = Command::new(&program);
        command.arg("--storage").arg(storage);
        if let Some(url) = database {
            command.args(["--database-url", url]);
        }
        command.args(words(path)).arg("--json");
        let began = Instant::now();
        let said = command
            .stdin(Stdio::null())
            .output()
            .context("starting the command line")?;
        took.push(began.elapsed());
        ensure!(
            said.status.success(),
            "{command:?} ended with {}:\n{}",
            said.status,
            String::from_utf8_lossy(&said.stderr)
        );
    }
    Ok(median(took))
}

/// `costs/breakdown?since=90d&by=model` as a command has it.
fn words(path: &str) -> Vec<String> {
    let path = path.trim_start_matches("/api/v1/");
    let (name, query) = path.split_once('?').unwrap_or((path, ""));
    let mut words: Vec<String> = name.split('/').map(str::to_owned).collect();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    for (name, value) in pairs {
        if !BARE.contains(&name) {
            words.push(format!("--{name}"));
        }
        words.push(value.to_owned());
    }
    words
}
