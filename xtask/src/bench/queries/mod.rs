//! Whether answers stay fast as history grows: ninety days are filled twice, with a
//! tenth of the rows and with all, and every question of the registry and every page
//! of `/admin` is asked of both, over HTTP, on one connection. Of all rows they are asked over the
//! command line too, and some of the rows themselves and of `DuckDB`.

mod ask;
mod beside;
mod fill;
mod ingest;
mod pages;
mod rollups;
mod shell;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use systemprompt_storage::embedded::Embedded;
use systemprompt_testkit::db::audit_keys_file;
use systemprompt_testkit::process::ServerProcess;

use self::ask::{Asked, Asking};
use super::report::{Report, Table, count, millis};
use super::{folder, machine, on_disk, open_to_all, release};

/// How much history there is, and what is asked of it.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Requests of ninety days; as many engagement events, and the rest in proportion
    #[arg(long, default_value_t = 10_000_000)]
    rows: u64,
    /// Keep what was filled in this folder, or ask what is kept there
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Use these databases instead of clusters of its own: an empty one, and those of a
    /// tenth and of all the rows, which are filled where they are empty
    #[arg(long, value_name = "URL", num_args = 3)]
    databases: Vec<String>,
    /// Leave out the comparison of every rollup with its rows, which takes minutes
    #[arg(long)]
    unchecked: bool,
    /// Ask only questions whose names begin so
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Leave out the comparison with the rows themselves and with DuckDB, which is
    /// fetched from PyPI
    #[arg(long)]
    alone: bool,
}

/// What an answer may take, and the one that may take more: top users over more than
/// 31 days.
const LIMIT: Duration = Duration::from_millis(50);
const MANY_USERS: Duration = Duration::from_millis(200);
/// What a page of `/admin` may take.
const PAGE: Duration = Duration::from_millis(100);
/// How much longer an answer may take with ten times the rows, and below which
/// difference nothing is said.
const GROWTH: f64 = 1.5;
const NOISE: Duration = Duration::from_millis(2);
/// How often each question is asked.
const TIMES: usize = 21;

pub(super) async fn run(options: Options, quick: bool) -> anyhow::Result<Report> {
    let rows = if quick {
        options.rows.min(90_000)
    } else {
        options.rows
    };
    let temporary = folder("queries")?;
    let at = options.keep.as_deref().unwrap_or(temporary.path());
    let mut report = Report::new("Questions");
    let (mut sizes, mut speeds) = (Vec::new(), Vec::new());
    for (rows, place) in [0, rows / 10, rows].into_iter().zip(0..) {
        let storage = at.join(rows.to_string());
        std::fs::create_dir_all(&storage)?;
        open_to_all(&storage)?;
        let database = options.databases.get(place).map(String::as_str);
        if rows > 0 {
            let (check, whole) = (!options.unchecked, place == 2);
            prepare(&storage, database, rows, whole, check, &mut report).await?;
            let beside = whole && !options.alone && options.only.is_none();
            let beside = beside.then_some(temporary.path());
            let report = whole.then_some(&mut report);
            sizes.push(measure(&storage, database, options.only.as_deref(), report, beside).await?);
        }
        speeds.push((rows, speed(&storage, database).await?));
    }
    let whole = sizes.pop().context("two sizes")?;
    let tenth = sizes.pop().context("two sizes")?;
    table(
        &mut report,
        "Every question, every period",
        LIMIT,
        &tenth.questions,
        &whole.questions,
    );
    table(
        &mut report,
        "With filters",
        LIMIT,
        &tenth.filtered,
        &whole.filtered,
    );
    table(
        &mut report,
        "Pages of /admin",
        PAGE,
        &tenth.pages,
        &whole.pages,
    );
    report.note(format!(
        "{TIMES} times each on one connection over loopback; first: the first time after a start, with \
         PostgreSQL's own buffers empty; growth is that of p50, and is passed over below {NOISE:?}"
    ));
    report.note(format!("{} were refused", whole.refused.len()));
    for refused in &whole.refused {
        eprintln!("{refused}");
    }
    ingest::tell(&mut report, &speeds);
    report.note(format!("load average after the run: {}", machine::load()));
    Ok(report)
}

/// How many requests a second the writer stores in a database.
async fn speed(storage: &Path, database: Option<&str>) -> anyhow::Result<f64> {
    let (embedded, connect) = connect(storage, database).await?;
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .connect_with(connect)
        .await?;
    systemprompt_storage::migrate(&pool).await?;
    let speed = ingest::speed(&pool, storage).await?;
    pool.close().await;
    if let Some(embedded) = embedded {
        embedded.stop().await?;
    }
    Ok(speed)
}

/// The database that is named, or the one in the storage folder.
async fn connect(
    storage: &Path,
    database: Option<&str>,
) -> anyhow::Result<(Option<Embedded>, PgConnectOptions)> {
    Ok(match database {
        Some(url) => (None, url.parse::<PgConnectOptions>()?),
        None => {
            let embedded = Embedded::start(storage, |_| ()).await?;
            let connect = embedded.connect_options();
            (Some(embedded), connect)
        }
    })
}

