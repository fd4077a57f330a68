//! Stops the cluster after its last holder was killed and could not.
//!
//! A waiting shell, because it must outlive us and cost nothing: it sleeps in
//! `flock` until the kernel has released every holder's lock. Without the
//! program `flock` (macOS) there is no watchdog, and a cluster whose only holder
//! was killed runs until the next holder ends.

use std::os::unix::process::CommandExt;
use std::process::Stdio;

use super::account::Account;
use super::binaries::{Installation, on_path};
use super::lock::Lock;
use super::place::Place;
use super::{EmbeddedError, Options, server};

/// `$1` is how long to linger in seconds, `$2` the data folder, `$3` `pg_ctl`;
/// standard input is the holders' lock.
const SCRIPT: &str = r#"
while flock -x 0; do
    [ -f "$2/postmaster.pid" ] || exit 0
    if [ "$1" -gt 0 ]; then
        flock -u 0
        sleep "$1"
        flock -n -x 0 || continue
    fi
    exec "$3" stop --silent --mode fast --timeout 600 --pgdata "$2"
done
"#;

/// Whether this machine can have a watchdog.
pub(super) fn is_possible() -> bool {
    on_path("flock")
}

/// Starts the watchdog of a cluster that is about to be started.
pub(super) fn spawn(
    place: &Place,
    account: Account,
    installation: &Installation,
    options: &Options,
    holders: &Lock,
) -> Result<(), EmbeddedError> {
    let mut command = account.command("/bin/sh");
    command
        .arg0("systemprompt-postgres-watchdog")
        .args(["-c", SCRIPT, "watchdog"])
        .arg(options.linger.as_secs().to_string())
        .arg(place.data())
        .arg(installation.program("pg_ctl"))
        .stdin(Stdio::from(holders.reopen()?))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    server::spawn_reaped(&mut command)?;
    Ok(())
}
