//! `/admin/health`: whether everything that is recorded arrives, and how far the
//! database is behind.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use systemprompt_reporting::present::figure::{bytes, grouped};
use systemprompt_storage::status::{Status, status};

use super::State as Shared;
use super::frame::{escaped, moment, plain};
use crate::health::Lag;
use crate::login::{Problem, Visitor, page};

/// How long the page waits for the database.
const PATIENCE: Duration = Duration::from_secs(2);

/// `GET /admin/health`
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let inner = &*shared.admin.0;
    let session = inner.login.session(&visitor).await?;
    let session = session.ok_or(Problem::SignedOut)?;
    let began = Instant::now();
    let database = tokio::time::timeout(PATIENCE, status(&inner.pool)).await;
    let took = began.elapsed();
    let lag = inner.health.lag().await;
    let database = database.ok().and_then(Result::ok);
    let mut body = String::new();
    recording(&shared, database.as_ref(), &mut body);
    match &database {
        Some(status) => stored(status, took, lag, &mut body),
        None => body.push_str(
            "<section class=\"panel w3\"><header><h2>Database</h2></header><div class=\"failed\" role=\"alert\">\
             <p>The database does not answer. Requests go on; what is recorded waits in the spool.</p></div></section>",
        ),
    }
    prices(&shared, &mut body);
    if let Some(status) = &database {
        spools(status, &mut body);
    }
    let about = "Whether everything that is recorded arrives";
    let frame = plain(
        "health", "Health", about, &session, &headers, inner.demo, &body,
    );
    Ok(page(StatusCode::OK, &frame))
}

/// A list of facts in a panel. A fact is good, bad or neither.
fn panel(out: &mut String, title: &str, facts: &[(&str, String, Tone)]) {
    let _ = write!(
        out,
        "<section class=\"panel w3 facts\"><header><h2>{title}</h2></header><dl class=\"facts\">"
    );
    for (name, value, tone) in facts {
        let value = escaped(value);
        let value = match tone {
            Tone::Plain => value,
            Tone::Good => format!("<span class=\"tag good\">{value}</span>"),
            Tone::Bad => format!("<span class=\"tag bad\">{value}</span>"),
        };
        let _ = write!(out, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    out.push_str("</dl></section>");
}

#[derive(Clone, Copy)]
enum Tone {
    Plain,
    Good,
    Bad,
}

/// Good as long as it is nothing.
const fn none(count: u64) -> Tone {
    if count == 0 { Tone::Good } else { Tone::Bad }
}

fn recording(shared: &Shared, database: Option<&Status>, out: &mut String) {
    let health = &shared.admin.0.health;
    let writer = &health.writer;
    let load = |n: &std::sync::atomic::AtomicU64| n.load(Ordering::Relaxed);
    let number = |n: u64| grouped(&n.to_string());
    let healthy = health.spool.is_healthy();
    let backlog = i64::try_from(health.spool.backlog()).unwrap_or(i64::MAX);
    let (undurable, retries) = (health.gateway.undurable(), load(&writer.retries));
    let behind = database.and_then(|status| status.spools.first().map(|spool| spool.updated_at));
    let facts = [
        (
            "Spool",
            if healthy { "ok" } else { "not writable" }.to_owned(),
            if healthy { Tone::Good } else { Tone::Bad },
        ),
        ("Waiting to be stored", bytes(backlog), Tone::Plain),
        (
            "Stored last",
            behind.map_or("–".to_owned(), |at| format!("{} UTC", moment(at))),
            Tone::Plain,
        ),
        (
            "Events stored since start",
            number(load(&writer.events)),
            Tone::Plain,
        ),
        (
            "Came twice, counted once",
            number(load(&writer.duplicates)),
            Tone::Plain,
        ),
        (
            "Refused by the database",
            number(load(&writer.dead_letters)),
            none(load(&writer.dead_letters)),
        ),
        ("Tried again", number(retries), Tone::Plain),
        (
            "Released before they were on disk",
            number(undurable),
            none(undurable),
        ),
    ];
    panel(out, "Recording", &facts);
}

fn stored(status: &Status, took: Duration, replica: Option<Lag>, out: &mut String) {
    let time = |at: Option<time::OffsetDateTime>| {
        at.map_or("–".to_owned(), |at| format!("{} UTC", moment(at)))
    };
    let number = |n: i64| grouped(&n.to_string());
    let dead = u64::try_from(status.dead_letters).unwrap_or_default();
    let pending = status
        .migrations
        .iter()
        .filter(|m| m.applied_at.is_none())
        .count();
    let mut facts = vec![
        ("PostgreSQL", status.version.clone(), Tone::Plain),
        (
            "Answers in",
            format!("{} ms", took.as_millis()),
            Tone::Plain,
        ),
        ("Size", bytes(status.bytes), Tone::Plain),
        (
            "Requests under way",
            number(status.open_requests),
            Tone::Plain,
        ),
        (
            "Put aside as unreadable",
            number(status.dead_letters),
            none(dead),
        ),
        (
            "Oldest request with detail",
            time(status.oldest),
            Tone::Plain,
        ),
        (
            "Newest request with detail",
            time(status.newest),
            Tone::Plain,
        ),
        (
            "Detail complete from",
            status.kept_from.map_or("the beginning".to_owned(), |at| {
                format!("{} UTC", moment(at))
            }),
            Tone::Plain,
        ),
        (
            "Schema",
            match pending {
                0 => format!("{} migrations, all applied", status.migrations.len()),
                n => format!("{n} migrations are not applied"),
            },
            if pending == 0 { Tone::Good } else { Tone::Bad },
        ),
    ];
    if let Some(lag) = replica {
        facts.push(match lag {
            Some(lag) => (
                "Replica",
                format!("{:.1} s behind", lag.as_secs_f64()),
                Tone::Plain,
            ),
            None => ("Replica", "does not answer".to_owned(), Tone::Bad),
        });
    }
    panel(out, "Database", &facts);
}

fn prices(shared: &Shared, out: &mut String) {
    let catalogue = shared.admin.0.prices.current();
    let checked = catalogue
        .versions()
        .filter_map(|version| version.source.checked)
        .max();
    let custom = catalogue
        .versions()
        .filter(|version| version.custom)
        .count();
    let facts = [
        (
            "Prices known",
            grouped(&catalogue.versions().count().to_string()),
            Tone::Plain,
        ),
        ("Of them from the profile", custom.to_string(), Tone::Plain),
        (
            "Checked last",
            checked.map_or("–".to_owned(), |date| date.to_string()),
            Tone::Plain,
        ),
        (
            "To import others",
            "systemprompt pricing import FILE".to_owned(),
            Tone::Plain,
        ),
    ];
    panel(out, "Prices", &facts);
}

fn spools(status: &Status, out: &mut String) {
    out.push_str(
        "<section class=\"panel w3\"><header><h2>Servers</h2></header><div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Servers\">\
         <table><thead><tr><th scope=\"col\">Spool</th><th scope=\"col\">Lane</th><th scope=\"col\" class=\"n\">Segment</th>\
         <th scope=\"col\" class=\"n\">Byte</th><th scope=\"col\">Stored last (UTC)</th></tr></thead><tbody>",
    );
    for spool in &status.spools {
        let id = spool.spool_id.to_string();
        let _ = write!(
            out,
            "<tr><td title=\"{id}\">{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"t\">{}</td></tr>",
            &id[..13],
            escaped(&spool.lane),
            spool.segment,
            grouped(&spool.position.to_string()),
            moment(spool.updated_at)
        );
    }
    out.push_str("</tbody></table></div></section>");
}
