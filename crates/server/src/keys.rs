//! Keys of this installation, made at first start in `storage/keys` (0600).

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rand::Rng as _;

/// A 256-bit key by name.
pub(crate) fn load_or_make(storage: &Path, name: &str) -> io::Result<[u8; 32]> {
    let dir = storage.join("keys");
    let path = dir.join(name);
    match fs::read(&path) {
        Ok(bytes) => bytes.try_into().map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} is no 32-byte key", path.display()),
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(&dir)?;
            let mut key = [0; 32];
            rand::rng().fill_bytes(&mut key);
            let new = dir.join(format!("{name}.new"));
            let mut file = OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true)
                .mode(0o600)
                .open(&new)?;
            file.write_all(&key)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}
