//! From the queue into the database, by the batch. What cannot be stored is
//! dropped and counted; the count is a line of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use systemprompt_storage::logs::{Level, Line, Logs};
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::OWN;

/// The most lines that are stored together.
const BATCH: usize = 256;
/// How long lines are gathered before they are stored.
const LINGER: Duration = Duration::from_millis(250);
/// How long the database may take for a batch.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait until lines are tried again.
const PAUSE: Duration = Duration::from_secs(2);

/// Lines that wait to be stored.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(super) lines: mpsc::Receiver<Line>,
    pub(super) dropped: Arc<AtomicU64>,
}

impl Kept {
    /// Stores lines as they come; from `stop` on only those that wait already.
    pub(crate) async fn run(mut self, pool: PgPool, stop: CancellationToken) {
        let mut logs = Logs::new(pool);
        let mut batch = Vec::with_capacity(BATCH + 1);
        loop {
            tokio::select! {
                taken = self.lines.recv_many(&mut batch, BATCH) => if taken == 0 {
                    return;
                },
                () = stop.cancelled(), if !self.lines.is_closed() => {
                    self.lines.close();
                    continue;
                }
            }
            let _ = tokio::time::timeout(LINGER, stop.cancelled()).await;
            while batch.len() < BATCH
                && let Ok(line) = self.lines.try_recv()
            {
                batch.push(line);
            }
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                batch.push(dropped_line(dropped));
            }
            if !store(&mut logs, &batch, &stop).await {
                // The line that told of those before is gone with the others.
                let told = u64::from(dropped > 0);
                let lost = batch.len() as u64 - told + dropped;
                self.dropped.fetch_add(lost, Ordering::Relaxed);
            }
            batch.clear();
        }
    }
}

/// Stores a batch, however long the database is away; `false` if it refuses the
/// lines, or is away while the server stops.
async fn store(logs: &mut Logs, batch: &[Line], stop: &CancellationToken) -> bool {
    let mut said = false;
    loop {
        let attempt = tokio::time::timeout(PATIENCE, logs.append(batch)).await;
        let error = match attempt {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => error,
            Err(_) => sqlx::Error::PoolTimedOut,
        };
        if !std::mem::replace(&mut said, true) {
            tracing::warn!(target: OWN, %error, "log lines cannot be kept at the moment");
        }
        if is_refusal(&error) || stop.is_cancelled() {
            return false;
        }
        let _ = tokio::time::timeout(PAUSE, stop.cancelled()).await;
    }
}

/// Whether the database will never take these lines.
fn is_refusal(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

fn dropped_line(dropped: u64) -> Line {
    Line {
        id: Uuid::now_v7(),
        created_at: OffsetDateTime::now_utc(),
        level: Level::Warn,
        target: OWN.to_owned(),
        message: "log lines were dropped: there were more than could be kept".to_owned(),
        trace_id: None,
        request_id: None,
        fields: Some(serde_json::json!({ "dropped": dropped })),
    }
}

#[cfg(test)]
mod tests {
    use systemprompt_storage::logs::{Order, Wanted, read};
    use systemprompt_testkit::db::TestDb;
    use time::Duration as Span;
    use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

    use super::super::keep;
    use super::*;

    async fn stored(pool: &PgPool) -> Vec<Line> {
        let now = OffsetDateTime::now_utc();
        let wanted = Wanted {
            since: now - Span::HOUR,
            until: now + Span::HOUR,
            level: Level::Info,
            target: None,
            trace: None,
            text: None,
        };
        let lines = read(pool, &wanted, Order::OldestFirst, None, 10_000).await;
        lines.expect("the database answers")
    }

    fn say(n: usize) -> Kept {
        let (layer, kept) = keep::queue();
        let filter = keep::filter(systemprompt_config::KeepLogs::Info);
        let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter));
        tracing::subscriber::with_default(subscriber, || {
            for n in 0..n {
                tracing::warn!(target: "systemprompt_x", n, "said {n}\0");
            }
        });
        kept
    }

    #[tokio::test]
    async fn lines_are_stored_in_order_and_their_loss_is_told() {
        let db = TestDb::new().await;
        let kept = say(1_100);
        kept.run(db.pool().clone(), CancellationToken::new()).await;
        let lines = stored(db.pool()).await;
        let (told, said): (Vec<&Line>, Vec<&Line>) =
            lines.iter().partition(|line| line.target == OWN);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].fields, Some(serde_json::json!({ "dropped": 76 })));
        assert_eq!(said.len(), 1_024);
        for (n, line) in said.iter().enumerate() {
            assert_eq!(line.message, format!("said {n}\\u{{0}}"));
            assert_eq!(line.fields, Some(serde_json::json!({ "n": n })));
        }
    }

    #[tokio::test]
    async fn lines_wait_for_the_database_but_the_end_does_not() {
        let db = TestDb::new().await;
        sqlx::query("alter table logs rename to away")
            .execute(db.pool())
            .await
            .expect("renames");
        let stop = CancellationToken::new();
        let waiting = tokio::spawn(say(3).run(db.pool().clone(), stop.clone()));
        tokio::time::sleep(LINGER * 2).await;
        sqlx::query("alter table away rename to logs")
            .execute(db.pool())
            .await
            .expect("renames back");
        tokio::time::timeout(systemprompt_testkit::PATIENCE, waiting)
            .await
            .expect("ends with the queue")
            .expect("does not panic");
        assert_eq!(stored(db.pool()).await.len(), 3);

        let gone = say(3).run(
            PgPool::connect_lazy_with(db.connect_options().port(1)),
            stop.clone(),
        );
        stop.cancel();
        tokio::time::timeout(PATIENCE * 2, gone)
            .await
            .expect("gives up when the server stops");
    }
}
