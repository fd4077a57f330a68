//! What the server says: to standard error, and into the database, where it can
//! be searched.
//!
//! An event passes [`keep`], which makes a line of it and puts that into a
//! bounded queue or counts it as dropped; [`store`] empties the queue into the
//! database. Nothing that logs waits for either.

mod keep;
mod redact;
mod scope;
mod store;

use std::io::IsTerminal as _;

use systemprompt_config::{Config, KeepLogs, LogFormat};
use tracing::Subscriber;
use tracing_subscriber::filter::{FilterExt as _, dynamic_filter_fn};
use tracing_subscriber::layer::{Filter, Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

pub(crate) use self::scope::{Ids, during, of};
pub(crate) use self::store::Kept;

/// Where this module's own events come from. They are never kept: trouble with
/// keeping lines would make more of them.
const OWN: &str = module_path!();

/// Begins to log as the profile says. Answers the lines to be kept, if any are.
pub(crate) fn start(config: &Config) -> Option<Kept> {
    let server = &config.profile.server;
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| server.log.clone());
    // sqlx warns of slow statements on its own terms; ours are timed by us. The MCP
    // library would write out whole messages.
    let filter = format!("{filter},sqlx=warn,sqlx::query=off,hyper=warn,rmcp=warn");
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let printed = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let printed = match server.log_format {
        LogFormat::Json => printed.json().boxed(),
        LogFormat::Text => printed.with_target(false).boxed(),
    };
    // With analytics off the database learns nothing of requests, and lines may
    // name them.
    let level = Some(server.keep_logs)
        .filter(|level| config.profile.analytics.enabled && *level != KeepLogs::Off);
    let (layer, kept) = level
        .map(|level| {
            let (layer, kept) = keep::queue();
            (layer.with_filter(asked(keep::filter(level))), kept)
        })
        .unzip();
    tracing_subscriber::registry()
        .with(printed.with_filter(asked(filter)))
        .with(layer)
        .init();
    kept
}

/// The filter, asked about every line. Whoever only asks whether a line would be written,
/// as sqlx does before each statement, leaves the answer behind, and the next line of the
/// thread is taken by it unless its own question is asked.
fn asked<S: Subscriber>(filter: impl Filter<S>) -> impl Filter<S> {
    filter.and(dynamic_filter_fn(|_, _| true))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::Event;
    use tracing_subscriber::layer::{Context, Layer};

    use super::*;

    struct Count(Arc<AtomicUsize>);

    impl<S: Subscriber> Layer<S> for Count {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_question_before_a_line_takes_nothing_from_it() {
        let [printed, kept] = [(); 2].map(|()| Arc::<AtomicUsize>::default());
        let subscriber = tracing_subscriber::registry()
            .with(Count(Arc::clone(&printed)).with_filter(asked(EnvFilter::new("info"))))
            .with(Count(Arc::clone(&kept)).with_filter(asked(keep::filter(KeepLogs::Info))));
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..3 {
                let slow = tracing::enabled!(target: "sqlx::query", tracing::Level::WARN);
                let fast = tracing::enabled!(target: "sqlx::query", tracing::Level::DEBUG);
                assert!(slow && !fast);
                tracing::info!(target: "systemprompt_server_core", "a line");
            }
        });
        for count in [printed, kept] {
            assert_eq!(count.load(Ordering::Relaxed), 3);
        }
    }
}
