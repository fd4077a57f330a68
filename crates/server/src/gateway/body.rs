//! The answer's body on its way to the client: a short queue that the exchange
//! fills, so that a slow client slows the provider down and nothing else.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc;

/// Chunks between the provider and a client that reads more slowly.
const QUEUE: usize = 16;

/// Ends the body abnormally: the client must not take it for whole.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off upstream")]
pub(super) struct BrokenOff;

/// The exchange's end of the queue.
pub(super) type Sender = mpsc::Sender<Result<Bytes, BrokenOff>>;

/// The client's end of the queue.
#[derive(Debug)]
pub(super) struct ChannelBody(mpsc::Receiver<Result<Bytes, BrokenOff>>);

pub(super) fn channel() -> (Sender, ChannelBody) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (sender, ChannelBody(receiver))
}

impl Body for ChannelBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        self.0.poll_recv(cx).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}
