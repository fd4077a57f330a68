//! Where the cluster's files are. All of them lie in `<storage>/postgres`,
//! unless the server's account cannot go there, or the path is too long for a
//! socket.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::EmbeddedError;
use super::account::Account;

/// Where root keeps what cannot be kept in the storage folder.
const OUTSIDE: &str = "/var/lib/systemprompt";

/// The longest path of a socket: 107 bytes on Linux, 103 on macOS.
const SOCKET_PATH_MAX: usize = 103;

/// The folders and files of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// `<storage>/postgres`, with the locks and the password.
    pub(super) home: PathBuf,
    /// The parent of the folders that belong to the server's account.
    pub(super) base: PathBuf,
}

impl Place {
    /// Makes sure of the home folder, and finds where its cluster is.
    pub(super) fn of(storage: &Path) -> Result<Self, EmbeddedError> {
        let home = storage.join("postgres");
        fs::create_dir_all(&home).map_err(EmbeddedError::at(&home))?;
        let home = home.canonicalize().map_err(EmbeddedError::at(&home))?;
        if home.to_str().is_none() {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "not a UTF-8 path");
            return Err(EmbeddedError::Io { path: home, source });
        }
        let mut place = Self {
            base: home.clone(),
            home,
        };
        match fs::read_to_string(place.marker()) {
            Ok(base) => {
                place.base = PathBuf::from(base.trim_end());
                let data = place.data();
                if !data.try_exists().map_err(EmbeddedError::at(&data))? {
                    return Err(EmbeddedError::DataMissing {
                        marker: place.marker(),
                        folder: data,
                    });
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(EmbeddedError::at(&place.marker())(error)),
        }
        Ok(place)
    }

    /// Chooses the folder for a new cluster and makes it.
    pub(super) fn prepare(&mut self, account: Account) -> Result<(), EmbeddedError> {
        if !account.can_enter(&self.home) {
            self.base = self.outside()?;
            private_folder(&self.base, account)?;
        }
        Ok(())
    }

    /// Whether the cluster is kept outside the storage folder.
    pub(super) fn is_outside(&self) -> bool {
        self.base != self.home
    }

    /// The server's data folder.
    pub(super) fn data(&self) -> PathBuf {
        self.base.join("data")
    }

    /// The folder of the server's logs.
    pub(super) fn log(&self) -> PathBuf {
        self.base.join("log")
    }

    /// The superuser's password; ours alone.
    pub(super) fn password(&self) -> PathBuf {
        self.home.join("password")
    }

    /// Says where the cluster is when it is outside.
    pub(super) fn marker(&self) -> PathBuf {
        self.home.join("location")
    }

    /// The server's process id, and what else it says about itself.
    pub(super) fn pid_file(&self) -> PathBuf {
        self.data().join("postmaster.pid")
    }

    /// The folder of the socket: beside the data if its path is short enough.
    pub(super) fn socket(&self) -> PathBuf {
        let beside = self.base.join("socket");
        let file = "/.s.PGSQL.5432";
        if beside.as_os_str().len() + file.len() <= SOCKET_PATH_MAX {
            return beside;
        }
        let name = fingerprint(&self.home);
        if rustix::process::geteuid().is_root() {
            Path::new(OUTSIDE).join(name).join("socket")
        } else {
            // Not XDG_RUNTIME_DIR: a cron job does not have it, yet must meet
            // the same server.
            Path::new("/tmp").join(format!("systemprompt-{name}"))
        }
    }

    /// Makes the folders for socket and logs.
    pub(super) fn make_run_folders(&self, account: Account) -> Result<(), EmbeddedError> {
        private_folder(&self.log(), account)?;
        let socket = self.socket();
        if socket.starts_with(OUTSIDE) && !self.is_outside() {
            private_folder(&self.outside()?, account)?;
        }
        private_folder(&socket, account)
    }

    /// Our folder under [`OUTSIDE`], whose parents exist afterwards.
    fn outside(&self) -> Result<PathBuf, EmbeddedError> {
        fs::create_dir_all(OUTSIDE).map_err(EmbeddedError::at(Path::new(OUTSIDE)))?;
        Ok(Path::new(OUTSIDE).join(fingerprint(&self.home)))
    }
}

/// Removes what the cluster of a storage folder keeps outside of it, for who is about
/// to remove the folder. Nothing may run on it.
///
/// # Errors
/// It is there and cannot be removed.
pub fn remove_outside(storage: &Path) -> io::Result<()> {
    // Where there is no cluster, none of it is outside.
    let Ok(home) = storage.join("postgres").canonicalize() else {
        return Ok(());
    };
    match fs::remove_dir_all(Path::new(OUTSIDE).join(fingerprint(&home))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a folder that only `account` can enter. One that is there already must
/// be just that: in `/tmp`, anybody may have put it there.
pub(super) fn private_folder(folder: &Path, account: Account) -> Result<(), EmbeddedError> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => account.give(folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = fs::symlink_metadata(folder).map_err(EmbeddedError::at(folder))?;
            if found.uid() != account.uid() {
                return Err(EmbeddedError::ForeignOwner {
                    path: folder.to_path_buf(),
                    owner: found.uid(),
                });
            }
            if !found.is_dir() || found.mode() & 0o077 != 0 {
                let source = io::Error::other("must be a folder of mode 0700");
                let path = folder.to_path_buf();
                return Err(EmbeddedError::Io { path, source });
            }
            Ok(())
        }
        Err(error) => Err(EmbeddedError::at(folder)(error)),
    }
}

/// A short name for a path (64-bit FNV-1a). Written out because it must be the
/// same in every release, which the standard library's hasher does not promise.
fn fingerprint(path: &Path) -> String {
    let hash = path
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_fnv_1a() {
        assert_eq!(fingerprint(Path::new("")), "cbf29ce484222325");
        assert_eq!(fingerprint(Path::new("foobar")), "85944171f73967e8");
    }

    #[test]
    fn a_socket_path_never_exceeds_the_limit() {
        for length in [1, 40, 80, 81, 82, 83, 84, 200] {
            let home = Path::new("/").join("x".repeat(length));
            let place = Place {
                base: home.clone(),
                home,
            };
            let file = place.socket().join(".s.PGSQL.5432");
            assert!(file.as_os_str().len() <= SOCKET_PATH_MAX, "{file:?}");
        }
    }
}
