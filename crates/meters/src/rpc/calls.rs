//! Requests that have no answer yet, on a connection that carries several.

use std::collections::{HashMap, VecDeque};

use super::RpcId;

/// Requests under way, by their ids, at most so many: whoever never answers must
/// not fill the memory.
#[derive(Debug)]
pub struct Calls<T> {
    most: usize,
    pending: HashMap<RpcId, (u64, T)>,
    /// Those that began first come first. What ended is still among them.
    order: VecDeque<(u64, RpcId)>,
    next: u64,
}

impl<T> Calls<T> {
    /// Room for so many requests.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            pending: HashMap::new(),
            order: VecDeque::new(),
            next: 0,
        }
    }

    /// A request begins. What it displaces is answered: one with the same id, or
    /// the oldest if there are too many.
    pub fn begin(&mut self, id: RpcId, request: T) -> Option<T> {
        let nth = self.next;
        self.next += 1;
        let same = self.pending.insert(id.clone(), (nth, request));
        self.order.push_back((nth, id));
        let displaced = same.map(|(_, request)| request);
        let displaced = match displaced {
            None if self.pending.len() > self.most => self.oldest(),
            displaced => displaced,
        };
        // What ended long ago is forgotten.
        if self.order.len() > 2 * self.most + 16 {
            let pending = &self.pending;
            self.order
                .retain(|(nth, id)| pending.get(id).is_some_and(|(of, _)| of == nth));
        }
        displaced
    }

    fn oldest(&mut self) -> Option<T> {
        while let Some((nth, id)) = self.order.pop_front() {
            if self.pending.get(&id).is_some_and(|(of, _)| *of == nth) {
                return self.pending.remove(&id).map(|(_, request)| request);
            }
        }
        None
    }

    /// The request that an answer is of, if it is one of these. It is over.
    pub fn end(&mut self, id: &RpcId) -> Option<T> {
        self.pending.remove(id).map(|(_, request)| request)
    }

    /// A request that is under way.
    pub fn get_mut(&mut self, id: &RpcId) -> Option<&mut T> {
        self.pending.get_mut(id).map(|(_, request)| request)
    }

    /// How many are under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Those that never ended, in the order in which they began.
    pub fn drain(&mut self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.oldest())
    }
}
