//! `cargo xtask faults kill|term|pg|jobs`: breaks a running system on purpose, counts,
//! and prints what was lost.

use std::time::Duration;

use clap::ValueEnum;
use systemprompt_testkit::faults::{jobs, kill, postgres, term};

/// What is broken, and how often.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to break
    fault: Fault,
    /// How often (of `pg`: how many outages)
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,
    /// Seed of what clients ask and when the server dies
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Fault {
    /// SIGKILL the server under load, 50 times
    Kill,
    /// SIGTERM it with 50 open streams
    Term,
    /// Stop PostgreSQL for 30 seconds under load
    Pg,
    /// Kill four servers at random for 5 minutes while a job is due every second
    Jobs,
}

/// Runs the fault and prints its reports. `true` if nothing was wrong.
///
/// # Errors
/// The system could not be run at all.
#[allow(clippy::print_stdout)] // the table is what the task is for
pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    let Args {
        fault,
        rounds,
        seed,
    } = *args;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let runs = match fault {
            // One run of many rounds: its storage folder lives through all.
            Fault::Kill => 1,
            Fault::Term | Fault::Pg | Fault::Jobs => u64::from(rounds.unwrap_or(1)),
        };
        let mut passed = true;
        for seed in seed..seed + runs {
            let report = match fault {
                Fault::Kill => {
                    let rounds = rounds.unwrap_or(50);
                    kill::run(kill::Options {
                        rounds,
                        clients: 32,
                        seed,
                    })
                    .await?
                }
                Fault::Term => term::run(50).await?,
                Fault::Pg => {
                    let outage = Duration::from_secs(30);
                    postgres::run(postgres::Options {
                        outage,
                        clients: 32,
                        seed,
                    })
                    .await?
                }
                Fault::Jobs => {
                    jobs::run(jobs::Options {
                        servers: 4,
                        time: Duration::from_secs(300),
                        restarts: 2,
                        seed,
                    })
                    .await?
                }
            };
            println!("{report}");
            passed &= report.failed() == 0;
        }
        Ok(passed)
    })
}
