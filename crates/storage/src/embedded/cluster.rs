//! Makes a new cluster: complete, or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;

use super::account::Account;
use super::binaries::Installation;
use super::place::{Place, private_folder};
use super::{EmbeddedError, Options, SUPERUSER};

/// macOS has no `C.UTF-8`; with its `C` and the encoding UTF-8 text sorts alike.
const LOCALE: &str = if cfg!(target_os = "macos") {
    "C"
} else {
    "C.UTF-8"
};

/// The major version that wrote the data in `data`; `None` if there is none yet.
pub(super) fn version(data: &Path) -> Result<Option<u32>, EmbeddedError> {
    let file = data.join("PG_VERSION");
    match fs::read_to_string(&file) {
        Ok(text) => match text.trim().parse() {
            Ok(major) => Ok(Some(major)),
            Err(_) => {
                let source = io::Error::new(io::ErrorKind::InvalidData, "not a version number");
                Err(EmbeddedError::Io { path: file, source })
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(EmbeddedError::at(&file)(error)),
    }
}

/// Creates the cluster in `place`. Its files appear in a folder of their own
/// that is renamed as the last step, so that a crash leaves no half of one.
pub(super) async fn create(
    place: &Place,
    account: Account,
    installation: &Installation,
    options: &Options,
) -> Result<(), EmbeddedError> {
    let new = place.base.join("new");
    if new.exists() {
        fs::remove_dir_all(&new).map_err(EmbeddedError::at(&new))?;
    }
    private_folder(&new, account)?;

    let password = format!("{:032x}", rand::random::<u128>());
    write_secret(&place.password(), &password)?;
    // initdb reads it as the server's account, which may not enter our folder.
    let for_initdb = new.join("password");
    write_secret(&for_initdb, &password)?;
    account.give(&for_initdb)?;

    let data = new.join("data");
    let mut command = account.command(installation.program("initdb"));
    command
        .arg("--pgdata")
        .arg(&data)
        .arg("--pwfile")
        .arg(&for_initdb)
        .args(["--username", SUPERUSER, "--auth", "scram-sha-256"])
        .args(["--encoding", "UTF8", "--locale", LOCALE])
        .args(["--data-checksums", "--no-instructions"])
        .stdout(Stdio::null());
    if !options.durable {
        command.arg("--no-sync");
    }
    let said = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(EmbeddedError::at(&installation.program("initdb")))?;
    if !said.status.success() {
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        // What is left over is removed by the next attempt, too.
        let _ = fs::remove_dir_all(&new);
        return Err(create_failed(place, &said));
    }

    let target = place.data();
    fs::rename(&data, &target).map_err(EmbeddedError::at(&target))?;
    sync(&place.base)?;
    fs::remove_dir_all(&new).map_err(EmbeddedError::at(&new))?;
    if place.is_outside() {
        let marker = place.marker();
        fs::write(&marker, format!("{}\n", place.base.display()))
            .map_err(EmbeddedError::at(&marker))?;
    }
    sync(&place.home)
}

/// Turns initdb's own words into an error.
fn create_failed(place: &Place, said: &str) -> EmbeddedError {
    let folder = place.data();
    if said.contains("No space left on device") {
        return EmbeddedError::DiskFull { path: folder };
    }
    let said = said
        .lines()
        .find(|line| line.contains("error:") || line.contains("FATAL:"))
        .or_else(|| said.lines().last())
        .unwrap_or("it gave no reason")
        .trim()
        .to_owned();
    EmbeddedError::CreateFailed { folder, said }
}

/// Writes `secret` to a file that only its owner can read, durably.
fn write_secret(path: &Path, secret: &str) -> Result<(), EmbeddedError> {
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        writeln!(file, "{secret}")?;
        file.sync_all()
    };
    write().map_err(EmbeddedError::at(path))
}

/// Makes the names in a folder durable.
fn sync(folder: &Path) -> Result<(), EmbeddedError> {
    File::open(folder)
        .and_then(|open| open.sync_all())
        .map_err(EmbeddedError::at(folder))
}
