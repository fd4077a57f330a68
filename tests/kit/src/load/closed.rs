//! The closed loop: every connection asks again as soon as it has its answer.
//! It finds how much a server can do. Its latencies are those of a server that
//! is saturated and say little else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::{Load, Target, connect};

/// Sends `requests` in all over `connections`, each as fast as it is answered.
///
/// # Errors
/// A connection cannot be made, or broke.
pub async fn closed(target: &Target, connections: usize, requests: usize) -> Result<Load> {
    let open = connect(target, connections).await?;
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut workers = JoinSet::new();
    for connection in open {
        workers.spawn(work(
            connection,
            target.clone(),
            Arc::clone(&next),
            requests,
        ));
    }
    let mut parts = Vec::with_capacity(connections);
    while let Some(part) = workers.join_next().await {
        parts.push(part??);
    }
    Ok(Load::sum(parts, began.elapsed()))
}

async fn work(
    mut connection: Connection,
    target: Target,
    next: Arc<AtomicUsize>,
    requests: usize,
) -> Result<Load> {
    let mut load = Load::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= requests {
            return Ok(load);
        }
        let request = &target.requests[number % target.requests.len()];
        let sent = Instant::now();
        let answer = connection.exchange(request).await?;
        load.add(sent.elapsed(), answer);
    }
}
