//! The disk's own speed: no durable answer can be faster than its sync.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context;

const PAGE: usize = 4096;
const PAGES: usize = 256;

/// p50 and p99 of overwriting a page of an existing file and syncing it.
pub(super) fn fdatasync(folder: &Path, times: usize) -> anyhow::Result<(Duration, Duration)> {
    let path = folder.join("fdatasync.probe");
    let probe = || -> std::io::Result<Vec<Duration>> {
        let file = File::create(&path)?;
        file.write_all_at(&vec![0; PAGE * PAGES], 0)?;
        file.sync_all()?;
        let page = [7; PAGE];
        let mut took = Vec::with_capacity(times);
        for n in 0..times {
            let began = Instant::now();
            file.write_all_at(&page, (n % PAGES * PAGE) as u64)?;
            file.sync_data()?;
            took.push(began.elapsed());
        }
        std::fs::remove_file(&path)?;
        Ok(took)
    };
    let mut took = probe().with_context(|| format!("syncing {}", path.display()))?;
    took.sort_unstable();
    Ok((took[times / 2], took[times * 99 / 100]))
}

/// Syncs a second of a [`Probe`]: enough to meet every stall of the disk, few
/// beside those of the server under test.
const RATE: u32 = 200;

/// What the disk takes for a sync while something else is measured, asked at a
/// steady rate. As with a load in an open loop each time counts from the moment
/// the sync was due, so that a stall counts as often as it would have been met.
pub(super) struct Probe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<std::io::Result<Vec<Duration>>>,
}

impl Probe {
    pub(super) fn start(folder: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let path = folder.join("fdatasync.probe");
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let file = File::create(&path)?;
            file.write_all_at(&vec![0; PAGE * PAGES], 0)?;
            file.sync_all()?;
            let page = [7; PAGE];
            let mut took = Vec::new();
            let began = Instant::now();
            for n in 0_u32.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let due = began + Duration::from_secs(1) * n / RATE;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                file.write_all_at(&page, (n as usize % PAGES * PAGE) as u64)?;
                file.sync_data()?;
                took.push(due.elapsed());
            }
            std::fs::remove_file(&path)?;
            Ok(took)
        });
        Self { stop, thread }
    }

    /// The p99 since the start.
    pub(super) fn p99(self) -> anyhow::Result<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.join().expect("a probe does not panic");
        let mut took = ended.context("syncing the probe")?;
        took.sort_unstable();
        Ok(took.get(took.len() * 99 / 100).copied().unwrap_or_default())
    }
}
