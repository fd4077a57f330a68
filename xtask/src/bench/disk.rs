//! The disk's own speed: no durable answer can be faster than its sync.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
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
