//! The body of an answer: its pieces, the pauses between them, and its end.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// Time for hyper to flush and for the peer to read before the end: a reset
/// would throw away what is still in the socket's buffer.
const BEFORE_CUT: Duration = Duration::from_millis(25);

/// What comes after the last piece.
#[derive(Debug)]
pub(super) enum End {
    /// The proper end.
    Finish,
    /// The end of the connection; a flag in it is set to ask for a reset.
    Cut(Option<Arc<AtomicBool>>),
    /// Nothing, for ever.
    Hang,
}

/// What happens between two pieces.
#[derive(Clone, Copy, Debug)]
pub(super) enum Between {
    /// Nothing: the connection may join them into one write.
    Nothing,
    /// Each piece is flushed by itself.
    Flush,
    /// Each piece is flushed, then nothing comes for this long.
    Pause(Duration),
}

/// A body that is sent piece by piece.
#[derive(Debug)]
pub(super) struct Paced {
    pub(super) pieces: VecDeque<Bytes>,
    pub(super) between: Between,
    pub(super) end: End,
    /// The length told to the client; `None` means chunked coding.
    pub(super) length: Option<u64>,
    /// Set when the proper end was handed over.
    pub(super) written: Option<Arc<AtomicBool>>,
    wait: Option<Pin<Box<Sleep>>>,
    flush: bool,
}

impl Paced {
    pub(super) fn new(pieces: VecDeque<Bytes>) -> Self {
        Self {
            pieces,
            between: Between::Nothing,
            end: End::Finish,
            length: None,
            written: None,
            wait: None,
            flush: false,
        }
    }

    fn at_proper_end(&self) -> bool {
        self.pieces.is_empty() && matches!(self.end, End::Finish)
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &self.end {
            End::Finish => Poll::Ready(None),
            End::Cut(reset) => {
                let before = self.wait.get_or_insert_with(|| Box::pin(sleep(BEFORE_CUT)));
                ready!(before.as_mut().poll(cx));
                if let Some(reset) = reset {
                    reset.store(true, Ordering::Release);
                }
                Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
            }
            // Dropped with the connection, never woken.
            End::Hang => Poll::Pending,
        }
    }

    fn prepare_pause(&mut self) {
        match self.between {
            _ if self.pieces.is_empty() => {}
            Between::Nothing => {}
            Between::Flush => self.flush = true,
            Between::Pause(pause) => self.wait = Some(Box::pin(sleep(pause))),
        }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if std::mem::take(&mut this.flush) {
            // hyper flushes when a body is not ready.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.pieces.is_empty() {
            return this.poll_end(cx);
        }
        if let Some(pause) = &mut this.wait {
            ready!(pause.as_mut().poll(cx));
            this.wait = None;
        }
        let piece = this.pieces.pop_front().unwrap_or_default();
        this.prepare_pause();
        if let Some(written) = this.written.as_ref().filter(|_| this.at_proper_end()) {
            written.store(true, Ordering::Release);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.at_proper_end()
    }

    fn size_hint(&self) -> SizeHint {
        self.length
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
