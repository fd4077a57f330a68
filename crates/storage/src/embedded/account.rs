//! The account that runs the server. PostgreSQL refuses to run as root, so root
//! hands it to the user `postgres`, or to `systemprompt`, which is made for it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::EmbeddedError;

/// Whose processes and files the cluster's are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
    /// We are root, and become this account for every program of PostgreSQL.
    switch: bool,
}

impl Account {
    /// The account for the cluster in `data`: its owner, or for a new cluster
    /// ourselves, or the stand-in for root.
    pub(super) fn of_cluster(data: &Path) -> Result<Self, EmbeddedError> {
        let me = rustix::process::geteuid().as_raw();
        let root = me == 0;
        match fs::metadata(data) {
            Ok(found) if found.uid() == me && !root => Ok(Self::myself()),
            Ok(found) if root && found.uid() != 0 => Ok(Self {
                uid: found.uid(),
                gid: found.gid(),
                switch: true,
            }),
            Ok(found) => Err(EmbeddedError::ForeignOwner {
                path: data.to_path_buf(),
                owner: found.uid(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && root => Self::for_root(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::myself()),
            Err(error) => Err(EmbeddedError::at(data)(error)),
        }
    }

    fn myself() -> Self {
        Self {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            switch: false,
        }
    }

    fn for_root() -> Result<Self, EmbeddedError> {
        if let Some(account) = Self::named("postgres").or_else(|| Self::named("systemprompt")) {
            return Ok(account);
        }
        // shadow-utils first, then BusyBox and old Debian.
        let ways: [&[&str]; 3] = [
            &[
                "useradd",
                "--system",
                "--user-group",
                "--no-create-home",
                "systemprompt",
            ],
            &["adduser", "-S", "-D", "-H", "systemprompt"],
            &[
                "adduser",
                "--system",
                "--no-create-home",
                "--group",
                "systemprompt",
            ],
        ];
        for way in ways {
            let made = Command::new(way[0])
                .args(&way[1..])
                .stdin(Stdio::null())
                .output()
                .is_ok_and(|said| said.status.success());
            if made && let Some(account) = Self::named("systemprompt") {
                return Ok(account);
            }
        }
        Err(EmbeddedError::NoAccount)
    }

    /// Asks `id`, which knows every source of names that the system knows.
    fn named(name: &str) -> Option<Self> {
        let id = |flag| {
            let said = Command::new("id").args([flag, name]).output().ok()?;
            String::from_utf8_lossy(&said.stdout).trim().parse().ok()
        };
        Some(Self {
            uid: id("-u")?,
            gid: id("-g")?,
            switch: true,
        })
    }

    /// The account's numeric id.
    pub(super) fn uid(self) -> u32 {
        self.uid
    }

    /// Whether the account's programs can get to `folder`.
    pub(super) fn can_enter(self, folder: &Path) -> bool {
        !self.switch
            || self
                .command("/bin/sh")
                .args(["-c", r#"cd "$1""#, "sh"])
                .arg(folder)
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
    }

    /// Gives `path` to the account.
    pub(super) fn give(self, path: &Path) -> Result<(), EmbeddedError> {
        if self.switch {
            chown(path, Some(self.uid), Some(self.gid)).map_err(EmbeddedError::at(path))?;
        }
        Ok(())
    }

    /// A command that runs as the account, speaks English, does not read our
    /// environment's settings for PostgreSQL, and is not in our process group,
    /// so that a Ctrl-C meant for us does not reach it.
    pub(super) fn command(self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .env("LC_ALL", "C");
        for (name, _) in env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        if self.switch {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }
}
