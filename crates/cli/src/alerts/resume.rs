//! `systemprompt alerts resume`: lets requests through again before a budget's
//! period ends.

use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::json;
use systemprompt_budgets::Rule;
use systemprompt_domain::period::Interval;
use systemprompt_storage::budgets::{self, Resumed};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::until::Until;
use super::{json, named, write_json};
use crate::Outside;
use crate::actor::actor;
use crate::command::Globals;
use crate::database;
use crate::failure::Failure;
use crate::human::figure::{self, Precision, local, moment};
use crate::human::text;

const ABOUT: &str = "Lift the limit of a budget, so that requests are let through again";

const MORE: &str = "\
The limit is lifted until the period ends, or until an earlier moment. What is
spent meanwhile still counts: when the time is over and more was spent than the
limit, requests are refused again. The next period begins with the whole limit.
Servers follow within seconds. It is recorded in the audit trail.

Examples:
  systemprompt alerts resume monthly_cost
  systemprompt alerts resume monthly_cost --until 2h
  systemprompt alerts resume monthly_cost --until 2026-12-01T09:00:00Z

Names: systemprompt alerts list";

pub(crate) fn command() -> Command {
    Command::new("resume")
        .about(ABOUT)
        .after_help(MORE)
        .arg(
            Arg::new("name")
                .value_name("NAME")
                .required(true)
                .help("The alert's name"),
        )
        .arg(
            Arg::new("until")
                .long("until")
                .value_name("WHEN")
                .value_parser(value_parser!(Until))
                .help("When the limit counts again: 30m, 2h, 1d, tomorrow, or RFC 3339 [default: the period's end]"),
        )
        .arg(json())
}

pub(crate) fn resume(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let name: &String = matches.get_one("name").expect("clap requires it");
    let config = systemprompt_config::load(&globals.sources())?;
    let now = outside.clock.now();
    let rule = Rule::from_alert(named(&config, name)?).filter(Rule::pauses);
    let rule = rule.ok_or_else(|| {
        Failure::Refused(format!(
            "{name} pauses nothing: its action is not pause_requests"
        ))
    })?;
    let period = rule
        .period(now)
        .ok_or_else(|| Failure::Refused("the calendar ends here".to_owned()))?;
    let until = end(matches.get_one("until").copied(), &rule, period, now)?;
    let resumed = database::with(&config, outside, async |storage, _| {
        let pool = storage.pool();
        let resumed = budgets::resume(pool, name, period.since, until, Some(actor()), now).await;
        Ok(resumed.map_err(systemprompt_reporting::Error::from)?)
    })?;
    let resumed = resumed.ok_or_else(|| {
        Failure::Refused(format!(
            "there is no limit to lift: nothing was asked of {name} since its period began"
        ))
    })?;
    if matches.get_flag("json") {
        return write_json(outside, &told(&rule, &resumed, until));
    }
    Ok(outside
        .out
        .write_all(said(&rule, &resumed, until).as_bytes())?)
}

/// When the limit counts again: no later than in the next period, where it
/// does anyway.
fn end(
    until: Option<Until>,
    rule: &Rule,
    period: Interval,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, Failure> {
    let Some(until) = until else {
        return Ok(period.until);
    };
    let moment = until.resolve(now, &rule.zone).unwrap_or(period.until);
    if moment <= now {
        return Err(Failure::Usage("--until is over already".to_owned()));
    }
    Ok(moment.min(period.until))
}

fn said(rule: &Rule, resumed: &Resumed, until: OffsetDateTime) -> String {
    let clock = |at| moment(local(at, &rule.zone), Precision::Minute);
    let (spent, limit) = (resumed.standing.spent.to_usd(), rule.limit.to_usd());
    let places = figure::decimals([spent, limit]);
    let name = text::clean(&rule.name);
    let before = match (resumed.was_paused_at, resumed.was_resumed_until) {
        (Some(at), _) => format!("It refused requests since {}.", clock(at)),
        (None, Some(at)) => format!("It was lifted until {} before.", clock(at)),
        (None, None) => "It had not refused any request.".to_owned(),
    };
    let next = if until == resumed.standing.period.until {
        "Then the next period begins with the whole limit."
    } else {
        "Then the limit counts again, and so does what was spent meanwhile."
    };
    format!(
        "The limit of {name} is lifted until {} {}.\n{before} {} of {} are spent.\n{next}\n",
        clock(until),
        rule.zone,
        figure::money(spent, places),
        figure::money(limit, places),
    )
}

fn told(rule: &Rule, resumed: &Resumed, until: OffsetDateTime) -> serde_json::Value {
    let at = |at: OffsetDateTime| at.format(&Rfc3339).ok();
    json!({
        "alert": rule.name,
        "resumed_until": at(until),
        "was_paused_at": resumed.was_paused_at.and_then(at),
        "was_resumed_until": resumed.was_resumed_until.and_then(at),
        "period_end": at(resumed.standing.period.until),
        "spent": resumed.standing.spent.to_usd(),
        "limit": rule.limit.to_usd(),
    })
}
