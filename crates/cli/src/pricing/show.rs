//! `systemprompt pricing show`: every version of a model's prices, every rate.

use std::collections::BTreeSet;

use clap::{ArgMatches, FromArgMatches};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use systemprompt_config::Config;
use systemprompt_domain::TokenClass;
use systemprompt_pricing::{Catalogue, PriceVersion, Rates, Tier, parse_date};
use time::Date;

use super::{Priced, State, from, in_force, utc_date, write_json};
use crate::Outside;
use crate::failure::Failure;
use crate::human::column::Unit;
use crate::human::{self, figure};

pub(super) const HELP: &str = "\
Rates are per million tokens. A class without a rate of its own costs what the tokens it would
otherwise be part of cost: a cached token is input, a reasoning token is output.

Examples:
  systemprompt pricing show claude-haiku-4-5
  systemprompt pricing show gpt-5.6-sol --at 2026-08-20";

// No doc comment: clap would take it for the help of the whole command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The model's name, as clients or providers write it
    #[arg(value_name = "MODEL")]
    model: String,
    /// Mark the price that was in force on this day, not today's
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    at: Option<Date>,
    /// Only this provider's
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
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
    let catalogue = in_force(config, outside)?;
    let day = args.at.unwrap_or_else(|| utc_date(outside.clock.now()));
    let prices = versions(&catalogue, &args, day);
    if prices.is_empty() {
        return Err(Failure::NotFound(format!(
            "no price for {}; see what is there with: systemprompt pricing list --model TEXT",
            args.model
        )));
    }
    if args.json {
        let answer = json!({ "model": args.model, "at": day.to_string(), "prices": prices });
        return Ok(write_json(outside.out, &answer)?);
    }
    let rows: Vec<Value> = prices.iter().flat_map(rows).collect();
    let stated = |class: &TokenClass| rows.iter().any(|row| row.get(class.as_str()).is_some());
    let classes: Vec<TokenClass> = TokenClass::ALL.into_iter().filter(stated).collect();
    let mut columns = vec![
        ("provider", Unit::Text),
        ("from", Unit::Text),
        ("state", Unit::Text),
        ("rates", Unit::Text),
    ];
    columns.extend(classes.iter().map(|class| (class.as_str(), Unit::Usd)));
    let look = outside.look;
    writeln!(
        outside.out,
        "{}  {}\n",
        look.strong(&human::text::clean(&args.model)),
        look.faint(&format!("US dollars per million tokens, on {day}"))
    )?;
    outside
        .out
        .write_all(human::rows(&columns, &rows, look).as_bytes())?;
    writeln!(outside.out)?;
    for priced in &prices {
        writeln!(outside.out, "{}", look.faint(&remark(priced.version)))?;
    }
    Ok(())
}

/// The profile's prices for the name, and each provider's in time order.
fn versions<'a>(catalogue: &'a Catalogue, args: &Args, day: Date) -> Vec<Priced<'a>> {
    let wanted = |provider: &str| {
        let only = args.provider.as_deref();
        provider == "*" || only.is_none_or(|only| only == provider)
    };
    let custom = catalogue
        .versions()
        .filter(|version| version.custom && version.model == args.model);
    let mut found: Vec<&PriceVersion> = custom.collect();
    let mut names = vec![args.model.as_str(); found.len()];
    let at = day.midnight().assume_utc();
    for provider in catalogue.providers() {
        let exact = catalogue.history(provider, &args.model);
        // A dated name that is not listed has the price of its model.
        let (name, history) = match catalogue.find(provider, Some(&args.model), None, at) {
            _ if !exact.is_empty() => (args.model.as_str(), exact),
            Some(stem) if !stem.custom => (
                stem.model.as_str(),
                catalogue.history(provider, &stem.model),
            ),
            _ => continue,
        };
        found.extend(history.iter().map(AsRef::as_ref));
        names.resize(found.len(), name);
    }
    let priced = found.into_iter().zip(names).map(|(version, name)| Priced {
        state: State::of(version, catalogue, name, day),
        version,
    });
    priced
        .filter(|priced| wanted(&priced.version.provider))
        .collect()
}

/// One row for each set of rates of a version.
fn rows(priced: &Priced<'_>) -> Vec<Value> {
    let version = priced.version;
    let mut sets = sets("standard", &version.rates, &version.tiers);
    for (name, set) in &version.service_tiers {
        sets.extend(self::sets(name, &set.rates, &set.tiers));
    }
    let row = |(name, rates): (String, &Rates)| {
        let mut row = Map::new();
        row.insert("provider".into(), version.provider.clone().into());
        row.insert("from".into(), from(version).into());
        row.insert("state".into(), priced.state.as_str().into());
        row.insert("rates".into(), name.into());
        for class in TokenClass::ALL {
            if let Some(rate) = rates.stated(class) {
                row.insert(class.as_str().into(), rate.to_string().into());
            }
        }
        Value::Object(row)
    };
    sets.into_iter().map(row).collect()
}

/// The rates of a service tier, and of its long requests.
fn sets<'a>(name: &str, rates: &'a Rates, tiers: &'a [Tier]) -> Vec<(String, &'a Rates)> {
    let long = tiers.iter().map(|tier| {
        let above = figure::grouped(&tier.above_input_tokens.to_string());
        (format!("{name}, above {above}"), &tier.rates)
    });
    std::iter::once((name.to_owned(), rates))
        .chain(long)
        .collect()
}

/// What the table has no columns for.
fn remark(version: &PriceVersion) -> String {
    let mut parts = vec![format!("source {}", version.source)];
    let names: BTreeSet<&str> = version.aliases.iter().map(String::as_str).collect();
    if !names.is_empty() {
        let names: Vec<_> = names.into_iter().collect();
        parts.push(format!("also for {}", names.join(", ")));
    }
    let of = |parts: &mut Vec<String>, (name, price): (&String, &Decimal), unit: &str| {
        parts.push(format!("{name} {unit}{}", price.normalize()));
    };
    for region in &version.regions {
        of(&mut parts, region, "×");
    }
    for call in &version.calls {
        of(&mut parts, call, "$");
    }
    let text = format!(
        "{} from {}: {} ({})",
        version.provider,
        from(version),
        parts.join("; "),
        version.id
    );
    human::text::clean(&text).into_owned()
}
