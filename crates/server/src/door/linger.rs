//! Bodies that nobody reads to their end. A connection that closes on a client which is
//! still sending takes the answer with it: the client hears of a broken pipe, not of what
//! was wrong. So the rest of such a body is taken and thrown away, within bounds.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};

/// How much of a rest is taken, in bytes.
const REST: usize = 64 << 20;
/// And for how long.
const PATIENCE: Duration = Duration::from_secs(10);
/// A client that has sent nothing for so long is not sending: it was refused for that, or
/// it has read its answer.
const QUIET: Duration = Duration::from_secs(1);

/// A request whose body ends well, however much of it is read.
pub(crate) fn linger(request: Request<Incoming>) -> Request<Lingering> {
    // Who asks first whether to send has nothing under way when the answer is no.
    let asks = request.headers().contains_key(header::EXPECT);
    request.map(|body| match asks {
        true => Lingering::Plain(body),
        false => Lingering::Rest(Some(body)),
    })
}

/// A body as it comes, and what becomes of its rest.
pub(crate) enum Lingering {
    /// Nothing: the connection ends.
    Plain(Incoming),
    /// It is taken. Empty once it is being taken.
    Rest(Option<Incoming>),
}

impl Lingering {
    const fn body(&self) -> Option<&Incoming> {
        match self {
            Self::Plain(body) => Some(body),
            Self::Rest(body) => body.as_ref(),
        }
    }
}

impl Body for Lingering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Plain(body) | Self::Rest(Some(body)) => Pin::new(body).poll_frame(cx),
            Self::Rest(None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body().map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Self::Rest(body) = self else { return };
        let rest = body.take().filter(|body| !body.is_end_stream());
        // Requests are handled on a runtime; while it ends, connections end with it.
        if let (Some(rest), Ok(runtime)) = (rest, tokio::runtime::Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(PATIENCE, discard(rest)));
        }
    }
}

async fn discard(mut body: Incoming) {
    let mut taken = 0;
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(QUIET, body.frame()).await {
        taken += frame.data_ref().map_or(0, Bytes::len);
        if taken > REST {
            return;
        }
    }
}
