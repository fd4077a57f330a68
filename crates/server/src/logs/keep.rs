//! From events to lines: bounded in number and size, and never waiting.

use std::fmt::{self, Debug, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value};
use systemprompt_config::KeepLogs;
use systemprompt_storage::logs::{self, Line};
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer};
use uuid::Uuid;

use super::redact::{HIDDEN, clean, is_secret};
use super::{Kept, OWN, scope};

/// Lines that wait to be stored; those beyond are dropped and counted. All of
/// them at their largest are some ten MiB.
const WAITING: usize = 1024;
/// The longest message, in bytes.
const MESSAGE: usize = 2048;
/// The longest value of a field, in bytes.
const FIELD: usize = 512;
/// The most fields of a line.
const FIELDS: usize = 16;

/// Puts events into the queue.
#[derive(Debug)]
pub(super) struct Keep {
    lines: mpsc::Sender<Line>,
    dropped: Arc<AtomicU64>,
}

/// A queue: what fills it, and what empties it.
pub(super) fn queue() -> (Keep, Kept) {
    let (sender, lines) = mpsc::channel(WAITING);
    let dropped = Arc::<AtomicU64>::default();
    let keep = Keep {
        lines: sender,
        dropped: Arc::clone(&dropped),
    };
    (keep, Kept { lines, dropped })
}

/// Which events are kept: warnings of all, and of our own parts as the profile
/// says. Not what sqlx says, which stores the lines, nor what we say of that.
pub(super) fn filter(level: KeepLogs) -> Targets {
    let ours = match level {
        KeepLogs::Off => LevelFilter::OFF,
        KeepLogs::Warn => LevelFilter::WARN,
        KeepLogs::Info => LevelFilter::INFO,
    };
    Targets::new()
        .with_default(ours.min(LevelFilter::WARN))
        .with_target("systemprompt", ours)
        .with_target("sqlx", LevelFilter::OFF)
        .with_target(OWN, LevelFilter::OFF)
}

