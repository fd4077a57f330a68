//! The same questions of rollups, of the rows themselves, and of `DuckDB` over an export of
//! the rows: what rollups are kept for.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use systemprompt_testkit::client::Client;

use super::ask;
use crate::bench::report::{Report, Table, median, millis};

/// A question as a path, and as a statement over rows that both understand. The last column
/// of either is a sum of nano-dollars, by which they are compared.
struct Same {
    name: &'static str,
    path: &'static str,
    /// Rows of the answer that count, and where their cost is.
    sql: &'static str,
}

const SAME: [Same; 5] = [
    Same {
        name: "cost, 90 days",
        path: "costs/summary?since=90d",
        sql: "select count(*), sum(cost_nanos)::bigint from ai_requests where :period",
    },
    Same {
        name: "cost by model, 30 days",
        path: "costs/breakdown?by=model&since=30d&limit=1000",
        sql: "select provider, served_model, count(*), sum(cost_nanos)::bigint from ai_requests \
              where :period group by 1, 2",
    },
    Same {
        name: "cost by agent, 90 days",
        path: "costs/breakdown?by=agent&since=90d&limit=1000",
        sql: "select agent, count(*), sum(cost_nanos)::bigint from ai_requests where :period group by 1",
    },
    Same {
        name: "cost by day, 90 days",
        path: "costs/trends?since=90d&group-by=day",
        sql: "select date_trunc('day', created_at), count(*), sum(cost_nanos)::bigint \
              from ai_requests where :period group by 1",
    },
    Same {
        name: "percentiles by model, 30 days",
        path: "requests/models?since=30d&limit=1000",
        sql: "select provider, served_model, percentile_cont(0.5) within group (order by latency_us), \
              percentile_cont(0.95) within group (order by latency_us), sum(cost_nanos)::bigint \
              from ai_requests where :period group by 1, 2",
    },
];

/// How often rollups are asked, and the others, which take long.
const TIMES: usize = 21;
const FEW: usize = 3;

/// Asks all three, and fails where one says something else than the others.
pub(super) async fn ask(
    report: &mut Report,
    addr: SocketAddr,
    pool: &PgPool,
    folder: &Path,
) -> anyhow::Result<()> {
    let mut client = Client::new(addr);
    let mut statements = serde_json::Map::new();
    let mut asked = Vec::new();
    for same in &SAME {
        let path = format!("/api/v1/analytics/{}", same.path);
        let (said, _) = ask::ask(&mut client, addr, &path, None).await?;
        let said = said.json();
        let mut took = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            took.push(ask::get(&mut client, addr, &path, None).await?);
        }
        let sql = same.sql.replace(":period", &period(&said)?);
        let cost = nanos(&said).with_context(|| format!("{path}: {said}"))?;
        let (rows, from_rows) = of_rows(pool, &sql).await?;
        ensure!(
            from_rows == cost,
            "{}: rollups say {cost}, rows {from_rows}",
            same.name
        );
        statements.insert(same.name.to_owned(), sql.into());
        asked.push((same, median(took), rows, cost));
    }
    let duck = match of_duckdb(pool, folder, statements).await {
        Ok(duck) => duck,
        Err(error) => {
            report.note(format!("DuckDB was not asked: {error:#}"));
            Value::Null
        }
    };
    let mut table = Table::new(
        "The same of rollups, rows and DuckDB, p50 in ms",
        &["question", "rollups, over HTTP", "rows, SQL", "DuckDB"],
    );
    for (same, rollups, rows, cost) in asked {
        let duck = &duck[same.name];
        let mut took: Vec<f64> = duck["ms"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_f64)
            .collect();
        took.sort_by(f64::total_cmp);
        ensure!(
            took.is_empty() || duck["sum"] == cost.to_string(),
            "{}: rollups say {cost}, DuckDB {}",
            same.name,
            duck["sum"]
        );
        let duck = took
            .get(took.len() / 2)
            .map_or("–".to_owned(), |ms| format!("{ms:.0}"));
        table.row([same.name.to_owned(), millis(rollups), millis(rows), duck]);
    }
    report.table(table);
    Ok(())
}

