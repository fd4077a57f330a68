//! The server's settings. They go on its command line at every start, so that
//! they follow the release and the machine; who wants to tune PostgreSQL by
//! hand runs one of their own and names it with `--database-url`.

use std::fs;

use super::Options;
use super::place::Place;

/// What is assumed of a machine that does not say how much memory it has, in MiB.
const MEMORY_UNKNOWN: u64 = 2048;

/// Every setting that differs from PostgreSQL's own default.
pub(super) fn settings(place: &Place, options: &Options) -> Vec<(&'static str, String)> {
    let on = |yes| if yes { "on" } else { "off" }.to_owned();
    let text = str::to_owned;
    let memory = memory_mib();
    vec![
        // Nobody but this machine's account of ours can reach it.
        ("listen_addresses", String::new()),
        (
            "unix_socket_directories",
            quoted(&place.socket().to_string_lossy()),
        ),
        ("unix_socket_permissions", text("0700")),
        ("port", text("5432")),
        ("max_connections", options.max_connections.to_string()),
        // The promise that what is acknowledged is not lost.
        ("fsync", on(options.durable)),
        ("full_page_writes", on(options.durable)),
        ("synchronous_commit", on(options.durable)),
        // A steady stream of inserts: rare, spread-out checkpoints.
        ("max_wal_size", text("2GB")),
        ("checkpoint_timeout", text("15min")),
        // Fewer bytes to sync; without syncing it would only cost time.
        ("wal_compression", on(options.durable)),
        // We share the machine with the server itself and with other programs.
        (
            "shared_buffers",
            format!("{}MB", (memory / 8).clamp(32, 512)),
        ),
        ("effective_cache_size", format!("{}MB", memory / 2)),
        (
            "maintenance_work_mem",
            format!("{}MB", (memory / 32).clamp(32, 256)),
        ),
        ("work_mem", text("8MB")),
        // The questions run for milliseconds; compiling them would take longer.
        ("jit", text("off")),
        ("timezone", text("UTC")),
        // A week of logs, a file for each day.
        ("logging_collector", text("on")),
        ("log_directory", place.log().to_string_lossy().into_owned()),
        ("log_filename", text("postgresql-%a.log")),
        ("log_rotation_age", text("1d")),
        ("log_rotation_size", text("0")),
        ("log_truncate_on_rotation", text("on")),
        ("log_timezone", text("UTC")),
        ("log_checkpoints", text("off")),
    ]
}

/// One name in a list of names, which PostgreSQL splits at commas.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The memory we may count on: the machine's, or less if a container says so.
fn memory_mib() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| parse_meminfo(&text));
    let container = fs::read_to_string("/sys/fs/cgroup/memory.max")
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok())
        .map(|bytes| bytes / (1024 * 1024));
    [machine, container]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(MEMORY_UNKNOWN)
}

/// `MemTotal:  24684552 kB` in MiB.
fn parse_meminfo(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_meminfo() {
        assert_eq!(
            parse_meminfo("MemTotal:       24684552 kB\nMemFree:  1 kB\n"),
            Some(24106)
        );
        assert_eq!(parse_meminfo("nothing"), None);
    }

    #[test]
    fn only_a_durable_cluster_syncs() {
        let place = Place {
            home: "/s/postgres".into(),
            base: "/s/postgres".into(),
        };
        let value = |durable, name| {
            let options = Options {
                durable,
                ..Options::default()
            };
            let all = settings(&place, &options);
            let (_, value) = all.into_iter().find(|(known, _)| *known == name).unwrap();
            value
        };
        assert!(Options::default().durable);
        for name in ["fsync", "full_page_writes", "synchronous_commit"] {
            assert_eq!(value(true, name), "on");
            assert_eq!(value(false, name), "off");
        }
    }

    #[test]
    fn a_folder_with_a_comma_stays_one_folder() {
        assert_eq!(quoted(r#"/a,b/"c""#), r#""/a,b/""c""""#);
    }
}
