//! `.sqlx`: what the database says of each checked query, kept so that a build
//! needs no database. This is what `cargo sqlx prepare` does, without the tool.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use systemprompt_testkit::db::TestDb;

use crate::ci::{cargo, root};

/// Sources that hold checked queries; touched so that they are checked again.
const CHECKED: &[&str] = &["crates/reporting/src/lib.rs"];

/// Refreshes `.sqlx`, or with `check` says whether it is current.
pub(crate) fn run(check: bool) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Runtime::new()?;
    let db = runtime.block_on(TestDb::new());
    let kept = root().join(".sqlx");
    let fresh = tempfile::tempdir()?;
    for source in CHECKED {
        let path = root().join(source);
        let file = fs::File::options().append(true).open(&path)?;
        file.set_modified(std::time::SystemTime::now())?;
    }
    let built = cargo()
        .args(["check", "--quiet", "-p", "systemprompt-reporting"])
        .current_dir(root())
        .env("SQLX_OFFLINE", "false")
        .env("DATABASE_URL", db.url())
        .env("SQLX_OFFLINE_DIR", fresh.path())
        .status()
        .context("cannot run cargo check")?;
    if !built.success() {
        return Ok(false);
    }
    let current = folder(&kept)? == folder(fresh.path())?;
    if check {
        if !current {
            eprintln!("queries: .sqlx is not current; run `cargo xtask sqlx`");
        }
        return Ok(current);
    }
    if !current {
        fs::remove_dir_all(&kept).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        fs::create_dir_all(&kept)?;
        for (name, text) in folder(fresh.path())? {
            fs::write(kept.join(name), text)?;
        }
    }
    println!("queries: .sqlx is current");
    Ok(true)
}

/// The query descriptions in a folder, by name.
fn folder(path: &Path) -> anyhow::Result<std::collections::BTreeMap<String, String>> {
    let mut files = std::collections::BTreeMap::new();
    let Ok(entries) = fs::read_dir(path) else {
        return Ok(files);
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("query-") {
            files.insert(name, fs::read_to_string(entry.path())?);
        }
    }
    Ok(files)
}
