//! Parameters that questions share. Field docs are the users' help. The types
//! themselves have plain comments: clap would take a doc comment on a flattened
//! struct for the help of the whole command.
#![allow(missing_docs)]

mod activity;
mod tools;
mod web;

use std::fmt;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use systemprompt_domain::period::{Interval, InvalidPeriod, Period, Step, When, Zone};
use time::OffsetDateTime;

pub(crate) use self::activity::names;
pub use self::activity::{ActivityFilters, AuditCategory, AuditFilters, Category};
pub use self::tools::ToolFilters;
pub use self::web::{Class, WebFilters};

// The period of a question, by default the last 24 hours.
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct PeriodArgs {
    /// Begin of the period: 24h, 7d, today, this-week, last-month, 2026-11-01, RFC 3339 and the like
    #[arg(long, value_name = "WHEN", default_value_t = default_since())]
    #[serde(default = "default_since")]
    #[schemars(schema_with = "when")]
    pub since: When,
    /// End of the period, written alike; what it names is no longer part of it
    #[arg(long, value_name = "WHEN", default_value_t = default_until())]
    #[serde(default = "default_until")]
    #[schemars(schema_with = "when")]
    pub until: When,
    /// Time zone in which days, weeks and months begin: an IANA name, or local
    #[arg(long, value_name = "ZONE", default_value_t)]
    #[serde(default)]
    #[schemars(schema_with = "zone")]
    pub timezone: Zone,
}

/// A moment, as it can be written.
pub(crate) fn when(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "anyOf": [
            { "enum": When::names().collect::<Vec<_>>() },
            { "pattern": When::AGO },
            { "format": "date" },
            { "format": "date-time" },
        ],
    })
}

/// A time zone. There is no format of that name in JSON Schema, which lets others be used.
pub(crate) fn zone(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "iana-time-zone" })
}

/// The beginning of an id, as [`beginning_with`](systemprompt_domain::ids::beginning_with)
/// reads it.
pub(crate) fn id_beginning(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(-*[0-9A-Fa-f]){8,32}-*$" })
}

fn default_since() -> When {
    Period::default().since
}

fn default_until() -> When {
    Period::default().until
}

impl Default for PeriodArgs {
    fn default() -> Self {
        Self {
            since: default_since(),
            until: default_until(),
            timezone: Zone::default(),
        }
    }
}

impl PeriodArgs {
    pub(crate) fn period(&self) -> Period {
        Period {
            since: self.since.clone(),
            until: self.until.clone(),
        }
    }

    /// The period to the moment.
    pub(crate) fn interval(&self, now: OffsetDateTime) -> Result<Interval, InvalidPeriod> {
        self.period().resolve(now, &self.timezone)
    }
}

// How many rows an answer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Page {
    /// Most rows to show
    #[arg(long, value_name = "ROWS", default_value_t)]
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    pub limit: Limit,
}

/// A number of rows, from 1 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(inline)]
pub struct Limit(u32);

impl Limit {
    pub(crate) const MAX: u32 = 10_000;
    /// As many rows as can be asked for.
    pub(crate) const MOST: Self = Self(Self::MAX);

    pub(crate) fn rows(self) -> usize {
        self.0 as usize
    }

    /// One more than is shown, to know whether there is more.
    pub(crate) fn fetch(self) -> i64 {
        i64::from(self.0) + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl TryFrom<u32> for Limit {
    type Error = String;

    fn try_from(rows: u32) -> Result<Self, String> {
        if (1..=Self::MAX).contains(&rows) {
            Ok(Self(rows))
        } else {
            Err(format!("the limit is 1 to {} rows, not {rows}", Self::MAX))
        }
    }
}

impl From<Limit> for u32 {
    fn from(limit: Limit) -> Self {
        limit.0
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let rows: u32 = s
            .parse()
            .map_err(|_| format!("\"{s}\" is not a number of rows"))?;
        rows.try_into()
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// Which requests are counted: those that match every filter that is given.
#[derive(Clone, Debug, Default, PartialEq, Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Filters {
    /// Only this model (can be repeated)
    #[arg(long = "model", value_name = "MODEL")]
    #[serde(default, rename = "model")]
    pub models: Vec<String>,
    /// Only this provider (can be repeated)
    #[arg(long = "provider", value_name = "PROVIDER")]
    #[serde(default, rename = "provider")]
    pub providers: Vec<String>,
    /// Only this agent (can be repeated)
    #[arg(long = "agent", value_name = "AGENT")]
    #[serde(default, rename = "agent")]
    pub agents: Vec<String>,
    /// Only this user (can be repeated)
    #[arg(long = "user", value_name = "USER")]
    #[serde(default, rename = "user")]
    pub users: Vec<String>,
}

impl Filters {
    /// All requests of these agents; of all without any.
    pub(crate) fn of_agents(agents: &[String]) -> Self {
        Self {
            agents: agents.to_vec(),
            ..Self::default()
        }
    }
}

// Whose conversations count: those of whoever made their first request.
#[derive(Clone, Debug, Default, PartialEq, Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Owners {
    /// Only conversations that this agent began (can be repeated)
    #[arg(long = "agent", value_name = "AGENT")]
    #[serde(default, rename = "agent")]
    pub agents: Vec<String>,
    /// Only conversations that this user began (can be repeated)
    #[arg(long = "user", value_name = "USER")]
    #[serde(default, rename = "user")]
    pub users: Vec<String>,
}

/// The width of a trend's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum GroupBy {
    Hour,
    Day,
    Week,
    Month,
}

impl From<GroupBy> for Step {
    fn from(group_by: GroupBy) -> Self {
        match group_by {
            GroupBy::Hour => Self::Hour,
            GroupBy::Day => Self::Day,
            GroupBy::Week => Self::Week,
            GroupBy::Month => Self::Month,
        }
    }
}
