//! `systemprompt pricing import` and `diff`: a file of prices against those in
//! force.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, FromArgMatches};
use serde_json::{Value, json};
use systemprompt_config::Config;
use systemprompt_pricing::compare::Difference;
use systemprompt_pricing::{
    Change, MapOf, Planned, PriceFile, PriceVersion, PricingError, parse_date,
};
use systemprompt_storage::prices;
use time::Date;

use super::{from, utc_date, write_json};
use crate::Outside;
use crate::actor::actor;
use crate::database;
use crate::failure::Failure;
use crate::human;
use crate::human::column::Unit;

pub(super) const IMPORT_HELP: &str = "\
The file is a catalogue in our own layout (services/ai/prices.yaml) or LiteLLM's price map as JSON.
A price replaces the one with the same first day; the past and what is scheduled stay. Running
servers use imported prices within a second. Requests of the past keep their cost until
`pricing recompute`.

A map of LiteLLM has no dates, and mentions only some prices: what it does not mention stays.

Examples:
  systemprompt pricing import prices.yaml --dry-run
  systemprompt pricing import model_prices_and_context_window.json --from 2026-11-01
  systemprompt pricing import model_prices_and_context_window.json --provider fast=groq";

pub(super) const DIFF_HELP: &str = "\
A price of the file is compared with the one that is in force on its first day, a map of LiteLLM
with those of today.

Example:
  systemprompt pricing diff model_prices_and_context_window.json";

/// How many differences of a model are written out.
const WRITTEN_OUT: usize = 3;

