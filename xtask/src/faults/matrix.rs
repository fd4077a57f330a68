//! Everything that can break, with what is expected then. Most rows are tests of the
//! whole system that make the fault and look at everything; what needs time and has
//! figures is a program of its own.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::{Args, Fault};
use crate::ci::{cargo, root};

/// A fault, what is expected, and what makes it.
struct Row {
    fault: &'static str,
    expected: &'static str,
    how: How,
}

enum How {
    /// A program with figures, and the figure that tells most.
    Program(Fault, &'static str),
    /// Tests of a package's target `it` (or the one named), by their names.
    Tests(&'static str, &'static [&'static str]),
}
use How::{Program, Tests};

const fn row(fault: &'static str, expected: &'static str, how: How) -> Row {
    Row {
        fault,
        expected,
        how,
    }
}

const SYSTEM: &str = "systemprompt-tests";
const STORAGE: &str = "systemprompt-storage";
const CAPTURE: &str = "systemprompt-capture";

const ROWS: &[Row] = &[
    row(
        "PostgreSQL is down at the start",
        "one sentence, no start; a running server waits",
        Tests(SYSTEM, &["bad_start::a_database_that_refuses"]),
    ),
    row(
        "PostgreSQL is stopped under load",
        "clients notice nothing, all is stored once",
        Program(Fault::Pg, "all stored after"),
    ),
    row(
        "connections are cut, also between a commit and its answer",
        "the same; one row an id",
        Program(Fault::Cut, "all stored after"),
    ),
    row(
        "processes of PostgreSQL are killed (out of memory)",
        "the same, after its recovery",
        Program(Fault::Crash, "all stored after"),
    ),
    row(
        "tables are locked by somebody else",
        "/healthz answers, the spool grows, all is stored once",
        Program(Fault::Locked, "/healthz, p99"),
    ),
    row(
        "PostgreSQL is frozen, no connection ends",
        "the same",
        Program(Fault::Frozen, "/healthz, p99"),
    ),
    row(
        "no connection is free",
        "the same",
        Program(Fault::Exhausted, "/healthz, p99"),
    ),
    row(
        "PostgreSQL is away while events are reported",
        "503, the sender keeps them",
        Tests(
            SYSTEM,
            &["events::without_the_database_the_sender_keeps_its_events"],
        ),
    ),
    row(
        "two servers settle the same budgets",
        "no deadlock, each waits for the other",
        Tests(
            STORAGE,
            &[
                "budgets::writers::four_writers_settle_overlapping_budgets_without_a_deadlock",
                "budgets::writers::settlements_that_meet_only_in_the_accounts_wait_for_each_other",
            ],
        ),
    ),
    row(
        "the spool's disk is full",
        "503 before anything is spent; what is admitted is recorded",
        Program(Fault::Disk, "refused while it was full"),
    ),
    row(
        "the spool is full",
        "the same",
        Tests(
            CAPTURE,
            &["a_full_spool_admits_nothing_until_something_is_stored"],
        ),
    ),
    row(
        "a report cannot be written",
        "the job fails and is done later; no half file",
        Tests(
            SYSTEM,
            &[
                "jobs::a_report_that_cannot_be_written_fails_and_is_written_later",
                "jobs::a_stop_in_the_middle_of_a_report_leaves_nothing_half_written",
            ],
        ),
    ),
    row(
        "the storage folder is read-only",
        "one sentence, no start",
        Tests(SYSTEM, &["bad_start::a_folder_that_cannot_be_written"]),
    ),
    row(
        "a spool's segment is damaged",
        "the damaged record alone is lost, or one sentence",
        Tests(
            CAPTURE,
            &[
                "damage_costs_the_damaged_record_only",
                "a_foreign_or_broken_segment_stops_the_start_with_one_sentence",
            ],
        ),
    ),
    row(
        "database and spool do not fit together (a restored backup)",
        "one sentence, --accept-gap",
        Tests(
            SYSTEM,
            &[
                "bad_start::a_database_that_is_ahead_of_the_spool",
                "bad_start::a_database_that_is_behind_the_spool",
            ],
        ),
    ),
    row(
        "two servers are given one folder or one port",
        "the second does not start",
        Tests(SYSTEM, &["bad_start::a_port_or_a_folder_that_is_taken"]),
    ),
    row(
        "SIGKILL under load, again and again",
        "acknowledged: there; the rest: lost or complete",
        Program(Fault::Kill, "slowest start"),
    ),
    row(
        "SIGTERM with 50 open streams",
        "each ends, or is cut and recorded",
        Program(Fault::Term, "stopped after"),
    ),
    row(
        "four servers killed, frozen, stopped; a job every second",
        "each slot runs once",
        Program(Fault::Jobs, "slots"),
    ),
    row(
        "one of four servers behind a balancer is killed again and again",
        "errors on its connections alone; the budget holds",
        Program(Fault::Servers, "requests cut with their server"),
    ),
    row(
        "200 clients race for what is left of a budget, 4 servers",
        "not overspent, what fits passes",
        Tests(SYSTEM, &["budgets::a_fleet_spends_its_budget_and_no_more"]),
    ),
    row(
        "a killed server held a part of a budget",
        "it comes back with its spool",
        Tests(
            SYSTEM,
            &["budgets::what_a_killed_server_held_comes_back_with_it"],
        ),
    ),
    row(
        "the clocks of clients are wrong, events come late",
        "stored where they belong or at their receipt",
        Tests(STORAGE, &["events::a_repeat_is_known_at_another_time"]),
    ),
    row(
        "the same events come many times at once",
        "each counts once",
        Tests(
            SYSTEM,
            &["events::a_batch_that_comes_many_times_at_once_is_stored_once"],
        ),
    ),
    row(
        "a row that the database refuses is in a batch",
        "it alone becomes a dead letter",
        Tests(
            STORAGE,
            &["writer::what_the_database_refuses_becomes_a_dead_letter_and_the_rest_is_stored"],
        ),
    ),
    row(
        "texts that no database takes",
        "stored without harm",
        Tests(
            SYSTEM,
            &["door::text_that_no_database_takes_is_stored_without_harm"],
        ),
    ),
    row(
        "huge bodies, bombs, malformed heads",
        "refused, memory stays",
        Tests(
            SYSTEM,
            &[
                "door::huge_bodies_are_refused_or_streamed",
                "door::bombs_do_not_go_off",
                "door::malformed_heads_are_refused",
            ],
        ),
    ),
    row(
        "slow heads, slow bodies, idle connections",
        "closed by timers, others unaffected",
        Tests(
            SYSTEM,
            &[
                "door::slow_clients_are_not_waited_for",
                "door::a_drip_of_header_bytes_is_too_slow",
                "door::idle_connections_cost_little_and_end",
                "door::connections_beyond_the_cap_wait_for_room",
            ],
        ),
    ),
    row(
        "the provider never answers",
        "504 in its shape",
        Tests(
            SYSTEM,
            &["streams::a_provider_that_never_answers_is_a_504_in_its_shape"],
        ),
    ),
    row(
        "the provider falls silent in a stream",
        "its own kind of error, tokens so far",
        Tests(
            SYSTEM,
            &["streams::a_provider_that_falls_silent_ends_with_its_own_error"],
        ),
    ),
    row(
        "the provider cuts a stream",
        "cut for the client too",
        Tests(
            SYSTEM,
            &["streams::an_answer_that_the_provider_cuts_is_cut_for_the_client"],
        ),
    ),
    row(
        "odd streams: split, CRLF, no last blank line, no usage",
        "bytes unchanged, usage found",
        Tests(
            SYSTEM,
            &["streams::odd_streams_pass_as_they_are_and_are_understood"],
        ),
    ),
    row(
        "the client leaves",
        "recorded with its tokens",
        Tests(
            SYSTEM,
            &[
                "streams::a_client_that_leaves_is_recorded_with_its_tokens",
                "streams::a_client_that_leaves_before_the_head_is_recorded_too",
            ],
        ),
    ),
    row(
        "429, 529, 5xx, malformed answers, no connection",
        "passed as they are, no charge",
        Tests(
            SYSTEM,
            &[
                "errors::errors_of_the_provider_pass_as_they_are",
                "errors::a_malformed_body_passes_and_is_no_success",
                "errors::a_provider_that_cannot_be_reached_is_a_502_in_its_shape",
            ],
        ),
    ),
    row(
        "prices change while requests run",
        "each names its version; the past can be corrected",
        Tests(
            SYSTEM,
            &[
                "pricing::a_wrong_price_is_mended_for_the_future_and_for_the_past",
                "pricing::an_import_is_heard_after_the_connection_was_lost",
            ],
        ),
    ),
    row(
        "an MCP server fails, hangs, or dies in a call",
        "a JSON-RPC error, a row a call",
        Tests(
            SYSTEM,
            &[
                "mcp_proxy::every_way_to_end_is_recorded_and_bytes_pass_unchanged",
                "mcp_wrap::signals_and_sudden_ends_are_the_servers_own",
            ],
        ),
    ),
    row(
        "an upgrade from 0.1.0 with a full spool",
        "everything arrives once",
        Tests(
            SYSTEM,
            &["upgrade::everything_that_0_1_0_left_arrives_once"],
        ),
    ),
];

/// Makes every fault and prints the table. `true` if all passed.
#[allow(clippy::print_stdout, clippy::print_stderr)] // the table is what the task is for
pub(super) async fn run(quick: bool, seed: u64) -> anyhow::Result<bool> {
    let args = Args {
        fault: None,
        rounds: None,
        minutes: None,
        seed,
        quick,
    };
    let (mut passed, mut failed) = (0, 0);
    println!("| fault | expected | seen | figure |\n| --- | --- | --- | ---: |");
    for Row {
        fault,
        expected,
        how,
    } in ROWS
    {
        let began = Instant::now();
        let seen = match how {
            Program(fault, figure) => program(*fault, figure, &args, seed).await,
            Tests(package, names) => tests(package, names, began),
        };
        let (seen, figure) = match seen {
            Ok((seen, figure)) => {
                passed += 1;
                (seen, figure)
            }
            Err(error) => {
                failed += 1;
                eprintln!("{fault}: {error:#}");
                ("FAILED".to_owned(), String::new())
            }
        };
        println!("| {fault} | {expected} | {seen} | {figure} |");
    }
    println!("\n{passed} passed, {failed} failed");
    Ok(failed == 0)
}

async fn program(
    fault: Fault,
    figure: &str,
    args: &Args,
    seed: u64,
) -> anyhow::Result<(String, String)> {
    let report = fault.make(args, seed).await?;
    ensure!(report.failed() == 0, "{report}");
    let told = report.told(figure).unwrap_or_default();
    let seen = format!("{} checks passed", report.passed());
    Ok((seen, format!("{figure}: {told}")))
}

/// Runs tests by their names; each has to be there.
fn tests(package: &str, names: &[&str], began: Instant) -> anyhow::Result<(String, String)> {
    let target = match package {
        CAPTURE => "spool",
        _ => "it",
    };
    let mut command: Command = cargo();
    command
        .current_dir(root())
        .args([
            "test",
            "--quiet",
            "--package",
            package,
            "--test",
            target,
            "--",
            "--exact",
        ])
        .args(names);
    let output = command.output().context("cannot run cargo test")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}\n{errors}");
    let all = format!("ok. {} passed", names.len());
    ensure!(
        said.contains(&all),
        "not all of {names:?} are there:\n{said}"
    );
    let took = Duration::from_secs(began.elapsed().as_secs());
    Ok((format!("{} tests passed", names.len()), format!("{took:?}")))
}
