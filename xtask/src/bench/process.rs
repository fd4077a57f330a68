//! What processes cost: CPU time and memory, as the kernel counts them.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// CPU time of a process and all its threads, user and system, since it started.
pub(super) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    Ok(Stat::of(pid)
        .with_context(|| format!("reading the CPU time of process {pid}"))?
        .own())
}

/// CPU time of a process, its children, and those children that have ended.
/// PostgreSQL is such a family: a postmaster and a process for each connection.
pub(super) fn family_cpu(parent: u32) -> anyhow::Result<Duration> {
    let stat = Stat::of(parent).with_context(|| format!("reading process {parent}"))?;
    let processes = fs::read_dir("/proc")?.filter_map(|entry| {
        let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
        Stat::of(pid)
    });
    let children = processes.filter(|child| child.parent == parent);
    Ok(stat.own() + stat.ended_children() + children.map(|child| child.own()).sum::<Duration>())
}

/// The parent of a process.
pub(super) fn parent(pid: u32) -> anyhow::Result<u32> {
    Ok(Stat::of(pid)
        .with_context(|| format!("reading process {pid}"))?
        .parent)
}

/// Memory in use now and at its highest, in MiB.
pub(super) fn memory(pid: u32) -> anyhow::Result<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mib = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace()
            .nth(1)?
            .parse::<u64>()
            .ok()
            .map(|kib| kib / 1024)
    };
    let both = mib("VmRSS").zip(mib("VmHWM"));
    both.with_context(|| format!("reading the memory of process {pid}"))
}

/// Forgets the highest memory so far.
pub(super) fn forget_memory(pid: u32) -> anyhow::Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5")
        .with_context(|| format!("resetting the memory of process {pid}"))
}

/// How many files and sockets a process has open.
pub(super) fn files(pid: u32) -> anyhow::Result<usize> {
    let open = fs::read_dir(format!("/proc/{pid}/fd"));
    let open = open.with_context(|| format!("reading the open files of process {pid}"))?;
    Ok(open.count())
}

/// What `/proc/PID/stat` says, times in clock ticks.
struct Stat {
    parent: u32,
    ticks: u64,
    children: u64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything; the state follows it.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Self {
            parent: u32::try_from(number(1)?).ok()?,
            ticks: number(11)? + number(12)?,
            children: number(13)? + number(14)?,
        })
    }

    fn own(&self) -> Duration {
        time(self.ticks)
    }

    fn ended_children(&self) -> Duration {
        time(self.children)
    }
}

fn time(ticks: u64) -> Duration {
    Duration::from_secs(ticks)
        / u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100)
}
