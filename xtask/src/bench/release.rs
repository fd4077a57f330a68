//! Measuring optimised programs, whichever profile cargo ran this task in.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail, ensure};

/// The packages that a benchmark runs.
const PACKAGES: [&str; 4] = [
    "systemprompt-server",
    "systemprompt",
    "systemprompt-testkit",
    "xtask",
];

/// Builds everything in release and runs this task from there.
pub(super) fn run_again() -> anyhow::Result<()> {
    let target = target()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--release", "--target-dir"])
        .arg(&target);
    for package in PACKAGES {
        build.args(["--package", package]);
    }
    let status = build.status().context("starting cargo")?;
    ensure!(status.success(), "cargo build --release: {status}");
    let status = Command::new(target.join("release/xtask"))
        .args(std::env::args_os().skip(1))
        .status()
        .context("starting the release build of xtask")?;
    ensure!(status.success(), "the benchmark failed");
    Ok(())
}

/// A program of the release build.
pub(super) fn program(name: &str) -> anyhow::Result<PathBuf> {
    let path = target()?.join("release").join(name);
    if !path.exists() {
        bail!(
            "{} is missing: run `cargo xtask bench`, which builds it",
            path.display()
        );
    }
    Ok(path)
}

/// Cargo's target folder: this program lies in `<target>/<profile>/`.
pub(super) fn target() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target = own.parent().and_then(std::path::Path::parent);
    Ok(target
        .context("xtask does not run from a target folder")?
        .to_path_buf())
}
