//! `systemprompt infra db retention`: what is too old to keep.

use clap::{ArgMatches, FromArgMatches};
use serde_json::json;
use systemprompt_config::Config;
use systemprompt_storage::audit::AnchorFile;
use systemprompt_storage::retention::{Occasion, Outcome, Removed, Retention};

use super::{column, count, failed, stamp, write_json, write_table};
use crate::Outside;
use crate::actor::actor;
use crate::database;
use crate::failure::Failure;
use crate::human::cell::NOTHING;
use crate::human::column::Unit;
use crate::progress::Progress;

pub(super) const HELP: &str = "\
Requests older than analytics.retention_days (whole days, UTC) go with what belongs to them:
conversations, traces, corrections of costs, messages that were sent. Totals stay for ever. The
audit trail stays unless analytics.audit_retention_days says otherwise.

Servers do this every hour by themselves. What somebody reads at the moment, as a backup does, is
left for the next run. What was removed comes back from a backup only.

Examples:
  systemprompt infra db retention --dry-run
  systemprompt infra db retention --days 30";

// No doc comment: clap would take it for the help of the whole command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Keep the detail of so many days, whatever the profile says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    days: Option<u32>,
    /// Only tell what would go
    #[arg(long)]
    dry_run: bool,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

pub(super) fn run(
    matches: &ArgMatches,
    config: &Config,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args = Args::from_arg_matches(matches).expect("the command was made from these arguments");
    let mut retention = Retention::from(&config.profile.analytics)
        .with_imported(config.profile.web.imported_retention_days);
    if let Some(days) = args.days {
        retention.detail_days = days;
    }
    let now = outside.clock.now();
    let outcome = database::with(config, outside, async |storage, outside| {
        let pool = storage.upkeep_pool();
        if args.dry_run {
            return retention.preview(&pool, now).await.map_err(failed);
        }
        // Nothing goes that cannot be recorded.
        storage.log()?;
        let occasion = Occasion {
            now,
            by: Some(actor()),
            anchor: &AnchorFile::new(config.profile.audit_anchor()),
        };
        let mut progress = Progress::new(outside);
        let outcome = retention
            .apply(&pool, occasion, |removed| draw(&mut progress, removed))
            .await
            .map_err(failed)?;
        outcome.ok_or_else(|| {
            Failure::Refused(
                "another process is removing what is too old; try again when it is done".to_owned(),
            )
        })
    })?;
    let kept_from = retention.detail_from(now);
    if args.json {
        let removed: Vec<_> = outcome.removed.iter().map(answer).collect();
        return write_json(
            outside,
            &json!({
                "dry_run": args.dry_run,
                "retention_days": retention.detail_days,
                "kept_from": kept_from.and_then(stamp),
                "removed": removed,
                "busy": outcome.busy,
            }),
        );
    }
    page(&outcome, args.dry_run, outside)?;
    let days = retention.detail_days;
    match kept_from {
        Some(from) if args.dry_run => {
            writeln!(
                outside.out,
                "Detail of {days} days, from {} on, would be kept; this was a dry run.",
                from.date()
            )?;
        }
        Some(from) => writeln!(
            outside.out,
            "Detail of {days} days is kept, from {} on.",
            from.date()
        )?,
        None => writeln!(outside.out, "All detail is kept.")?,
    }
    Ok(())
}

/// What just went.
fn draw(progress: &mut Progress<'_>, removed: &Removed) {
    let day = removed
        .to
        .map_or_else(String::new, |at| at.date().to_string());
    let more = format!("{}  {day}  {} rows", removed.table, count(removed.rows));
    progress.step("removing", &more);
}

fn answer(removed: &Removed) -> serde_json::Value {
    json!({
        "table": removed.table,
        "partitions": removed.partitions,
        "rows": removed.rows,
        "from": removed.from.and_then(stamp),
        "to": removed.to.and_then(stamp),
    })
}

fn page(outcome: &Outcome, dry_run: bool, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let removed = &outcome.removed;
    if removed.is_empty() && outcome.busy.is_empty() {
        writeln!(outside.out, "Nothing is too old to keep.")?;
    }
    if !removed.is_empty() {
        let day = |at: Option<time::OffsetDateTime>| {
            at.map_or_else(|| NOTHING.to_owned(), |at| at.date().to_string())
        };
        let columns = [
            column("table", Unit::Text, removed, |r| r.table.to_owned()),
            column("partitions", Unit::Count, removed, |r| match r.partitions {
                0 => NOTHING.to_owned(),
                n => count(n.into()),
            }),
            column("rows", Unit::Count, removed, |r| count(r.rows)),
            column("from", Unit::Text, removed, |r| day(r.from)),
            // The end of a day is the midnight after it.
            column("to", Unit::Text, removed, |r| {
                day(r.to.map(|to| to - time::Duration::NANOSECOND))
            }),
        ];
        write_table(&columns, outside)?;
        let went = if dry_run { "would go" } else { "went" };
        writeln!(outside.out, "\nThese {went}.")?;
    }
    for name in &outcome.busy {
        writeln!(outside.out, "{name} is in use: the next run takes it.")?;
    }
    Ok(())
}
