//! Developer tasks: `cargo xtask ci · layering · sqlx · prices · bench · faults`.

#![allow(clippy::print_stdout, clippy::print_stderr)] // a program for terminals

mod bench;
mod checks;
mod ci;
mod faults;
mod layering;
mod prices;
mod sqlx;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Developer tasks of systemprompt analytics
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Check everything that needs no other program: format, clippy, layering, queries, tests, docs
    Ci {
        /// Leave out what takes long: tests and docs
        #[arg(long)]
        fast: bool,
    },
    /// Fail on a dependency that runs against the layers
    Layering,
    /// Refresh `.sqlx`, against which queries are checked without a database
    Sqlx {
        /// Only say whether it is current
        #[arg(long)]
        check: bool,
    },
    /// Work with the price catalogue
    #[command(subcommand)]
    Prices(Prices),
    /// Measure; writes Markdown tables
    Bench(bench::Args),
    /// Break things on purpose and count what is lost: nothing, that is
    Faults(faults::Args),
}

#[derive(Debug, Subcommand)]
enum Prices {
    /// Compare the catalogue with LiteLLM's price map
    Check {
        /// The map, as a JSON file
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    let passed = match Cli::parse().task {
        Task::Ci { fast } => ci::run(fast),
        Task::Layering => layering::check(),
        Task::Sqlx { check } => sqlx::run(check),
        Task::Prices(Prices::Check { file }) => prices::check(&file),
        Task::Bench(args) => bench::run(args).map(|()| true),
        Task::Faults(args) => faults::run(&args),
    };
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
