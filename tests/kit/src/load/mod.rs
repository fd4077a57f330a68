//! A load generator: the same few requests over a fixed set of connections, as
//! fast as they are answered ([`closed`]) or at a steady rate ([`open`]). What
//! the figures mean is for the benchmark to say.
//!
//! It shares the machine with what it measures, so it does little: connections
//! without a pool, answers counted and thrown away. A current-thread runtime
//! suits it best.

mod closed;
mod connection;
mod open;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;

pub use closed::closed;
pub use open::open;

/// Where to, and what is sent: each request in turn, over and over.
#[derive(Clone, Debug)]
pub struct Target {
    /// The address to connect to.
    pub addr: SocketAddr,
    /// The requests, with a path for a URI and a `host` header; shared by all connections.
    pub requests: Arc<[Request<Full<Bytes>>]>,
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Load {
    /// Answers that were read to their end.
    pub answered: u64,
    /// How many of them had a status other than 2xx.
    pub refused: u64,
    /// Bytes of all bodies.
    pub bytes: u64,
    /// From the first request to the last byte of the last answer.
    pub elapsed: Duration,
    /// Of every answer, ascending.
    pub latencies: Vec<Duration>,
}

impl Load {
    /// Answers in a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        #[allow(clippy::cast_precision_loss)] // counts are far below 2^52
        let answered = self.answered as f64;
        answered / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }

    /// The latency that a share `q` (0 to 1) of the answers did not exceed;
    /// `None` if there was no answer.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        let n = self.latencies.len();
        // Nearest rank.
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let rank = ((n as f64 * q).ceil() as usize).clamp(1, n.max(1));
        self.latencies.get(rank - 1).copied()
    }

    fn add(&mut self, latency: Duration, answer: connection::Answer) {
        self.answered += 1;
        self.refused += u64::from(!answer.status.is_success());
        self.bytes += answer.bytes;
        self.latencies.push(latency);
    }

    /// Puts together what the connections counted for themselves.
    fn sum(parts: Vec<Self>, elapsed: Duration) -> Self {
        let mut all = Self {
            elapsed,
            ..Self::default()
        };
        for part in parts {
            all.answered += part.answered;
            all.refused += part.refused;
            all.bytes += part.bytes;
            all.latencies.extend(part.latencies);
        }
        all.latencies.sort_unstable();
        all
    }
}

/// Opens all connections before the first request is sent.
async fn connect(target: &Target, connections: usize) -> Result<Vec<connection::Connection>> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(connection::Connection::open(target).await?);
    }
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let load = |n: u64| Load {
            latencies: (1..=n).map(Duration::from_millis).collect(),
            ..Load::default()
        };
        assert_eq!(load(0).quantile(0.5), None);
        assert_eq!(load(1).quantile(0.99), Some(Duration::from_millis(1)));
        assert_eq!(load(100).quantile(0.5), Some(Duration::from_millis(50)));
        assert_eq!(load(100).quantile(0.99), Some(Duration::from_millis(99)));
        assert_eq!(load(100).quantile(1.0), Some(Duration::from_millis(100)));
    }
}
