//! `GET /metrics`: what a server knows of itself, for Prometheus and those who read its
//! text format. Figures of this process since it started; what the analytics know of
//! traffic and cost is asked of the questions.

use std::fmt::{Display, Write as _};
use std::sync::atomic::Ordering;

use axum::extract::State;
use http::header;
use systemprompt_capture::Spool;
use systemprompt_storage::WriterStats;

use crate::health::Health;

/// The version of the text format.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /metrics`
pub(crate) async fn metrics(
    State(health): State<Health>,
) -> ([(header::HeaderName, &'static str); 1], String) {
    let readiness = health.readiness().await;
    let mut text = Text::default();
    text.gauge("build_info", "The version that runs; always 1");
    text.sample("version", env!("CARGO_PKG_VERSION"), 1);
    text.gauge(
        "ready",
        "Whether requests should be sent here: /readyz answers 200",
    );
    text.plain(u8::from(readiness.status.is_success()));
    text.gauge(
        "database_up",
        "Whether the database answers within a second",
    );
    text.plain(u8::from(readiness.database));
    if let Some(lag) = readiness.replica {
        text.gauge(
            "replica_up",
            "Whether the replica that questions are put to answers within a second",
        );
        text.plain(u8::from(lag.is_some()));
        text.gauge("replica_lag_seconds", "How far the replica is behind");
        text.plain(lag.map_or(f64::NAN, |lag| lag.as_secs_f64()));
    }
    text.counter("requests_total", "AI requests that ended, by how they did");
    for (state, n) in health.gateway.ended() {
        text.sample("state", state.as_str(), n);
    }
    text.counter(
        "undurable_total",
        "Answers that left before their event was on disk",
    );
    text.plain(health.gateway.undurable());
    text.counter(
        "budget_questions_total",
        "Questions to the database for a share of a budget",
    );
    text.plain(health.budgets.asked());
    lanes(&health, &mut text);
    ([(header::CONTENT_TYPE, FORMAT)], text.0)
}

/// What is recorded, and how far it is stored, for requests and for web traffic.
fn lanes(health: &Health, text: &mut Text) {
    let mut lanes = vec![("requests", &health.spool, &health.writer)];
    if let Some(web) = &health.web {
        lanes.push(("web", &web.spool, &web.writer));
    }
    let each = |figure: &dyn Fn(&Spool, &WriterStats) -> u64, text: &mut Text| {
        for (lane, spool, writer) in &lanes {
            text.sample("lane", lane, figure(spool, writer));
        }
    };
    text.gauge("spool_healthy", "Whether the spool takes events");
    each(&|spool, _| u64::from(spool.is_healthy()), text);
    text.gauge(
        "spool_backlog_bytes",
        "What is on disk and not in the database yet",
    );
    each(&|spool, _| spool.backlog(), text);
    text.counter("events_stored_total", "Events that are in the database");
    each(&|_, writer| writer.events.load(Ordering::Relaxed), text);
    text.counter(
        "events_repeated_total",
        "Events that were stored before, and count once",
    );
    each(&|_, writer| writer.duplicates.load(Ordering::Relaxed), text);
    text.counter(
        "writer_retries_total",
        "Attempts to store that failed and were repeated",
    );
    each(&|_, writer| writer.retries.load(Ordering::Relaxed), text);
    text.counter(
        "dead_letters_total",
        "Records that cannot be stored and were put aside",
    );
    each(
        &|_, writer| writer.dead_letters.load(Ordering::Relaxed),
        text,
    );
}

/// Metrics as text, one after the other: a head, then its samples.
/// The second field is the metric whose samples come.
#[derive(Default)]
struct Text(String, &'static str);

impl Text {
    fn gauge(&mut self, name: &'static str, help: &str) {
        self.head(name, "gauge", help);
    }

    fn counter(&mut self, name: &'static str, help: &str) {
        self.head(name, "counter", help);
    }

    fn head(&mut self, name: &'static str, kind: &str, help: &str) {
        self.1 = name;
        let _ = writeln!(
            self.0,
            "# HELP systemprompt_{name} {help}\n# TYPE systemprompt_{name} {kind}"
        );
    }

    fn plain(&mut self, value: impl Display) {
        let _ = writeln!(self.0, "systemprompt_{} {value}", self.1);
    }

    /// Labels are ours: there is nothing in them to escape.
    fn sample(&mut self, label: &str, of: &str, value: impl Display) {
        let _ = writeln!(
            self.0,
            "systemprompt_{}{{{label}=\"{of}\"}} {value}",
            self.1
        );
    }
}