/// The period that the answer is about, as a condition.
fn period(said: &Value) -> anyhow::Result<String> {
    let bound = |name: &str| {
        said["period"][name]
            .as_str()
            .context("an answer without a period")
    };
    Ok(format!(
        "created_at >= timestamptz '{}' and created_at < timestamptz '{}'",
        bound("since")?,
        bound("until")?
    ))
}

/// What an answer's rows cost together, in nano-dollars.
fn nanos(said: &Value) -> Option<i128> {
    let rows = said["rows"].as_array()?;
    rows.iter()
        .map(|row| {
            let Some(cost) = row["cost"].as_str() else {
                return Some(0);
            };
            let (whole, part) = cost.split_once('.').unwrap_or((cost, ""));
            format!("{whole}{part:0<9}").parse::<i128>().ok()
        })
        .sum()
}

/// How long PostgreSQL takes over the rows, and what they cost.
async fn of_rows(pool: &PgPool, sql: &str) -> anyhow::Result<(Duration, i128)> {
    let mut took = Vec::with_capacity(FEW);
    let mut sum = 0;
    for _ in 0..FEW {
        let began = Instant::now();
        let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .fetch_all(pool)
            .await?;
        took.push(began.elapsed());
        sum = 0;
        for row in &rows {
            let last = sqlx::Row::len(row) - 1;
            let text: Option<String> = {
                let value = sqlx::Row::try_get_raw(row, last)?;
                match sqlx::ValueRef::is_null(&value) {
                    true => None,
                    false => Some(
                        value
                            .as_str()
                            .map_err(|error| anyhow::anyhow!(error))?
                            .to_owned(),
                    ),
                }
            };
            sum += text.map_or(Ok(0), |text| text.parse::<i128>())?;
        }
    }
    Ok((median(took), sum))
}

/// Has `DuckDB` read an export and asks it, in an environment of its own.
async fn of_duckdb(
    pool: &PgPool,
    folder: &Path,
    statements: serde_json::Map<String, Value>,
) -> anyhow::Result<Value> {
    // PostgreSQL writes it, under an account of its own.
    let shared = folder.join("export");
    std::fs::create_dir(&shared)?;
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o777))?;
    let csv = shared.join("requests.csv");
    let copy = format!(
        "copy (select created_at, provider, served_model, agent, cost_nanos, latency_us from ai_requests) \
         to '{}' (format csv, header)",
        csv.display()
    );
    sqlx::raw_sql(AssertSqlSafe(copy)).execute(pool).await?;
    let venv = folder.join("venv");
    let run = |program: &Path, args: &[&str]| -> anyhow::Result<()> {
        let said = Command::new(program)
            .args(args)
            .output()
            .with_context(|| program.display().to_string())?;
        ensure!(
            said.status.success(),
            "{}: {}",
            program.display(),
            String::from_utf8_lossy(&said.stderr)
        );
        Ok(())
    };
    run(
        Path::new("python3"),
        &["-m", "venv", &venv.to_string_lossy()],
    )?;
    let python = venv.join("bin/python");
    run(&python, &["-m", "pip", "install", "--quiet", "duckdb"])?;
    let asked = json!({
        "csv": csv,
        "database": folder.join("requests.duckdb"),
        "times": FEW,
        "questions": statements,
    });
    let mut child = Command::new(&python)
        .args(["-c", include_str!("beside.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("its input")?;
    stdin.write_all(asked.to_string().as_bytes())?;
    drop(stdin);
    let said = child.wait_with_output()?;
    ensure!(said.status.success(), "python: {}", said.status);
    Ok(serde_json::from_slice(&said.stdout)?)
}
