//! `systemprompt pricing recompute`: what history costs by the prices in force.

use clap::{ArgMatches, FromArgMatches};
use serde_json::{Value, json};
use systemprompt_budgets::Rules;
use systemprompt_config::Config;
use systemprompt_domain::Nanos;
use systemprompt_domain::period::{Period, When, Zone};
use systemprompt_storage::prices;
use systemprompt_storage::recompute::{DayDone, Outcome, Recompute, Selection, Tally};

use super::write_json;
use crate::Outside;
use crate::actor::actor;
use crate::database;
use crate::failure::Failure;
use crate::human::column::Unit;
use crate::human::{self, figure};
use crate::progress::Progress;

pub(super) const HELP: &str = "\
For when a price was wrong or missing: mend it first (`pricing import`, custom_pricing), look with
--dry-run, then run it. Each day (UTC) changes at once or not at all; a run that was stopped is
finished by running it again. Old costs stay in the table cost_corrections, and each day that
changed has an audit event.

A request that had a price and finds none now keeps its cost. Usage that was imported in sums is
priced row by row; where it does not say how many requests it is, a row counts as one. Days whose
detail is incomplete (sampled or expired) are left as they were, and named.

Examples:
  systemprompt pricing recompute --since 30d --dry-run
  systemprompt pricing recompute --since 2026-11-01 --model claude-haiku-4-5";

// No doc comment: clap would take it for the help of the whole command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Begin of the period, in UTC: 24h, 7d, this-month, 2026-11-01, RFC 3339 and the like
    #[arg(long, value_name = "WHEN")]
    since: When,
    /// End of the period, written alike
    #[arg(long, value_name = "WHEN", default_value = "now")]
    until: When,
    /// Only requests for this model, as it was asked for or served (can be repeated)
    #[arg(long, value_name = "NAME")]
    model: Vec<String>,
    /// Only requests to this provider
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Only tell what would change
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
    let period = Period {
        since: args.since,
        until: args.until,
    };
    let period = period
        .resolve(outside.clock.now(), &Zone::default())
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let custom = &config.profile.analytics.costs.custom_pricing;
    let outcome = database::with(config, outside, async |storage, outside| {
        let run = Recompute {
            // Its statements may take longer than a question's.
            pool: &storage.writer_pool(),
            catalogue: &prices::in_force(storage.pool(), custom).await?,
            rules: &Rules::new(&config.profile.analytics.alerts),
            selection: Selection {
                period,
                models: args.model,
                provider: args.provider,
            },
            dry_run: args.dry_run,
            by: Some(actor()),
            clock: outside.clock,
        };
        if !outside.live {
            // Progress that nobody can read is none to stop for.
            let told = |day| _ = writeln!(outside.err, "{}", line(day));
            return Ok(run.run(told).await?);
        }
        let mut progress = Progress::new(outside);
        Ok(run.run(|day| draw(&mut progress, day)).await?)
    })?;
    if args.json {
        return Ok(write_json(outside.out, &answer(&outcome, args.dry_run))?);
    }
    page(&outcome, args.dry_run, outside)
}

/// How far it is, where that can be drawn anew.
fn draw(progress: &mut Progress<'_>, day: DayDone) {
    let more = format!(
        "{} of {} days  {}  {} changed",
        day.done,
        day.days,
        day.day,
        figure::grouped(&day.changed.to_string())
    );
    progress.part("pricing", day.done as u64, day.days as u64, &more);
}

/// The same, a line a day.
fn line(day: DayDone) -> String {
    if day.left {
        return format!("{}: left as it was, its detail is incomplete", day.day);
    }
    let changed = figure::grouped(&day.changed.to_string());
    format!("{}: {changed} changed, {}", day.day, signed(day.difference))
}

/// A difference with its sign, to its last digit.
fn signed(difference: Nanos) -> String {
    let sign = if difference.0 > 0 { "+" } else { "" };
    format!("{sign}{}", figure::exact_money(difference.to_usd()))
}

