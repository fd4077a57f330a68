//! The answer's body on its way to the client: a short queue that the exchange
//! fills, so that a slow client slows the provider down and nothing else.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc;

/// Chunks between the provider and a client that reads more slowly.
const QUEUE: usize = 16;
/// A client that takes nothing for this long has left.
const STALLED: Duration = Duration::from_secs(300);

/// Ends the body abnormally: the client must not take it for whole.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off")]
pub(super) struct BrokenOff;

/// The exchange's end of the queue. Dropped without [`Sender::finish`] it
/// breaks the body off: nothing that ends by accident looks whole.
#[derive(Debug)]
pub(super) struct Sender {
    queue: mpsc::Sender<Bytes>,
    whole: Arc<AtomicBool>,
}

/// The client's end of the queue.
#[derive(Debug)]
pub(super) struct ChannelBody {
    queue: mpsc::Receiver<Bytes>,
    whole: Arc<AtomicBool>,
    /// The exchange has said all it had to say.
    closed: bool,
    ended: bool,
}

impl ChannelBody {
    fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Acquire)
    }
}

pub(super) fn channel() -> (Sender, ChannelBody) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let whole = Arc::new(AtomicBool::new(false));
    let body = ChannelBody {
        queue: receiver,
        whole: Arc::clone(&whole),
        closed: false,
        ended: false,
    };
    (
        Sender {
            queue: sender,
            whole,
        },
        body,
    )
}

impl Sender {
    /// Passes bytes on, waiting for a slow client; `false` if it has left.
    pub(super) async fn send(&self, bytes: Bytes) -> bool {
        matches!(
            tokio::time::timeout(STALLED, self.queue.send(bytes)).await,
            Ok(Ok(()))
        )
    }

    /// Resolves when the client leaves.
    pub(super) async fn left(&self) {
        self.queue.closed().await;
    }

    /// Ends the body as it should.
    pub(super) fn finish(self) {
        self.whole.store(true, Ordering::Release);
    }
}

impl Body for ChannelBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if !self.closed {
            if let Some(bytes) = ready!(self.queue.poll_recv(cx)) {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            self.closed = true;
            if !self.is_whole() {
                // hyper sends what it has when a body is not ready, and throws
                // it away when a body fails: first the one, then the other.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        self.ended = true;
        let broken = (!self.is_whole()).then_some(Err(BrokenOff));
        Poll::Ready(broken)
    }
}
