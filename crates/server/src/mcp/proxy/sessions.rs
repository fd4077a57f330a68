//! What one message says about others: who a session's client is, and that a call
//! is taken back. Other servers do not know it, and need not: it only adds words.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use systemprompt_meters::rpc::{Client, RpcId};

/// Sessions that are remembered.
const REMEMBERED: usize = 10_000;

/// The clients of sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    clients: HashMap<String, Client>,
    order: VecDeque<String>,
}

impl Sessions {
    /// A session began with this client.
    pub(super) fn remember(&self, session: &HeaderValue, client: Client) {
        let Ok(session) = session.to_str().map(str::to_owned) else {
            return;
        };
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.clients.insert(session.clone(), client).is_none() {
            remembered.order.push_back(session);
        }
        if remembered.order.len() > REMEMBERED
            && let Some(oldest) = remembered.order.pop_front()
        {
            remembered.clients.remove(&oldest);
        }
    }

    /// The client of a session.
    pub(super) fn client(&self, session: &str) -> Option<Client> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.clients.get(session).cloned()
    }
}

/// Which request of whom: server, token, session, id.
pub(super) type Whose = (String, Option<String>, Option<String>, RpcId);

/// Calls under way that another message may take back.
#[derive(Debug, Default)]
pub(super) struct Underway(Mutex<HashMap<Whose, Arc<AtomicBool>>>);

impl Underway {
    /// A call begins; what is returned tells whether it was taken back.
    pub(super) fn begin(&self, whose: Whose) -> Arc<AtomicBool> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let mut underway = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        underway.insert(whose, Arc::clone(&cancelled));
        cancelled
    }

    /// A call is taken back.
    pub(super) fn cancel(&self, whose: &Whose) {
        let underway = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cancelled) = underway.get(whose) {
            cancelled.store(true, Ordering::Relaxed);
        }
    }

    /// A call is over.
    pub(super) fn end(&self, whose: &Whose, call: &Arc<AtomicBool>) {
        let mut underway = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if underway
            .get(whose)
            .is_some_and(|known| Arc::ptr_eq(known, call))
        {
            underway.remove(whose);
        }
    }
}