fn answer(outcome: &Outcome, dry_run: bool) -> Value {
    let models = outcome.models.0.iter().map(|((provider, model), tally)| {
        let mut row = json!({ "provider": provider, "model": model });
        extend(&mut row, tally);
        row
    });
    let left = outcome.left.iter().map(|left| {
        json!({
            "day": left.day.to_string(),
            "stored_requests": left.stored,
            "counted_requests": left.counted,
        })
    });
    let mut answer = json!({ "dry_run": dry_run, "days": outcome.days });
    extend(&mut answer, &outcome.models.total());
    answer["models"] = models.collect();
    answer["left_as_they_were"] = left.collect();
    answer
}

fn extend(row: &mut Value, tally: &Tally) {
    for (key, value) in [
        ("requests", tally.requests.into()),
        ("changed", tally.changed.into()),
        ("newly_priced", tally.newly_priced.into()),
        ("unpriced", tally.unpriced.into()),
        ("kept_without_price", tally.kept.into()),
        ("old_cost", Value::from(tally.old.to_string())),
        ("new_cost", tally.new.to_string().into()),
        ("difference", (tally.new - tally.old).to_string().into()),
    ] {
        row[key] = value;
    }
}

fn page(outcome: &Outcome, dry_run: bool, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let total = outcome.models.total();
    let changed = outcome
        .models
        .0
        .iter()
        .filter(|(_, tally)| tally.changed > 0);
    let row = |((provider, model), tally): (&(String, String), &Tally)| {
        let mut row = json!({ "provider": provider, "model": model });
        extend(&mut row, tally);
        row
    };
    let mut rows: Vec<Value> = changed.map(row).collect();
    if !rows.is_empty() {
        let mut sum = json!({ "provider": "all requests", "model": null });
        extend(&mut sum, &total);
        rows.push(sum);
        let columns = [
            ("provider", Unit::Text),
            ("model", Unit::Text),
            ("requests", Unit::Count),
            ("changed", Unit::Count),
            ("newly_priced", Unit::Count),
            ("old_cost", Unit::Usd),
            ("new_cost", Unit::Usd),
            ("difference", Unit::Usd),
        ];
        let table = human::rows(&columns, &rows, outside.look);
        writeln!(outside.out, "{table}")?;
    }
    let count = |n: u64| figure::grouped(&n.to_string());
    let outcome_of_run = match (total.changed, dry_run) {
        (0, _) => "no cost changes",
        (_, true) => "these costs would change; this was a dry run",
        (_, false) => "their costs were changed",
    };
    writeln!(
        outside.out,
        "{} of {} requests: {outcome_of_run}.",
        count(total.changed),
        count(total.requests)
    )?;
    if total.unpriced > 0 {
        let n = count(total.unpriced);
        writeln!(outside.out, "{n} still have no price.")?;
    }
    if total.kept > 0 {
        let n = count(total.kept);
        writeln!(
            outside.out,
            "{n} find no price any more and keep their cost."
        )?;
    }
    for left in &outcome.left {
        writeln!(
            outside.out,
            "{} was left as it was: {} of {} requests are stored in detail.",
            left.day, left.stored, left.counted
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn without_a_terminal_there_is_a_line_a_day() {
        let day = |left| DayDone {
            day: date!(2026 - 11 - 24),
            done: 3,
            days: 12,
            changed: 1_234,
            difference: Nanos(-1_500_000_000),
            left,
        };
        assert_eq!(line(day(false)), "2026-11-24: 1,234 changed, -$1.50");
        assert_eq!(
            line(day(true)),
            "2026-11-24: left as it was, its detail is incomplete"
        );
        let mut err = Vec::new();
        draw(&mut Progress::on(&mut err, true), day(false));
        let drawn = String::from_utf8(err).expect("UTF-8");
        assert!(
            drawn.contains(" 25 %  3 of 12 days  2026-11-24  1,234 changed"),
            "{drawn}"
        );
    }
}
