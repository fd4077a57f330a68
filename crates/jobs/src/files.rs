//! Files that are whole or not there, however the process or the disk ends.

use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Where reports are, below the storage folder.
pub const REPORTS: &str = "files/reports";

/// Writes a file under a name of its own, and gives it its name once all of it is on
/// the disk. Whoever opens the name reads all of the old one or all of the new one.
///
/// # Errors
/// If the folder cannot be made or the file not written; then nothing of it is left.
pub async fn write_atomically(folder: &Path, name: &str, content: String) -> anyhow::Result<()> {
    let (folder, name) = (folder.to_owned(), name.to_owned());
    let writing = tokio::task::spawn_blocking(move || write(&folder, &name, content.as_bytes()));
    writing.await.context("writing a file broke off")?
}

fn write(folder: &Path, name: &str, content: &[u8]) -> anyhow::Result<()> {
    let path: PathBuf = folder.join(name);
    let failed = || format!("cannot write {}", path.display());
    std::fs::create_dir_all(folder).with_context(failed)?;
    // A file that is dropped before it has its name is removed.
    let mut file = tempfile::Builder::new()
        .prefix(".writing-")
        .permissions(Permissions::from_mode(0o640))
        .tempfile_in(folder)
        .with_context(failed)?;
    file.write_all(content).with_context(failed)?;
    file.as_file().sync_all().with_context(failed)?;
    file.persist(&path)
        .map_err(|error| error.error)
        .with_context(failed)?;
    // The name is in the folder, which has to reach the disk as well.
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(failed)
}
