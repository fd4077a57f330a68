//! The client's side of an exchange: where its answer goes, whether it is still
//! there, and what is held back until the end is on disk.

use axum::body::Body;
use bytes::Bytes;
use http::Response;
use http::response::Parts;
use tokio::sync::oneshot;

use super::body::{self, Sender};

/// The largest plain answer that is kept back whole, so that its head can carry
/// the cost.
pub(super) const SMALL: u64 = 256 * 1024;

/// The client, as far as the exchange knows it.
pub(super) struct Client {
    stage: Stage,
    gone: bool,
}

enum Stage {
    /// The head has not left.
    Head(oneshot::Sender<Response<Body>>),
    /// The head waits for a small body.
    Small {
        reply: oneshot::Sender<Response<Body>>,
        head: Parts,
        body: Vec<u8>,
    },
    /// Bytes leave as they come.
    Streaming(Sender),
    /// Nothing more can be said.
    Ended,
}

impl Client {
    pub(super) const fn new(reply: oneshot::Sender<Response<Body>>) -> Self {
        Self {
            stage: Stage::Head(reply),
            gone: false,
        }
    }

    /// Whether the client is known to have left.
    pub(super) const fn is_gone(&self) -> bool {
        self.gone
    }

    /// Resolves when the client leaves.
    pub(super) async fn left(&mut self) {
        match &mut self.stage {
            Stage::Head(reply) | Stage::Small { reply, .. } => reply.closed().await,
            Stage::Streaming(sender) => sender.left().await,
            Stage::Ended => std::future::pending().await,
        }
    }

    pub(super) const fn set_gone(&mut self) {
        self.gone = true;
    }

    /// Answers with a whole response.
    pub(super) fn respond(&mut self, response: Response<Body>) {
        if let Stage::Head(reply) = std::mem::replace(&mut self.stage, Stage::Ended) {
            self.gone |= reply.send(response).is_err();
        }
    }

    /// Takes the head: small bodies wait for their end, others stream.
    pub(super) fn head(&mut self, head: Parts, small: bool) {
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Head(reply) if small => {
                self.stage = Stage::Small {
                    reply,
                    head,
                    body: Vec::new(),
                };
            }
            Stage::Head(reply) => self.stream(reply, head),
            other => self.stage = other,
        }
    }

    fn stream(&mut self, reply: oneshot::Sender<Response<Body>>, head: Parts) {
        let (sender, body) = body::channel();
        self.gone |= reply
            .send(Response::from_parts(head, Body::new(body)))
            .is_err();
        self.stage = Stage::Streaming(sender);
    }

    /// Passes bytes on. Waits for a slow client; does nothing for one that left.
    pub(super) async fn send(&mut self, bytes: Bytes) {
        if self.gone || bytes.is_empty() {
            return;
        }
        match &mut self.stage {
            Stage::Small { body, .. } => body.extend_from_slice(&bytes),
            Stage::Streaming(sender) => self.gone |= !sender.send(bytes).await,
            Stage::Head(_) | Stage::Ended => {}
        }
    }

    /// The end as it should be. `decorate` sees the head of a small answer.
    pub(super) fn finish(&mut self, decorate: impl FnOnce(&mut http::HeaderMap)) {
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Small {
                reply,
                mut head,
                body,
            } => {
                decorate(&mut head.headers);
                // A client that left now has its answer's state all the same.
                let _ = reply.send(Response::from_parts(head, Body::from(body)));
            }
            Stage::Streaming(sender) => sender.finish(),
            Stage::Head(_) | Stage::Ended => {}
        }
    }

    /// The end as the provider made it: not one. The client must notice.
    pub(super) async fn break_off(&mut self) {
        if let Stage::Small { .. } = self.stage
            && let Stage::Small { reply, head, body } =
                std::mem::replace(&mut self.stage, Stage::Ended)
        {
            self.stream(reply, head);
            self.send(Bytes::from(body)).await;
        }
        self.stage = Stage::Ended;
    }
}
