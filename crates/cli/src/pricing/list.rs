//! `systemprompt pricing list`: one line a price.

use clap::{ArgMatches, FromArgMatches};
use serde_json::{Value, json};
use systemprompt_config::Config;
use systemprompt_domain::TokenClass;

use super::{Priced, State, from, in_force, utc_date, write_json};
use crate::Outside;
use crate::failure::Failure;
use crate::human::column::Unit;
use crate::human::{self, figure};

pub(super) const HELP: &str = "\
Prices come from the program, from `pricing import`, and from the profile's custom_pricing; the
later ones count. A request longer than \"above\" input tokens has other rates altogether.

Examples:
  systemprompt pricing list --provider anthropic
  systemprompt pricing list --model gpt-5 --all";

// No doc comment: clap would take it for the help of the whole command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this provider's
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Only models whose name contains this
    #[arg(long, value_name = "TEXT")]
    model: Option<String>,
    /// Also prices of the past
    #[arg(long)]
    all: bool,
    /// Answer in JSON, with every rate
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
    let today = utc_date(outside.clock.now());
    let wanted = |priced: &Priced<'_>| {
        let version = priced.version;
        args.provider
            .as_ref()
            .is_none_or(|name| *name == version.provider)
            && args
                .model
                .as_ref()
                .is_none_or(|text| version.model.contains(text))
            && (args.all || priced.state != State::Past)
    };
    let prices = catalogue.versions().map(|version| Priced {
        state: State::of(version, &catalogue, &version.model, today),
        version,
    });
    let prices: Vec<Priced<'_>> = prices.filter(wanted).collect();
    if args.json {
        return Ok(write_json(outside.out, &json!({ "prices": prices }))?);
    }
    if prices.is_empty() {
        writeln!(outside.out, "No such prices.")?;
        return Ok(());
    }
    let columns = [
        ("provider", Unit::Text),
        ("model", Unit::Text),
        ("input", Unit::Usd),
        ("output", Unit::Usd),
        ("cache_read", Unit::Usd),
        ("cache_write", Unit::Usd),
        ("above", Unit::Text),
        ("service_tiers", Unit::Text),
        ("from", Unit::Text),
        ("state", Unit::Text),
        ("source", Unit::Text),
    ];
    let rows: Vec<Value> = prices.iter().map(row).collect();
    outside
        .out
        .write_all(human::rows(&columns, &rows, outside.look).as_bytes())?;
    Ok(())
}

fn row(priced: &Priced<'_>) -> Value {
    let version = priced.version;
    let thresholds = version.tiers.iter();
    let thresholds = thresholds.map(|tier| figure::grouped(&tier.above_input_tokens.to_string()));
    let names: Vec<&str> = version.service_tiers.keys().map(String::as_str).collect();
    json!({
        "provider": version.provider,
        "model": version.model,
        "input": version.rates.of(TokenClass::Input),
        "output": version.rates.of(TokenClass::Output),
        "cache_read": version.rates.of(TokenClass::CacheRead),
        "cache_write": version.rates.of(TokenClass::CacheWrite5m),
        "above": some(&thresholds.collect::<Vec<_>>().join(", ")),
        "service_tiers": some(&names.join(", ")),
        "from": from(version),
        "state": priced.state.as_str(),
        "source": version.source.to_string(),
    })
}

/// What is empty is shown as nothing.
fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
