//! `cargo xtask faults`: breaks a running system on purpose, counts, and prints what
//! was lost. Without the name of a fault, everything that can break, one after the
//! other, as a table.

mod matrix;

use std::time::Duration;

use clap::ValueEnum;
use systemprompt_testkit::faults::database::Trouble;
use systemprompt_testkit::faults::{Report, database, disk, jobs, kill, postgres, servers, term};

/// What is broken, and how often.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to break; everything unless said
    fault: Option<Fault>,
    /// How often (of `pg`: how many outages)
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,
    /// How long it goes on (of `servers` and `jobs`)
    #[arg(long, value_name = "N")]
    minutes: Option<u64>,
    /// Seed of what clients ask and when the server dies
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// As short as it is still worth it
    #[arg(long)]
    quick: bool,
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
    /// Kill one of four servers behind a balancer every 20 seconds for 10 minutes
    Servers,
    /// Cut connections to PostgreSQL wherever they are
    Cut,
    /// Kill processes of PostgreSQL
    Crash,
    /// Hold the tables that the writer needs
    Locked,
    /// Freeze PostgreSQL
    Frozen,
    /// Use up its connections
    Exhausted,
    /// Fill the disk that the spool is on
    Disk,
}

/// Runs the fault and prints its reports. `true` if nothing was wrong.
///
/// # Errors
/// The system could not be run at all.
#[allow(clippy::print_stdout)] // the table is what the task is for
pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let Some(fault) = args.fault else {
        return runtime.block_on(matrix::run(args.quick, args.seed));
    };
    runtime.block_on(async {
        let runs = match fault {
            // One run of many rounds: its storage folder lives through all.
            Fault::Kill => 1,
            _ => u64::from(args.rounds.unwrap_or(1)),
        };
        let mut passed = true;
        for seed in args.seed..args.seed + runs {
            let report = fault.make(args, seed).await?;
            println!("{report}");
            passed &= report.failed() == 0;
        }
        Ok(passed)
    })
}

impl Fault {
    async fn make(self, args: &Args, seed: u64) -> anyhow::Result<Report> {
        let seconds = |long: u64, quick: u64| {
            let asked = args.minutes.map(|minutes| minutes * 60);
            Duration::from_secs(asked.unwrap_or(if args.quick { quick } else { long }))
        };
        let clients = 32;
        let trouble = |trouble| {
            database::run(database::Options {
                trouble,
                time: seconds(20, 5),
                clients: 16,
                seed,
            })
        };
        match self {
            Self::Kill => {
                let few = if args.quick { 5 } else { 50 };
                let rounds = args.rounds.unwrap_or(few);
                kill::run(kill::Options {
                    rounds,
                    clients,
                    seed,
                })
                .await
            }
            Self::Term => term::run(50).await,
            Self::Pg => {
                let outage = seconds(30, 3);
                postgres::run(postgres::Options {
                    outage,
                    clients,
                    seed,
                })
                .await
            }
            Self::Jobs => {
                jobs::run(jobs::Options {
                    servers: 4,
                    time: seconds(300, 20),
                    restarts: 2,
                    seed,
                })
                .await
            }
            Self::Servers => {
                servers::run(servers::Options {
                    servers: 4,
                    clients,
                    time: seconds(600, 25),
                    every: Duration::from_secs(if args.quick { 5 } else { 20 }),
                    seed,
                })
                .await
            }
            Self::Cut => trouble(Trouble::Cut).await,
            Self::Crash => trouble(Trouble::Killed).await,
            Self::Locked => trouble(Trouble::Locked).await,
            Self::Frozen => trouble(Trouble::Frozen).await,
            Self::Exhausted => trouble(Trouble::Exhausted).await,
            Self::Disk => disk::run(disk::Options { clients: 8, seed }).await,
        }
    }
}
