//! What the machine has: a folder to write to, a disk that is large and quick
//! enough, and an address to listen on.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use systemprompt_config::{Config, Profile};

use super::Findings;
use crate::human::figure;

/// Writes that are timed.
const WRITES: usize = 20;
/// The end of each answer waits for one write to be on disk: longer is felt.
const SLOW: Duration = Duration::from_millis(20);
/// How long a server on this machine may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn look(config: &Config, findings: &mut Findings) {
    let profile = &config.profile;
    storage(profile, findings);
    address(profile, findings);
}

fn storage(profile: &Profile, findings: &mut Findings) {
    let folder = &profile.server.storage;
    let shown = folder.display();
    if !folder.exists() {
        let advice = "the server makes it at its first start; --storage names another one";
        findings.warn("storage", format!("{shown} does not exist yet"), advice);
        return;
    }
    let took = match timed_writes(folder) {
        Ok(took) => took,
        Err(error) => {
            let advice =
                "let the user that runs this own the folder, or name another with --storage";
            findings.fail(
                "storage",
                format!("cannot write to {shown}: {error}"),
                advice,
            );
            return;
        }
    };
    findings.ok("storage", format!("{shown} can be written to"));
    let says = format!("a write takes {took:.1?} to be on disk (median of {WRITES})");
    if took > SLOW {
        let advice = "the end of each answer waits for one: put the folder on a local SSD";
        findings.warn("fsync", says, advice);
    } else {
        findings.ok("fsync", says);
    }
    match rustix::fs::statvfs(folder) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let all = disk.f_blocks.saturating_mul(disk.f_frsize);
            space(free, all, profile.limits.spool.cap, findings);
        }
        Err(error) => findings.warn(
            "disk",
            format!("cannot tell how much room {shown} has: {error}"),
            "look with `df`",
        ),
    }
}

fn space(free: u64, all: u64, cap: u64, findings: &mut Findings) {
    let size = |bytes: u64| figure::bytes(i64::try_from(bytes).unwrap_or(i64::MAX));
    let says = format!("{} of {} are free", size(free), size(all));
    if free < cap {
        let advice = format!(
            "while the database is away, the spool may take {} (limits.spool.cap): make room, or lower the cap",
            size(cap)
        );
        findings.fail("disk", says, advice);
    } else if free < all / 10 {
        let advice = "make room: a full disk ends recording, and with it the gateway";
        findings.warn("disk", says, advice);
    } else {
        findings.ok("disk", says);
    }
}

/// How long a small write takes to be on disk: the middle one of several.
fn timed_writes(folder: &Path) -> io::Result<Duration> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    let took = write_to(&path);
    let removed = fs::remove_file(&path);
    let took = took?;
    removed?;
    Ok(took)
}

fn write_to(path: &Path) -> io::Result<Duration> {
    let mut file = File::create(path)?;
    let mut times = [Duration::ZERO; WRITES];
    for time in &mut times {
        let begun = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        *time = begun.elapsed();
    }
    times.sort_unstable();
    Ok(times[WRITES / 2])
}

fn address(profile: &Profile, findings: &mut Findings) {
    let address = profile.server.listen;
    // Bound and let go again: nobody else has it.
    let taken = match TcpListener::bind(address) {
        Ok(_) => {
            findings.ok(
                "address",
                format!("{address} is free; no server is running"),
            );
            return;
        }
        Err(error) => error,
    };
    if taken.kind() != io::ErrorKind::AddrInUse {
        let advice = "choose another with --listen or server.listen";
        findings.fail(
            "address",
            format!("cannot listen on {address}: {taken}"),
            advice,
        );
        return;
    }
    if profile.server.tls_cert.is_some() {
        let says = format!("{address} is in use, over TLS: it was not asked how it is");
        findings.ok("address", says);
        return;
    }
    match readiness(address) {
        Some(said) => server(address, &said, findings),
        None => {
            let advice =
                "find what does (`ss -ltnp`), or choose another address with server.listen";
            let says = format!("{address} is in use by something that is no server of ours");
            findings.fail("address", says, advice);
        }
    }
}

/// What a running server says of itself.
fn server(address: SocketAddr, said: &Value, findings: &mut Findings) {
    let word = said["status"].as_str().unwrap_or("unknown");
    let says = format!("a server runs at {address}: {word}");
    match word {
        "ready" => findings.ok("server", says),
        "degraded" => findings.warn(
            "server",
            says,
            "requests pass and are kept on disk; its log says what is missing",
        ),
        _ => findings.fail("server", says, "its log says why"),
    }
    let backlog = said["spool_backlog_bytes"].as_i64().unwrap_or(0);
    let says = format!("{} wait for the database", figure::bytes(backlog));
    if backlog > 64 << 20 {
        let advice = "the writer does not keep up, or the database is away: see the server's log";
        findings.warn("backlog", says, advice);
    } else {
        findings.ok("backlog", says);
    }
}

fn readiness(address: SocketAddr) -> Option<Value> {
    // Where it listens on every address, this machine is one of them.
    let mut address = address;
    if address.ip().is_unspecified() {
        let local = match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(local);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    runtime.block_on(async {
        let client = systemprompt_notify::client().ok()?;
        let url = format!("http://{address}/readyz");
        let answer = client.get(url).timeout(PATIENCE).send().await.ok()?;
        let said: Value = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
        said.get("spool_backlog_bytes").is_some().then_some(said)
    })
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn room_is_judged_by_what_the_spool_may_take() {
        const GIB: u64 = 1 << 30;
        for (free, all, verdict) in [
            (500 * GIB, 1000 * GIB, Verdict::Ok),
            (50 * GIB, 1000 * GIB, Verdict::Warn),
            (GIB / 2, 2 * GIB, Verdict::Fail),
        ] {
            let mut findings = Findings::default();
            space(free, all, GIB, &mut findings);
            assert_eq!(findings.verdict(), verdict, "{findings:?}");
        }
    }

    #[test]
    fn writes_are_timed_and_leave_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let took = timed_writes(folder.path()).expect("it can be written to");
        assert!(took > Duration::ZERO);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
        assert!(timed_writes(&folder.path().join("missing")).is_err());
    }
}
