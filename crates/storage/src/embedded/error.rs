//! What can keep the embedded cluster from running, each as one sentence that
//! also names the way out.

use std::io;
use std::path::{Path, PathBuf};

/// Why the embedded cluster could not be started, attached to, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No usable PostgreSQL on the machine.
    #[error(
        "PostgreSQL {} or newer was not found{found}: install it (Debian and Ubuntu: apt-get \
         install postgresql; Fedora: dnf install postgresql-server; macOS: brew install \
         postgresql) or name a server with --database-url",
        super::binaries::OLDEST
    )]
    NoBinaries {
        /// The versions that were found and are too old, ready to print; or empty.
        found: String,
    },

    /// The data was written by a major version that is not installed.
    #[error(
        "the data in {} was written by PostgreSQL {data} but only {installed} is installed: \
         install PostgreSQL {data} beside it, or dump and restore the data with both \
         (pg_dumpall, psql)", folder.display()
    )]
    VersionMismatch {
        /// Major version that wrote the data.
        data: u32,
        /// What is installed, ready to print.
        installed: String,
        /// The data folder.
        folder: PathBuf,
    },

    /// A folder or file of ours refuses us.
    #[error("{} cannot be written by this user: change its owner or its mode, or choose another \
             storage folder", path.display())]
    NotWritable {
        /// The folder or file.
        path: PathBuf,
    },

    /// The file system is full.
    #[error("no space is left on the disk that holds {}: free some and start again", path.display())]
    DiskFull {
        /// Where space was needed.
        path: PathBuf,
    },

    /// The data belongs to another user of the machine.
    #[error("{} belongs to the user with id {owner}: run as that user (or as root), or change \
             its owner", path.display())]
    ForeignOwner {
        /// The folder in question.
        path: PathBuf,
        /// The owner's numeric id.
        owner: u32,
    },

    /// Root may not run PostgreSQL, and no other account could be found or made.
    #[error(
        "PostgreSQL does not run as root, and there is no user `postgres` nor could a user \
         `systemprompt` be made: create one (useradd --system systemprompt) or run as another user"
    )]
    NoAccount,

    /// There is data, but the password to it is gone.
    #[error("{} is missing, and without it the data beside it cannot be opened: restore the file \
             from a backup of the storage folder", path.display())]
    PasswordMissing {
        /// Where the password should be.
        path: PathBuf,
    },

    /// The cluster refuses the password in our file.
    #[error("the cluster refuses the password in {}: restore the file from a backup of the \
             storage folder", path.display())]
    PasswordRefused {
        /// The password file.
        path: PathBuf,
    },

    /// The cluster was kept outside the storage folder and is no longer there.
    #[error("{} says that the data is in {}, which does not exist: restore that folder, or remove \
             the file to begin with an empty database", marker.display(), folder.display())]
    DataMissing {
        /// The file in the storage folder that says where the data is.
        marker: PathBuf,
        /// The folder it names.
        folder: PathBuf,
    },

    /// `initdb` failed.
    #[error("initdb could not create the cluster in {}: {said}", folder.display())]
    CreateFailed {
        /// The data folder to be.
        folder: PathBuf,
        /// What initdb said, in one line.
        said: String,
    },

    /// The server ended before it was ready.
    #[error("PostgreSQL did not start: {said} (its log is in {})", log.display())]
    StartFailed {
        /// What it said, in one line.
        said: String,
        /// The folder of its logs.
        log: PathBuf,
    },

    /// Nothing went wrong, but it takes too long.
    #[error("gave up after {seconds} s {waiting} (the log is in {})", log.display())]
    TooSlow {
        /// What was waited for, as in "waiting for …".
        waiting: &'static str,
        /// How long, in seconds.
        seconds: u64,
        /// The folder of the server's logs.
        log: PathBuf,
    },

    /// The cluster runs but refuses a query that only makes it ready.
    #[error("the embedded PostgreSQL answers with an error: {0}")]
    Query(#[from] sqlx::Error),

    /// Any other failure of the operating system.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or program concerned.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl EmbeddedError {
    /// Gives a failure of the operating system the path it is about, and a
    /// sentence of its own where there is a way out.
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| {
            let path = path.to_path_buf();
            match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    Self::NotWritable { path }
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Self::DiskFull { path }
                }
                _ => Self::Io { path, source },
            }
        }
    }
}
