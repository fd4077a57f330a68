//! Telling open pages that something changed. A change is announced in the
//! database by its topic alone, at most five times a second by each server; every
//! server hears of it on a connection of its own and tells its listeners, who then
//! ask their questions again.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, StatusCode};
use http_body::Frame;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use systemprompt_storage::{Storage, WriterStats};
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::State as Shared;
use super::ask::Desk;
use crate::shutdown::Shutdown;

/// The channel of announcements.
const CHANNEL: &str = "systemprompt_live";
/// How often a server announces at most.
const PAUSE: Duration = Duration::from_millis(200);
/// How often listeners are told to look where announcements do not arrive.
const POLL: Duration = Duration::from_secs(2);
/// How long one connection tells. Who listens comes again, and may then be nobody
/// who is signed in.
const LIFETIME: Duration = Duration::from_secs(60);
/// How often a connection shows that it lives.
const BEAT: Duration = Duration::from_secs(15);
/// Connections at once.
const MOST: usize = 64;
/// What an announcement may be about. Nothing else is passed on.
const TOPICS: [&str; 4] = ["requests", "visits", "activity", "access"];

/// What a lane's writer stores, and its topic.
pub(crate) type Lane = (Arc<WriterStats>, &'static str);

/// What tells open pages. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Live(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    told: broadcast::Sender<&'static str>,
    /// What changed here since the last announcement.
    touched: Mutex<BTreeSet<&'static str>>,
    desks: Mutex<Vec<Desk>>,
    open: AtomicUsize,
    shutdown: Shutdown,
}

impl Live {
    pub(crate) fn new(shutdown: Shutdown) -> Self {
        Self(Arc::new(Inner {
            told: broadcast::channel(16).0,
            touched: Mutex::default(),
            desks: Mutex::default(),
            open: AtomicUsize::new(0),
            shutdown,
        }))
    }

    /// Something of this topic changed in the database.
    pub(crate) fn touch(&self, topic: &'static str) {
        let touched = self.0.touched.lock();
        touched
            .unwrap_or_else(PoisonError::into_inner)
            .insert(topic);
    }

    /// Answers of before are not good for anybody who asks after a change.
    pub(super) fn forget_on_change(&self, desk: Desk) {
        let desks = self.0.desks.lock();
        desks.unwrap_or_else(PoisonError::into_inner).push(desk);
    }

    fn tell(&self, topic: &'static str) {
        let desks = self.0.desks.lock();
        for desk in desks.unwrap_or_else(PoisonError::into_inner).iter() {
            desk.forget();
        }
        // Nobody may be listening.
        let _ = self.0.told.send(topic);
    }

    /// Announces what changes here, and tells what is announced anywhere.
    pub(crate) async fn run(self, storage: Arc<Storage>, pool: PgPool, lanes: Vec<Lane>) {
        tokio::select! {
            () = self.announce(&pool, &lanes) => {}
            () = self.hear(&storage) => {}
            () = self.0.shutdown.stopping.cancelled() => {}
        }
    }

    async fn announce(&self, pool: &PgPool, lanes: &[Lane]) {
        let count = |(writer, _): &Lane| writer.events.load(Ordering::Relaxed);
        let mut stored: Vec<u64> = lanes.iter().map(count).collect();
        loop {
            sleep(PAUSE).await;
            let mut topics = {
                let touched = self.0.touched.lock();
                std::mem::take(&mut *touched.unwrap_or_else(PoisonError::into_inner))
            };
            for (lane, stored) in lanes.iter().zip(&mut stored) {
                let now = count(lane);
                if now != *stored {
                    *stored = now;
                    topics.insert(lane.1);
                }
            }
            for topic in topics {
                let notify = sqlx::query("select pg_notify($1, $2)");
                let notified = notify.bind(CHANNEL).bind(topic).execute(pool).await;
                if let Err(error) = notified {
                    tracing::debug!(%error, "a change is told here alone");
                    self.tell(topic);
                }
            }
        }
    }

    async fn hear(&self, storage: &Storage) {
        let mut listener: Option<PgListener> = None;
        loop {
            let Some(ears) = &mut listener else {
                listener = storage.listener(CHANNEL).await.ok();
                // Whatever happened meanwhile.
                self.tell("requests");
                if listener.is_none() {
                    sleep(POLL).await;
                }
                continue;
            };
            match ears.try_recv().await {
                Ok(Some(announced)) => {
                    let known = TOPICS.iter().find(|topic| **topic == announced.payload());
                    if let Some(topic) = known {
                        self.tell(topic);
                    }
                }
                // The connection was lost and made again.
                Ok(None) => self.tell("requests"),
                Err(error) => {
                    tracing::debug!(%error, "the connection that hears of changes is lost");
                    listener = None;
                    sleep(POLL).await;
                }
            }
        }
    }
}

/// `GET /api/v1/live`: server-sent events that name what changed.
pub(super) async fn listen(State(shared): State<Shared>) -> Response {
    let live = shared.admin.0.live.clone();
    if live.0.open.fetch_add(1, Ordering::AcqRel) >= MOST {
        live.0.open.fetch_sub(1, Ordering::AcqRel);
        let wait = [(RETRY_AFTER, "10")];
        return (StatusCode::SERVICE_UNAVAILABLE, wait).into_response();
    }
    let (queue, pieces) = mpsc::channel(16);
    let told = live.0.told.subscribe();
    tokio::spawn(async move {
        let _ = pass_on(&live.0.shutdown, told, queue).await;
        live.0.open.fetch_sub(1, Ordering::AcqRel);
    });
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        // A proxy that gathers would tell nothing.
        (HeaderName::from_static("x-accel-buffering"), "no"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ];
    (headers, Body::new(Stream(pieces))).into_response()
}

/// Tells one listener until its time is over or nobody takes it; then `None`.
async fn pass_on(
    shutdown: &Shutdown,
    mut told: broadcast::Receiver<&'static str>,
    queue: mpsc::Sender<Bytes>,
) -> Option<()> {
    let end = Instant::now() + LIFETIME;
    let hello = Bytes::from_static(b"retry: 2000\nevent: hello\ndata: live\n\n");
    queue.send(hello).await.ok()?;
    loop {
        let piece = tokio::select! {
            heard = timeout(BEAT, told.recv()) => match heard {
                Ok(Ok(topic)) => format!("event: changed\ndata: {topic}\n\n"),
                // More than it could take: it looks at everything anyway.
                Ok(Err(broadcast::error::RecvError::Lagged(_))) => {
                    "event: changed\ndata: requests\n\n".to_owned()
                }
                Ok(Err(broadcast::error::RecvError::Closed)) => return None,
                Err(_) => ": still here\n\n".to_owned(),
            },
            () = queue.closed() => return None,
            () = sleep_until(end) => return None,
            () = shutdown.stopping.cancelled() => return None,
        };
        let piece = Bytes::from(piece);
        timeout(BEAT, queue.send(piece)).await.ok()?.ok()?;
    }
}

/// A body that grows.
struct Stream(mpsc::Receiver<Bytes>);

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0
            .poll_recv(cx)
            .map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}
