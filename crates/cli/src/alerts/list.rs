//! `systemprompt alerts list`: the alerts of the profile, and the channels they
//! use. It needs no database.

use clap::{ArgMatches, Command};
use serde::Serialize;
use systemprompt_config::{Action, Alert, Config};
use systemprompt_reporting::questions::alerts::threshold;
use systemprompt_reporting::questions::overview::Figure;

use super::{json, write_json};
use crate::Outside;
use crate::command::Globals;
use crate::failure::Failure;
use crate::human::cell::NOTHING;
use crate::human::column::{Column, Unit};
use crate::human::figure;
use crate::human::table::{Filled, table};
use crate::human::text;

/// The channels an alert can use.
const CHANNELS: [Action; 4] = [
    Action::Email,
    Action::Webhook,
    Action::Discord,
    Action::Slack,
];

/// What is set up.
#[derive(Debug, Serialize)]
struct Listed {
    alerts: Vec<ListedAlert>,
    channels: Vec<ListedChannel>,
}

#[derive(Debug, Serialize)]
struct ListedAlert {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    threshold: Figure,
    unit: &'static str,
    scope: Option<String>,
    notify_at: Vec<f64>,
    actions: Vec<Action>,
    timezone: String,
}

#[derive(Debug, Serialize)]
struct ListedChannel {
    channel: Action,
    configured: bool,
    /// The alerts that use it.
    alerts: Vec<String>,
}

pub(crate) fn command() -> Command {
    Command::new("list")
        .about("List the alerts of the profile, and whether their channels are configured")
        .after_help("How they stand: systemprompt alerts status")
        .arg(json())
}

pub(crate) fn list(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let listed = listed(&systemprompt_config::load(&globals.sources())?);
    if matches.get_flag("json") {
        return write_json(outside, &listed);
    }
    if listed.alerts.is_empty() {
        writeln!(
            outside.out,
            "No alerts are set: see analytics.alerts in the profile."
        )?;
    } else {
        let table = table(&columns(&listed.alerts), outside.look);
        let lacking = table.lacking();
        for line in table.lines.into_iter().chain(lacking) {
            writeln!(outside.out, "{line}")?;
        }
    }
    writeln!(outside.out, "\n{}", outside.look.strong("Channels"))?;
    for channel in &listed.channels {
        let name = channel.channel.as_str();
        let state = match (channel.configured, channel.alerts.is_empty()) {
            (true, _) => "configured".to_owned(),
            (false, true) => outside.look.faint("not configured"),
            (false, false) => outside.look.alarming(&format!(
                "not configured (notifications.{name}), used by {}",
                text::clean(&channel.alerts.join(", "))
            )),
        };
        writeln!(outside.out, "{name:<8} {state}")?;
    }
    Ok(())
}

fn listed(config: &Config) -> Listed {
    let alerts = &config.profile.analytics.alerts;
    let channel = |channel: Action| ListedChannel {
        channel,
        configured: config.profile.notifications.reaches(channel),
        alerts: alerts
            .iter()
            .filter(|alert| alert.action.contains(&channel))
            .map(Alert::name)
            .collect(),
    };
    let alert = |alert: &Alert| {
        let (threshold, unit) = threshold(alert);
        let shares = alert.notify_at.iter();
        ListedAlert {
            name: alert.name(),
            kind: alert.kind.as_str(),
            threshold,
            unit,
            scope: alert.scope.as_ref().map(ToString::to_string),
            notify_at: shares
                .filter_map(|share| share.to_string().parse().ok())
                .collect(),
            actions: alert.action.clone(),
            timezone: alert.timezone.clone(),
        }
    };
    Listed {
        alerts: alerts.iter().map(alert).collect(),
        channels: CHANNELS.into_iter().map(channel).collect(),
    }
}

fn columns(alerts: &[ListedAlert]) -> Vec<Filled> {
    let column = |key: &str, unit, cell: &dyn Fn(&ListedAlert) -> String| Filled {
        column: Column {
            key: key.to_owned(),
            unit,
        },
        cells: alerts.iter().map(cell).collect(),
    };
    vec![
        column("name", Unit::Text, &|alert| {
            text::clean(&alert.name).into_owned()
        }),
        column("type", Unit::Text, &|alert| alert.kind.to_owned()),
        column("threshold", Unit::Varies, &amount),
        column("scope", Unit::Text, &|alert| {
            let scope = alert.scope.as_deref().unwrap_or(NOTHING);
            text::clean(scope).into_owned()
        }),
        column("tells_at", Unit::Text, &|alert| {
            let shares = alert.notify_at.iter();
            let shares: Vec<String> = shares
                .map(|share| format!("{} %", (share * 1e4).round() / 1e2))
                .collect();
            shares.join(", ")
        }),
        column("actions", Unit::Text, &|alert| {
            let actions: Vec<&str> = alert.actions.iter().map(|action| action.as_str()).collect();
            actions.join(", ")
        }),
        column("timezone", Unit::Text, &|alert| alert.timezone.clone()),
    ]
}

/// The threshold for people.
fn amount(alert: &ListedAlert) -> String {
    match alert.threshold {
        Figure::Money(usd) => figure::money(usd, figure::decimals([usd])),
        Figure::Count(count) => figure::grouped(&count.to_string()),
        Figure::Measure(share) if alert.unit == "ratio" => figure::share(share),
        Figure::Measure(millis) => figure::millis(millis),
    }
}