// No doc comments: clap would take them for the help of the whole command.
#[derive(Debug, clap::Args)]
pub(super) struct File {
    /// Our YAML, or LiteLLM's map
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// First day (UTC) of the prices of a LiteLLM map [default: today]
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    from: Option<Date>,
    /// Provider to read of a LiteLLM map, with its name there if that is another (can be
    /// repeated) [default: anthropic, openai, gemini]
    #[arg(long, value_name = "NAME[=THEIRS]")]
    provider: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Import {
    #[command(flatten)]
    file: File,
    /// Only tell what would change
    #[arg(long)]
    dry_run: bool,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Diff {
    #[command(flatten)]
    file: File,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

pub(super) fn import(
    matches: &ArgMatches,
    config: &Config,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args =
        Import::from_arg_matches(matches).expect("the command was made from these arguments");
    let plan = args.file.plan(config, outside, |plan| {
        let new = plan.iter().filter(|one| one.change != Change::Same);
        let new: Vec<PriceVersion> = new.map(|one| one.version.clone()).collect();
        if args.dry_run { Vec::new() } else { new }
    })?;
    let count = |change| plan.iter().filter(|one| one.change == change).count();
    let (new, changed) = (count(Change::New), count(Change::Changed));
    let rows = plan.iter().filter(|one| one.change != Change::Same);
    if args.json {
        let answer = json!({
            "dry_run": args.dry_run,
            "new": new,
            "changed": changed,
            "same": count(Change::Same),
            "prices": rows.map(planned).collect::<Vec<_>>(),
        });
        return Ok(write_json(outside.out, &answer)?);
    }
    if new + changed > 0 {
        let columns = [
            ("change", Unit::Text),
            ("provider", Unit::Text),
            ("model", Unit::Text),
            ("from", Unit::Text),
            ("prices", Unit::Text),
        ];
        let rows: Vec<Value> = rows.map(row).collect();
        let table = human::rows(&columns, &rows, outside.look);
        writeln!(outside.out, "{table}")?;
    }
    let outcome = match (new + changed, args.dry_run) {
        (0, _) => "Nothing to import.",
        (_, true) => "Nothing was imported: this was a dry run.",
        (_, false) => "Imported.",
    };
    writeln!(
        outside.out,
        "{new} new, {changed} changed, {} the same. {outcome}",
        count(Change::Same)
    )?;
    Ok(())
}

pub(super) fn diff(
    matches: &ArgMatches,
    config: &Config,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args = Diff::from_arg_matches(matches).expect("the command was made from these arguments");
    let plan = args.file.plan(config, outside, |_| Vec::new())?;
    let differences: Vec<(&Planned, &Difference)> = plan
        .iter()
        .flat_map(|one| {
            one.differences
                .iter()
                .map(move |difference| (one, difference))
        })
        .collect();
    let row = |(one, difference): &(&Planned, &Difference)| {
        json!({
            "provider": difference.provider,
            "model": difference.model,
            "from": from(&one.version),
            "field": difference.field,
            "in_force": difference.ours,
            "file": difference.theirs,
        })
    };
    let rows: Vec<Value> = differences.iter().map(row).collect();
    if args.json {
        let answer = json!({ "compared": plan.len(), "differences": rows });
        return Ok(write_json(outside.out, &answer)?);
    }
    if !rows.is_empty() {
        let columns = [
            ("provider", Unit::Text),
            ("model", Unit::Text),
            ("from", Unit::Text),
            ("field", Unit::Text),
            ("in_force", Unit::Usd),
            ("file", Unit::Usd),
        ];
        let table = human::rows(&columns, &rows, outside.look);
        writeln!(outside.out, "{table}")?;
    }
    let (differences, prices) = (rows.len(), plan.len());
    writeln!(
        outside.out,
        "Compared: {prices}. Differences: {differences}."
    )?;
    Ok(())
}

impl File {
    /// What the file says to the prices in force; imports those of it that are
    /// `chosen`.
    fn plan(
        &self,
        config: &Config,
        outside: &mut Outside<'_>,
        chosen: impl FnOnce(&[Planned]) -> Vec<PriceVersion>,
    ) -> Result<Vec<Planned>, Failure> {
        let now = outside.clock.now();
        let file = self.read(utc_date(now))?;
        for (first, second) in &file.contradictions {
            let line = format!("Left out: {first} and {second} are one model with two prices.");
            writeln!(outside.err, "{}", human::text::clean(&line))?;
        }
        let because = |error: PricingError| fault(&self.file, error.to_string());
        database::with(config, outside, async |storage, _| {
            let catalogue = prices::listed(storage.pool()).await?;
            let plan = catalogue.plan(&file).map_err(because)?;
            let chosen = chosen(&plan);
            if !chosen.is_empty() {
                prices::import(storage.pool(), &chosen, actor(), now).await?;
            }
            Ok(plan)
        })
    }

    fn read(&self, today: Date) -> Result<PriceFile, Failure> {
        let text = std::fs::read_to_string(&self.file)
            .map_err(|error| fault(&self.file, format!("cannot be read: {error}")))?;
        let read = if text.trim_start().starts_with('{') {
            let from = self.from.unwrap_or(today);
            PriceFile::from_litellm(&text, from, &self.map(), today)
        } else if self.from.is_some() || !self.provider.is_empty() {
            return Err(Failure::Usage(format!(
                "{} is no map of LiteLLM: it names its providers and dates itself, without --from \
                 and --provider",
                self.file.display()
            )));
        } else {
            PriceFile::from_yaml(&text, today)
        };
        read.map_err(|error| fault(&self.file, error.to_string()))
    }

    fn map(&self) -> MapOf {
        let name = |text: &String| match text.split_once('=') {
            Some((ours, theirs)) => (ours.to_owned(), theirs.to_owned()),
            None => (text.clone(), text.clone()),
        };
        let providers: BTreeMap<String, String> = self.provider.iter().map(name).collect();
        MapOf { providers }
    }
}

fn fault(file: &Path, reason: String) -> Failure {
    Failure::PriceFile {
        file: file.to_owned(),
        reason,
    }
}

fn planned(one: &Planned) -> Value {
    json!({
        "change": one.change,
        "provider": one.version.provider,
        "model": one.version.model,
        "from": one.version.from.to_string(),
        "id": one.version.id,
        "differences": one.differences.iter().map(|difference| json!({
            "field": difference.field,
            "old": difference.ours,
            "new": difference.theirs,
        })).collect::<Vec<_>>(),
    })
}

fn row(one: &Planned) -> Value {
    json!({
        "change": one.change,
        "provider": one.version.provider,
        "model": one.version.model,
        "from": from(&one.version),
        "prices": prices_of(one),
    })
}

/// `input 1 → 2, output 5 → 10, 2 more`
fn prices_of(one: &Planned) -> String {
    let rates = &one.version.rates;
    if one.change == Change::New {
        let rate = |rate: Option<_>| rate.map_or_else(String::new, |rate| format!("{rate}"));
        return format!("input {}, output {}", rate(rates.input), rate(rates.output));
    }
    let figure = |figure: Option<_>| figure.map_or_else(|| "–".to_owned(), |usd| format!("{usd}"));
    let mut parts: Vec<String> = one
        .differences
        .iter()
        .take(WRITTEN_OUT)
        .map(|d| format!("{} {} → {}", d.field, figure(d.ours), figure(d.theirs)))
        .collect();
    if let Some(more) = one.differences.len().checked_sub(WRITTEN_OUT + 1) {
        parts.push(format!("{} more", more + 1));
    }
    parts.join(", ")
}
