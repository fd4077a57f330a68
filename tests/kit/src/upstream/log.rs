//! The bounded log of calls, for tests to compare with what was recorded.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};
use sha2::{Digest, Sha256};

use super::behaviour::Behaviour;

/// How much of a request's body the log keeps.
const BODY_KEPT: usize = 1 << 20;

/// One call that arrived.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Call {
    /// Its number; the ids of the answer end with it (`msg_mock_7`).
    pub number: u64,
    /// The HTTP method.
    pub method: Method,
    /// Path and query as they came.
    pub target: String,
    /// The request's headers.
    pub headers: HeaderMap,
    /// Size of the request's body in bytes.
    pub body_len: usize,
    /// SHA-256 of the whole body.
    pub body_sha256: [u8; 32],
    /// The body, at most its first MiB.
    pub body: Bytes,
    /// What was asked for; `None` if the options did not parse.
    pub behaviour: Option<Behaviour>,
    /// Whether all of the answer was handed to the connection: false while it
    /// is under way, and for ever if the client left or a fault ended it.
    pub fully_written: bool,
}

#[derive(Debug)]
pub(super) struct Log {
    keep: usize,
    count: AtomicU64,
    entries: Mutex<VecDeque<Entry>>,
}

#[derive(Debug)]
struct Entry {
    call: Call,
    written: Arc<AtomicBool>,
}

impl Log {
    pub(super) const fn new(keep: usize) -> Self {
        Self {
            keep,
            count: AtomicU64::new(0),
            entries: Mutex::new(VecDeque::new()),
        }
    }

    /// Counts a call and gives it its number, from 1.
    pub(super) fn next_number(&self) -> u64 {
        self.count.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Keeps a call. The flag it gives back is set once the answer is written;
    /// without a log there is none, and nothing is copied or locked.
    pub(super) fn keep(
        &self,
        number: u64,
        head: &Parts,
        body: &[u8],
        behaviour: Option<&Behaviour>,
    ) -> Option<Arc<AtomicBool>> {
        if self.keep == 0 {
            return None;
        }
        let written = Arc::new(AtomicBool::new(false));
        let call = Call {
            number,
            method: head.method.clone(),
            target: head
                .uri
                .path_and_query()
                .map_or_else(String::new, ToString::to_string),
            headers: head.headers.clone(),
            body_len: body.len(),
            body_sha256: Sha256::digest(body).into(),
            body: Bytes::copy_from_slice(&body[..body.len().min(BODY_KEPT)]),
            behaviour: behaviour.cloned(),
            fully_written: false,
        };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() == self.keep {
            entries.pop_front();
        }
        entries.push_back(Entry {
            call,
            written: Arc::clone(&written),
        });
        Some(written)
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries
            .iter()
            .map(|entry| Call {
                fully_written: entry.written.load(Ordering::Acquire),
                ..entry.call.clone()
            })
            .collect()
    }
}
