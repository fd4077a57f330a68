//! The machine a figure belongs to, and how busy it was.

use std::fs;

/// Processor, cores, memory, kernel.
pub(super) fn line() -> String {
    let cpu = read("/proc/cpuinfo");
    let model = field(&cpu, "model name")
        .unwrap_or("unknown processor")
        .to_owned();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0, |kib| kib / 1024);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{model}, {cores} cores, {memory} MiB, Linux {}",
        kernel.trim()
    )
}

/// The load average of the last minute: above the benchmark's own share,
/// somebody else was using the machine.
pub(super) fn load() -> String {
    let load = read("/proc/loadavg");
    load.split_whitespace().next().unwrap_or("?").to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}