impl<S: Subscriber> Layer<S> for Keep {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // Room first: a flood is not worth the work of writing it out.
        match self.lines.try_reserve() {
            Ok(room) => room.send(line(event)),
            Err(_) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn line(event: &Event<'_>) -> Line {
    let mut read = Reading::default();
    event.record(&mut read);
    let of = scope::current();
    let level = match *event.metadata().level() {
        Level::ERROR => logs::Level::Error,
        Level::WARN => logs::Level::Warn,
        _ => logs::Level::Info,
    };
    Line {
        id: Uuid::now_v7(),
        created_at: OffsetDateTime::now_utc(),
        level,
        target: event.metadata().target().to_owned(),
        message: read.message,
        trace_id: read.trace.or(of.map(|ids| ids.trace.0)),
        request_id: read
            .request
            .or(of.and_then(|ids| ids.request).map(|id| id.0)),
        fields: (!read.fields.is_empty()).then_some(Value::Object(read.fields)),
    }
}

/// What an event says.
#[derive(Debug, Default)]
struct Reading {
    message: String,
    trace: Option<Uuid>,
    request: Option<Uuid>,
    fields: Map<String, Value>,
}

impl Reading {
    fn text(&mut self, field: &Field, text: &str) {
        match field.name() {
            "message" => self.message = clean(text, MESSAGE),
            "trace_id" => self.trace = text.parse().ok(),
            "request_id" => self.request = text.parse().ok(),
            _ => self.put(field, || clean(text, FIELD).into()),
        }
    }

    fn put(&mut self, field: &Field, value: impl FnOnce() -> Value) {
        if self.fields.len() < FIELDS {
            let value = if is_secret(field.name()) {
                HIDDEN.into()
            } else {
                value()
            };
            self.fields.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Reading {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = Capped(String::new());
        // What is beyond the cap is not wanted, and ends the writing.
        let _ = write!(text, "{value:?}");
        self.text(field, &text.0);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, || value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, || value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, || value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, || value.into());
    }
}

/// Takes a little more text than is kept of any.
struct Capped(String);

impl fmt::Write for Capped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() > 2 * MESSAGE {
            return Err(fmt::Error);
        }
        let room = text.floor_char_boundary(2 * MESSAGE + 1);
        self.0.push_str(&text[..room]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use systemprompt_domain::{RequestId, TraceId};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::super::scope::{Ids, during};
    use super::*;

    /// The lines that are kept of what `said` says, and how many were dropped.
    fn kept(level: KeepLogs, said: impl FnOnce()) -> (Vec<Line>, u64) {
        let (keep, mut kept) = queue();
        let subscriber = tracing_subscriber::registry().with(keep.with_filter(filter(level)));
        tracing::subscriber::with_default(subscriber, said);
        let lines = std::iter::from_fn(|| kept.lines.try_recv().ok()).collect();
        (lines, kept.dropped.load(Ordering::Relaxed))
    }

    fn messages(level: KeepLogs) -> Vec<String> {
        let said = || {
            tracing::info!(target: "systemprompt_x", "ours");
            tracing::debug!(target: "systemprompt_x", "too fine");
            tracing::info!(target: "other", "another's");
            tracing::warn!(target: "other", "another's warning");
            tracing::error!(target: "sqlx::query", "a slow statement");
            tracing::error!("our own trouble");
        };
        let lines = kept(level, said).0;
        lines.into_iter().map(|line| line.message).collect()
    }

    #[test]
    fn warnings_of_all_and_what_our_own_parts_do() {
        assert_eq!(messages(KeepLogs::Info), ["ours", "another's warning"]);
        assert_eq!(messages(KeepLogs::Warn), ["another's warning"]);
        assert!(messages(KeepLogs::Off).is_empty());
    }

    #[test]
    fn a_line_says_what_its_event_says() {
        let error = std::io::Error::other("no\u{1b}[2J route to https://h/p?key=abc");
        let (lines, dropped) = kept(KeepLogs::Info, || {
            tracing::warn!(
                target: "systemprompt_x",
                %error, requests = 3, late = true, api_key = "abc", request_body = ?vec![1],
                "cannot reach\nit"
            );
        });
        let [line] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        assert_eq!((line.level, dropped), (logs::Level::Warn, 0));
        assert_eq!(line.target, "systemprompt_x");
        assert_eq!(line.message, "cannot reach\\nit");
        let fields = serde_json::json!({
            "error": "no\\u{1b}[2J route to https://h/p?[hidden]", "requests": 3, "late": true,
            "api_key": "[hidden]", "request_body": "[hidden]",
        });
        assert_eq!(line.fields, Some(fields));
        assert_eq!((line.trace_id, line.request_id), (None, None));
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let (lines, _) = kept(KeepLogs::Info, || {
            let long = "long ".repeat(10_000);
            tracing::warn!(target: "systemprompt_x", %long, list = ?vec!["x"; 10_000], "{long}");
        });
        assert_eq!(lines[0].message.len(), MESSAGE + "…".len());
        let fields = lines[0].fields.as_ref().and_then(Value::as_object);
        for (_, value) in fields.expect("fields") {
            assert_eq!(value.as_str().map(str::len), Some(FIELD + "…".len()));
        }
    }

    #[test]
    fn a_flood_is_dropped_and_counted() {
        let (lines, dropped) = kept(KeepLogs::Info, || {
            for n in 0..WAITING + 500 {
                tracing::warn!(target: "systemprompt_x", n, "again");
            }
        });
        assert_eq!((lines.len(), dropped), (WAITING, 500));
    }

    #[test]
    fn a_line_belongs_to_the_request_that_is_worked_on() {
        let ids = Ids {
            trace: TraceId::new(),
            request: Some(RequestId::new()),
        };
        let other = Uuid::from_u128(7);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let (lines, _) = kept(KeepLogs::Info, || {
            runtime.block_on(during(ids, async {
                tracing::warn!(target: "systemprompt_x", "within");
                tracing::warn!(target: "systemprompt_x", trace_id = %other, "of another");
            }));
            tracing::warn!(target: "systemprompt_x", "outside");
        });
        let traces: Vec<_> = lines.iter().map(|line| line.trace_id).collect();
        assert_eq!(traces, [Some(ids.trace.0), Some(other), None]);
        assert_eq!(lines[0].request_id, ids.request.map(|id| id.0));
        assert_eq!(lines[2].request_id, None);
    }
}
