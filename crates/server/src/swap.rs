//! A value that is read for each request and replaced as a whole now and then.

use std::sync::{Arc, PoisonError, RwLock};

/// The value in force. Clones are the same.
#[derive(Debug)]
pub(crate) struct Swap<T>(Arc<RwLock<Arc<T>>>);

impl<T> Clone for Swap<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Swap<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(value))))
    }

    /// The value as it is now: whoever holds it goes on with it. The lock is held
    /// only to copy the pointer.
    pub(crate) fn current(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another one in its place; answers the old one.
    pub(crate) fn replace(&self, value: T) -> Arc<T> {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut current, Arc::new(value))
    }
}
