//! `cargo xtask ci`: everything a change must pass that needs nothing but this
//! repository, in the order in which it fails fastest.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::Context as _;

use crate::{checks, layering, sqlx};

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("xtask lies in the workspace")
        .to_owned()
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs all checks, stops at the first that fails.
pub(crate) fn run(fast: bool) -> anyhow::Result<bool> {
    let quick: &[(&str, Check)] = &[
        ("format", |()| command(&["fmt", "--all", "--check"])),
        ("layering", |()| layering::check()),
        ("house rules", |()| checks::run()),
        ("clippy", |()| {
            command(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--quiet",
                "--",
                "-D",
                "warnings",
            ])
        }),
    ];
    let slow: &[(&str, Check)] = &[
        ("queries", |()| sqlx::run(true)),
        ("tests", |()| command(&["test", "--workspace"])),
        ("docs", |()| {
            let mut doc = cargo();
            doc.args([
                "doc",
                "--workspace",
                "--no-deps",
                "--document-private-items",
                "--quiet",
            ]);
            status(doc.env("RUSTDOCFLAGS", "-D warnings"))
        }),
    ];
    let slow = if fast { &[] } else { slow };
    for (name, check) in quick.iter().chain(slow) {
        let begun = Instant::now();
        println!("── {name}");
        if !check(())? {
            eprintln!("── {name} failed");
            return Ok(false);
        }
        println!("── {name} passed in {:.0?}", begun.elapsed());
    }
    Ok(true)
}

type Check = fn(()) -> anyhow::Result<bool>;

fn command(args: &[&str]) -> anyhow::Result<bool> {
    status(cargo().args(args))
}

fn status(command: &mut Command) -> anyhow::Result<bool> {
    let status = command.current_dir(root()).status();
    Ok(status
        .with_context(|| format!("cannot run {command:?}"))?
        .success())
}
