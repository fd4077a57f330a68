//! How fast requests that others recorded are brought in, and in how much memory: into
//! an empty database, and again where every one is known.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::exports::Form;
use super::{Ran, systemprompt};
use crate::bench::report::{Report, Table, count};
use crate::bench::{folder, machine};

/// How much to bring in.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(in crate::bench) struct Options {
    /// Requests of the largest export; the others have a tenth of it
    #[arg(long, default_value_t = 1_000_000)]
    requests: u32,
}

pub(in crate::bench) fn run(options: Options, quick: bool) -> anyhow::Result<Report> {
    let mut report = Report::new("Import of requests");
    let folder = folder("import-requests")?;
    let all = options.requests / if quick { 50 } else { 1 };
    let part = all / 10;
    let mut table = Table::new(
        "Requests of an export over ninety days",
        &["export", "requests", "MiB", "s", "requests/s", "memory MiB"],
    );
    for (form, n) in [
        (Form::LitellmCsv, part),
        (Form::LitellmLines, part),
        (Form::LitellmArray, part),
        (Form::Langfuse, part),
        (Form::LitellmCsv, all),
    ] {
        let (command, name) = form.names();
        let (export, storage) = (folder.path().join("export"), folder.path().join("storage"));
        form.write(n, &export)?;
        let mib = std::fs::metadata(&export)?.len() >> 20;
        // The database is made before.
        systemprompt(&storage, false, &["infra", "db", "status"])?;
        for (name, stored) in [(name.to_owned(), n), (format!("{name}, again"), 0)] {
            let (said, peak) = import(&storage, command, &export)?;
            ensure!(said["requests"] == n, "{n} were brought: {said}");
            ensure!(said["stored"] == stored, "not {stored} are stored: {said}");
            let seconds = said["seconds"].as_f64().context("a figure")?;
            table.row([
                name,
                count(n.into()),
                mib.to_string(),
                format!("{seconds:.1}"),
                count(f64::from(n) / seconds),
                peak.to_string(),
            ]);
        }
        std::fs::remove_dir_all(&storage)?;
    }
    report.table(table);
    report.note(format!("load average after the run: {}", machine::load()));
    Ok(report)
}

/// What the command said, and its memory at the highest.
fn import(storage: &Path, command: &str, export: &Path) -> anyhow::Result<(Value, u64)> {
    let export = export.to_str().context("the export's name is not UTF-8")?;
    let args = ["import", command, export, "--json"];
    let Ran { said, peak } = systemprompt(storage, false, &args)?;
    Ok((serde_json::from_slice(&said)?, peak))
}
