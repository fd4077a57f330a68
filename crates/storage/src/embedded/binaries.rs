//! Finds the PostgreSQL programs on this machine. Nothing is downloaded: the
//! system's packages bring security updates, a private copy would not.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::EmbeddedError;

/// The oldest major version the migrations are written for.
pub(super) const OLDEST: u32 = 15;

/// Parents whose children, or the `bin` folders in them, hold one version each.
const VERSIONED: &[(&str, &str)] = &[
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/usr/local", "pgsql"),
    ("/opt/homebrew/opt", "postgresql"),
    ("/usr/local/opt", "postgresql"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql"),
    ("/Applications/Postgres.app/Contents/Versions", ""),
];

/// One installed version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Installation {
    /// The folder with `postgres`, `initdb` and `pg_ctl`.
    pub(super) bin: PathBuf,
    /// Major and minor version.
    pub(super) version: (u32, u32),
}

impl Installation {
    /// The program of this name.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// The version in `folder`, if it holds a whole PostgreSQL.
    fn in_folder(folder: &Path) -> Option<Self> {
        let has = |name| folder.join(name).is_file();
        if !(has("postgres") && has("initdb") && has("pg_ctl")) {
            return None;
        }
        let said = Command::new(folder.join("postgres"))
            .arg("--version")
            .output()
            .ok()?;
        Some(Self {
            bin: folder.to_path_buf(),
            version: parse_version(&String::from_utf8_lossy(&said.stdout))?,
        })
    }
}

/// Like [`choose`], among all that is installed on this machine.
pub(super) fn choose_installed(
    wrote: Option<u32>,
    folder: &Path,
) -> Result<Installation, EmbeddedError> {
    let mut folders = usual_folders();
    choose(&folders, wrote, folder).or_else(|_| {
        // Asked last because Debian's is a script that takes its time.
        let said = Command::new("pg_config").arg("--bindir").output();
        folders.extend(said.map(|said| String::from_utf8_lossy(&said.stdout).trim_end().into()));
        choose(&folders, wrote, folder)
    })
}

/// Every place where PostgreSQL is usually installed.
fn usual_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = env::var_os("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default();
    for (parent, prefix) in VERSIONED {
        for child in fs::read_dir(parent).into_iter().flatten().flatten() {
            if child.file_name().to_string_lossy().starts_with(prefix) {
                folders.push(child.path().join("bin"));
            }
        }
    }
    folders
}

/// The installation to run: the one that wrote the data in `folder`, or the
/// newest for a new cluster (`wrote` is `None`).
pub(super) fn choose(
    folders: &[PathBuf],
    wrote: Option<u32>,
    folder: &Path,
) -> Result<Installation, EmbeddedError> {
    let mut found: Vec<_> = folders
        .iter()
        .filter(|folder| !folder.as_os_str().is_empty())
        .filter_map(|folder| Installation::in_folder(folder))
        .collect();
    found.sort_by_key(|installation| installation.version);
    let fitting = found.iter().rev().find(|installation| {
        wrote.map_or(installation.version.0 >= OLDEST, |major| {
            installation.version.0 == major
        })
    });
    if let Some(installation) = fitting {
        return Ok(installation.clone());
    }
    let mut versions: Vec<_> = found
        .iter()
        .map(|installation| installation.version.0.to_string())
        .collect();
    versions.dedup();
    match wrote {
        Some(data) if !found.is_empty() => Err(EmbeddedError::VersionMismatch {
            data,
            installed: versions.join(", "),
            folder: folder.to_path_buf(),
        }),
        _ if found.is_empty() => Err(EmbeddedError::NoBinaries {
            found: String::new(),
        }),
        _ => Err(EmbeddedError::NoBinaries {
            found: format!(" (only {})", versions.join(", ")),
        }),
    }
}

/// Whether a program of this name is on the `PATH`.
pub(super) fn on_path(name: impl AsRef<OsStr>) -> bool {
    env::var_os("PATH").is_some_and(|path| {
        env::split_paths(&path).any(|folder| folder.join(name.as_ref()).is_file())
    })
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian …)`, `… 18beta2`, `… 19devel`.
fn parse_version(said: &str) -> Option<(u32, u32)> {
    let word = said.split_whitespace().nth(2)?;
    let mut numbers = word
        .split(|c: char| !c.is_ascii_digit())
        .map(|digits| digits.parse::<u32>());
    let major = numbers.next()?.ok()?;
    let minor = if word.contains('.') {
        numbers.next().and_then(Result::ok).unwrap_or(0)
    } else {
        0
    };
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder that looks like an installation of `version`.
    fn fake(parent: &Path, version: &str) -> PathBuf {
        let bin = parent.join(version);
        fs::create_dir(&bin).unwrap();
        for name in ["postgres", "initdb", "pg_ctl"] {
            let program = bin.join(name);
            fs::write(
                &program,
                format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n"),
            )
            .unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        bin
    }

    #[test]
    fn versions_are_read_as_distributions_write_them() {
        assert_eq!(
            parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some((15, 18))
        );
        assert_eq!(
            parse_version("postgres (PostgreSQL) 18beta2"),
            Some((18, 0))
        );
        assert_eq!(
            parse_version("postgres (PostgreSQL) 19devel"),
            Some((19, 0))
        );
        assert_eq!(parse_version("no such thing"), None);
    }

    #[test]
    fn a_new_cluster_takes_the_newest_and_old_data_its_own() {
        let machine = tempfile::tempdir().unwrap();
        let folders = ["14.9", "15.2", "17.1", "16.4"].map(|version| fake(machine.path(), version));
        let data = Path::new("/data");
        assert_eq!(choose(&folders, None, data).unwrap().version, (17, 1));
        assert_eq!(choose(&folders, Some(16), data).unwrap().version, (16, 4));
    }

    #[test]
    fn data_of_a_version_that_is_not_installed_names_the_way_out() {
        let machine = tempfile::tempdir().unwrap();
        let folders = [fake(machine.path(), "16.4")];
        let error = choose(&folders, Some(13), Path::new("/data")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the data in /data was written by PostgreSQL 13 but only 16 is installed: install \
             PostgreSQL 13 beside it, or dump and restore the data with both (pg_dumpall, psql)"
        );
    }

    #[test]
    fn missing_or_old_programs_name_the_package() {
        let machine = tempfile::tempdir().unwrap();
        let nothing = choose(&[], None, Path::new("/data")).unwrap_err();
        assert!(
            nothing
                .to_string()
                .starts_with("PostgreSQL 15 or newer was not found: install it (Debian"),
            "{nothing}"
        );
        let old = choose(&[fake(machine.path(), "13.4")], None, Path::new("/data")).unwrap_err();
        assert!(old.to_string().contains("not found (only 13): "), "{old}");
    }
}
