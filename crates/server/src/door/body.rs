//! A request's body, within a size and without long silences.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, Sleep};

/// Why a body is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the body is too large")]
    TooLarge,
    #[error("the body did not arrive in time")]
    Stalled,
    #[error("the body broke off")]
    Cut,
}

/// Past this many bytes there is room for all that may come, at once: growing by doubling
/// would hold a large body twice.
const LARGE: usize = 1 << 20;

/// Reads a body of at most `limit` bytes, of which no piece is longer in coming
/// than `idle`. Compressed ones are taken as they are: nothing is inflated.
pub(crate) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    limit: u64,
    idle: Duration,
) -> Result<Bytes, Fault> {
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(Fault::TooLarge);
    }
    let mut whole: Option<Bytes> = None;
    let mut parts = Vec::new();
    loop {
        let frame = tokio::time::timeout(idle, body.frame());
        let frame = frame.await.map_err(|_| Fault::Stalled)?;
        let Some(frame) = frame else { break };
        let Ok(data) = frame.map_err(|_| Fault::Cut)?.into_data() else {
            continue;
        };
        if (whole.as_ref().map_or(parts.len(), Bytes::len) + data.len()) as u64 > limit {
            return Err(Fault::TooLarge);
        }
        // Most bodies come in one piece and need no copy.
        match whole.take() {
            None if parts.is_empty() => whole = Some(data),
            first => {
                parts.extend(first.into_iter().flatten());
                let longer = parts.len() + data.len();
                if longer > parts.capacity() && longer > LARGE {
                    let all = usize::try_from(length.unwrap_or(limit)).unwrap_or(longer);
                    parts.reserve_exact(all.max(longer) - parts.len());
                }
                parts.extend_from_slice(&data);
            }
        }
    }
    Ok(whole.unwrap_or_else(|| parts.into()))
}

/// A body that is passed on as it comes, and fails with [`Fault::Stalled`] when
/// its next piece is longer in coming than `idle`.
pub(crate) fn timed(body: Body, idle: Duration) -> Body {
    Body::new(Timed {
        body,
        idle,
        waited: Box::pin(tokio::time::sleep(idle)),
        waiting: false,
    })
}

struct Timed {
    body: Body,
    idle: Duration,
    waited: Pin<Box<Sleep>>,
    /// Whether the next piece was asked for; nobody is slow before that.
    waiting: bool,
}

impl http_body::Body for Timed {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.waiting = false;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if !self.waiting {
            self.waiting = true;
            let until = Instant::now() + self.idle;
            self.waited.as_mut().reset(until);
        }
        let waited = self.waited.as_mut().poll(cx);
        waited.map(|()| Some(Err(Fault::Stalled.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether an error came of a body that stalled.
pub(crate) fn is_stall(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(|error| matches!(error.downcast_ref(), Some(Fault::Stalled)))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn took(pieces: &[&'static str], limit: u64) -> Result<Bytes, Fault> {
        let (sender, receiver) = tokio::sync::mpsc::channel::<&'static str>(pieces.len().max(1));
        for piece in pieces {
            sender.send(piece).await.expect("room");
        }
        drop(sender);
        let body = Body::new(Pieces(receiver));
        read(&HeaderMap::new(), body, limit, Duration::from_secs(1)).await
    }

    struct Pieces(tokio::sync::mpsc::Receiver<&'static str>);

    impl http_body::Body for Pieces {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            let piece = self.0.poll_recv(cx);
            piece.map(|piece| piece.map(|piece| Ok(Frame::data(piece.into()))))
        }
    }

    #[tokio::test]
    async fn the_limit_counts_every_piece() {
        assert_eq!(took(&["abc"], 3).await, Ok("abc".into()));
        assert_eq!(took(&["abcd"], 3).await, Err(Fault::TooLarge));
        assert_eq!(took(&["a", "b", "c"], 3).await, Ok("abc".into()));
        assert_eq!(took(&["abc", "d"], 3).await, Err(Fault::TooLarge));
        assert_eq!(took(&["a", "b", "cd"], 3).await, Err(Fault::TooLarge));
        assert_eq!(took(&[], 3).await, Ok(Bytes::new()));
    }

    #[tokio::test]
    async fn silence_ends_a_body() {
        let idle = Duration::from_millis(400);
        let (sender, receiver) = tokio::sync::mpsc::channel::<&'static str>(1);
        let mut body = timed(Body::new(Pieces(receiver)), idle);
        let sending = tokio::spawn(async move {
            for _ in 0..3 {
                tokio::time::sleep(idle / 2).await;
                sender.send("piece").await.expect("it is read");
            }
            sender
        });
        for _ in 0..3 {
            let frame = body.frame().await.expect("a frame").expect("in time");
            assert_eq!(frame.into_data().expect("data"), "piece");
        }
        let _open = sending.await.expect("no panic");
        let begun = Instant::now();
        let error = body.frame().await.expect("an end").expect_err("silence");
        assert!(begun.elapsed() >= idle);
        assert!(is_stall(&error), "{error:?}");
    }
}
