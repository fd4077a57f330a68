//! The open loop: requests leave at a steady rate, whatever the server does, as
//! those of many clients would. Latency counts from the moment a request should
//! have left, so that a stall is seen by all who come during it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::connection::Connection;
use super::{Load, Target, connect};

/// Requests to send: their number and when they should leave.
type Due = mpsc::UnboundedReceiver<(usize, Instant)>;

/// Sends `requests` in all, `rate` a second, each over a connection that is free.
///
/// # Errors
/// A connection cannot be made, or broke.
pub async fn open(target: &Target, connections: usize, rate: u32, requests: usize) -> Result<Load> {
    let open = connect(target, connections).await?;
    let due = Arc::new(Mutex::new(pace(rate, requests)));
    let began = Instant::now();
    let mut workers = JoinSet::new();
    for connection in open {
        workers.spawn(work(connection, target.clone(), Arc::clone(&due)));
    }
    let mut parts = Vec::with_capacity(connections);
    while let Some(part) = workers.join_next().await {
        parts.push(part??);
    }
    Ok(Load::sum(parts, began.elapsed()))
}

/// Says when each request is due. On a thread of its own: a runtime's timers
/// tick in milliseconds, which is longer than what is measured.
fn pace(rate: u32, requests: usize) -> Due {
    let (sender, due) = mpsc::unbounded_channel();
    let interval = Duration::from_secs(1) / rate.max(1);
    thread::spawn(move || {
        let mut at = Instant::now();
        for number in 0..requests {
            thread::sleep(at.saturating_duration_since(Instant::now()));
            if sender.send((number, at)).is_err() {
                return;
            }
            at += interval;
        }
    });
    due
}

async fn work(mut connection: Connection, target: Target, due: Arc<Mutex<Due>>) -> Result<Load> {
    let mut load = Load::default();
    loop {
        let next = due.lock().await.recv().await;
        let Some((number, at)) = next else {
            return Ok(load);
        };
        let request = &target.requests[number % target.requests.len()];
        let answer = connection.exchange(request).await?;
        load.add(at.elapsed(), answer);
    }
}