/// Fills a database that is empty.
async fn prepare(
    storage: &Path,
    database: Option<&str>,
    rows: u64,
    whole: bool,
    check: bool,
    report: &mut Report,
) -> anyhow::Result<()> {
    // What is filled need not outlive a crash of the machine.
    let fast = systemprompt_storage::embedded::Options {
        durable: false,
        ..Default::default()
    };
    let (embedded, options) = match database {
        Some(url) => (None, url.parse::<PgConnectOptions>()?),
        None => {
            let embedded = Embedded::start_with(storage, &fast, |_| ()).await?;
            let options = embedded.connect_options();
            (Some(embedded), options)
        }
    };
    let pool = PgPoolOptions::new()
        .max_connections(3)
        .connect_with(options)
        .await?;
    if !fill::is_filled(&pool).await? {
        let filling = fill::fill(&pool, rows, check).await?;
        report.note(filling.note());
    } else {
        // An earlier run has added rows that statistics do not know of.
        sqlx::raw_sql("analyze").execute(&pool).await?;
    }
    if whole {
        report.table(on_disk::table(&pool, rows).await?);
    }
    pool.close().await;
    if let Some(embedded) = embedded {
        embedded.stop().await?;
    }
    Ok(())
}

/// What was asked of one size.
struct Size {
    questions: Vec<Asked>,
    filtered: Vec<Asked>,
    pages: Vec<Asked>,
    /// What was refused, with the words.
    refused: Vec<String>,
}

/// Asks a server everything; other ways of asking go into the report, if there is one.
async fn measure(
    storage: &Path,
    database: Option<&str>,
    only: Option<&str>,
    report: Option<&mut Report>,
    beside: Option<&Path>,
) -> anyhow::Result<Size> {
    let mut command = Command::new(release::program("systemprompt-server")?);
    command
        .args(["--listen", "127.0.0.1:0", "--storage"])
        .arg(storage);
    // Nothing but questions while they are timed.
    command.args(["--set", "scheduler.enabled=false"]);
    command.args(["--set", "web.sites=[example.com,example.org]"]);
    // The log's keys are those of the writer that is measured afterwards.
    let keys = audit_keys_file();
    command.args(["--set", &format!("audit.keys={}", keys.display())]);
    if let Some(url) = database {
        command.args(["--database-url", url]);
    }
    let mut server = ServerProcess::spawn(command)
        .await
        .context("starting the server")?;
    let addr = server.addr()?;
    let (embedded, connect) = connect(storage, database).await?;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(connect)
        .await?;
    let known = ask::Known::find(&pool).await?;
    let registry = ask::registry(addr, only.unwrap_or_default()).await?;
    ensure!(!registry.is_empty(), "no question is called so");
    let (questions, mut refused) = ask::all(addr, ask::questions(&registry, &known)).await?;
    let (filtered, more) = ask::all(addr, ask::filtered(&registry, &known)).await?;
    refused.extend(more);
    // Before there is a user: then nobody is answered without a token.
    if let Some(report) = report {
        shell::ask(report, storage, database, &questions)?;
        if let Some(folder) = beside {
            beside::ask(report, addr, &pool, folder).await?;
        }
    }
    let pages = match only {
        None => pages::all(addr, &pool, &known).await?,
        Some(_) => Vec::new(),
    };
    pool.close().await;
    if let Some(embedded) = embedded {
        embedded.stop().await?;
    }
    server.sigterm()?;
    let status = server.wait_exit(Duration::from_secs(60)).await?;
    ensure!(
        status.success(),
        "the server ended with {status}:\n{}",
        server.stderr()
    );
    Ok(Size {
        questions,
        filtered,
        pages,
        refused,
    })
}

fn table(
    report: &mut Report,
    title: &'static str,
    limit: Duration,
    tenth: &[Asked],
    whole: &[Asked],
) {
    let mut table = Table::new(
        title,
        &[
            "asked",
            "first ms",
            "p50 ms",
            "p95 ms",
            "p95 ms at a tenth",
            "growth",
            "missed",
        ],
    );
    let mut missed = 0;
    for large in whole {
        let name = &large.asking.name;
        let Some(small) = tenth.iter().find(|small| small.asking.name == *name) else {
            continue;
        };
        let Asking {
            name, many_users, ..
        } = &large.asking;
        let limit = if *many_users { MANY_USERS } else { limit };
        let growth = large.p50.as_secs_f64() / small.p50.as_secs_f64();
        let grows = growth > GROWTH && large.p50.saturating_sub(small.p50) > NOISE;
        let said = match (large.p95 > limit, grows) {
            (false, false) => String::new(),
            (true, false) => format!("over {} ms", limit.as_millis()),
            (false, true) => "grows".to_owned(),
            (true, true) => format!("over {} ms, grows", limit.as_millis()),
        };
        missed += usize::from(!said.is_empty());
        table.row([
            name.clone(),
            millis(large.first),
            millis(large.p50),
            millis(large.p95),
            millis(small.p95),
            format!("{growth:.2}"),
            said,
        ]);
    }
    #[allow(clippy::cast_precision_loss)] // a few hundred
    let (asked, missed) = (count(whole.len() as f64), count(missed as f64));
    let nothing: usize = whole.iter().map(|asked| asked.nothing).sum();
    report.note(format!(
        "{title}: {asked} asked, {missed} missed; {nothing} answers had nothing to tell"
    ));
    report.table(table);
}
