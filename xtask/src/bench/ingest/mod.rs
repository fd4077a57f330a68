//! How fast events go from the spool into PostgreSQL: the real writer drains a
//! prefilled spool into fresh databases, with one more of its parts each time,
//! against server-side `COPY` of the same rows into the same table.

pub(in crate::bench) mod database;
pub(in crate::bench) mod events;
mod measure;

use anyhow::ensure;
use systemprompt_capture::{Spool, SpoolOptions};
use systemprompt_storage::writer::Depth;

use self::database::Cluster;
use self::measure::Cost;
use super::report::{Report, Table, count};
use super::{folder, machine};

/// How much to ingest.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Requests in the spool; each is two events
    #[arg(long, default_value_t = 200_000)]
    requests: usize,
}

/// What the writer does, one more part each time.
const STEPS: [(&str, Depth); 6] = [
    ("rows only", Depth::Rows),
    ("+ cursor, open requests", Depth::Cursor),
    ("+ usage rollups", Depth::Usage),
    ("+ latency rollups", Depth::Latency),
    ("+ errors, conversations, traces", Depth::Links),
    ("+ audit: the whole writer", Depth::Everything),
];

pub(super) async fn run(options: Options, quick: bool) -> anyhow::Result<Report> {
    let requests = if quick {
        options.requests.min(10_000)
    } else {
        options.requests
    };
    let mut report = Report::new("Ingest");
    let folder = folder("ingest")?;
    let spool = Spool::open(SpoolOptions {
        dir: folder.path().join("spool"),
        lane: "gateway",
        cap: 1 << 40,
        segment: 16 << 20,
        keep: std::time::Duration::from_secs(24 * 3600),
    })?;
    let bytes = events::fill(&spool, requests).await;
    report.note(format!(
        "{requests} requests in {} events of {} bytes on average; fsync on; PostgreSQL's CPU is that of all its processes",
        2 * requests,
        bytes / (2 * requests as u64),
    ));

    let cluster = Cluster::start(folder.path()).await?;
    let mut table = Table::new(
        "Events into PostgreSQL",
        &[
            "step",
            "requests/s",
            "events/s",
            "writer CPU µs/request",
            "PostgreSQL CPU µs/request",
        ],
    );
    let mut whole = 0.0;
    for (name, depth) in STEPS {
        let database = cluster.database().await?;
        let cost = measure::drain(&cluster, &database, &spool, depth).await?;
        let stored = database.requests().await?;
        ensure!(
            stored == requests as u64,
            "{name}: {stored} of {requests} requests were stored"
        );
        whole = cost.per_second(requests);
        table.row(row(name, &cost, requests));
        if depth == Depth::Everything {
            database.check().await?;
            database.copy_out().await?;
        }
        database.remove().await?;
    }
    let database = cluster.database().await?;
    let copy = measure::copy_in(&cluster, &database, events::days(requests)).await?;
    ensure!(
        database.requests().await? == requests as u64,
        "COPY stored something else"
    );
    table.row(row("COPY of a prebuilt file: rows only", &copy, requests));
    database.remove().await?;
    let share = 100.0 * whole / copy.per_second(requests);
    report.note(format!("the whole writer reaches {share:.0} % of COPY"));
    report.note(format!("load average after the run: {}", machine::load()));
    report.table(table);
    cluster.stop().await?;
    Ok(report)
}

#[allow(clippy::cast_precision_loss)] // counts are far below 2^52
fn row(name: &str, cost: &Cost, requests: usize) -> [String; 5] {
    let each = |cpu: std::time::Duration| count(cpu.as_secs_f64() * 1e6 / requests as f64);
    let rate = cost.per_second(requests);
    [
        name.to_owned(),
        count(rate),
        count(2.0 * rate),
        each(cost.own),
        each(cost.postgres),
    ]
}
