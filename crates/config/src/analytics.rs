//! The `analytics` section: what is recorded, how it is priced, when somebody
//! is told.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use systemprompt_pricing::CustomPrice;
use time::Date;

use crate::custom_price;
use crate::fields::{date, decimal, one_or_many, one_or_many_schema};

/// What is recorded, how it is priced, when somebody is told.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Analytics {
    /// Turn analytics on or off. Off, the gateway still proxies.
    pub enabled: bool,
    /// How many days detail is kept. Totals are kept for ever.
    #[schemars(range(min = 1))]
    pub retention_days: u32,
    /// How many days the audit trail is kept; for ever if absent.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_retention_days: Option<u32>,
    /// The share of requests whose detail is kept, from 0.0 to 1.0. Totals and
    /// costs stay complete.
    #[schemars(range(min = 0, max = 1))]
    pub sampling_rate: f64,
    /// Prices and currency.
    pub costs: Costs,
    /// Budgets and other thresholds.
    pub alerts: Vec<Alert>,
}

impl Default for Analytics {
    fn default() -> Self {
        Self {
            enabled: true,
            retention_days: 90,
            audit_retention_days: None,
            sampling_rate: 1.0,
            costs: Costs::default(),
            alerts: Vec::new(),
        }
    }
}

/// Prices and currency.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Costs {
    /// The currency costs are shown in, by its three-letter code. Amounts are
    /// kept in US dollars.
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    pub currency: String,
    /// Prices of your own, by model. They override the catalogue.
    #[serde(with = "custom_price")]
    #[schemars(with = "BTreeMap<String, custom_price::Form>")]
    pub custom_pricing: BTreeMap<String, CustomPrice>,
    /// What a US dollar is worth in `currency`, from a UTC day on. The earliest
    /// rate also holds before its day.
    pub exchange_rates: Vec<ExchangeRate>,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            currency: "USD".to_owned(),
            custom_pricing: BTreeMap::new(),
            exchange_rates: Vec::new(),
        }
    }
}

/// What a US dollar is worth, from a day on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExchangeRate {
    /// The first day it holds for.
    #[serde(with = "date")]
    #[schemars(schema_with = "date::schema")]
    pub from: Date,
    /// Units of the currency for one US dollar.
    #[serde(with = "decimal")]
    #[schemars(schema_with = "decimal::schema")]
    pub usd_to: Decimal,
}

/// A threshold, and what happens when it is reached. One whose action pauses
/// requests is a budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// What is watched.
    #[serde(rename = "type")]
    pub kind: AlertType,
    /// The value that sets it off: US dollars for costs, a share from 0 to 1
    /// for `error_rate`, milliseconds for `latency_p95`, a number of requests
    /// for `unpriced_requests`.
    #[serde(with = "decimal")]
    #[schemars(schema_with = "decimal::schema")]
    pub threshold: Decimal,
    /// What happens, one thing or a list.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(schema_with = "one_or_many_schema::<Action>")]
    pub action: Vec<Action>,
    /// Whose requests count; everybody's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<AlertScope>,
    /// The parts of the threshold at which somebody is told.
    #[serde(default = "at_the_threshold", with = "shares")]
    #[schemars(with = "Vec<f64>")]
    pub notify_at: Vec<Decimal>,
    /// The time zone that decides where a day, week or month starts.
    #[serde(default = "utc")]
    pub timezone: String,
    /// How much a request is taken to cost before it is answered, where the
    /// action pauses requests.
    #[serde(default)]
    pub reserve: Reserve,
    /// What it is called; its type and scope if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Alert {
    /// What it is called: the name it was given, or its type and scope, as in
    /// `monthly_cost-agent-scout`.
    #[must_use]
    pub fn name(&self) -> String {
        match (&self.name, &self.scope) {
            (Some(name), _) => name.clone(),
            (None, None) => self.kind.as_str().to_owned(),
            (None, Some(scope)) => {
                let (dimension, value) = scope.parts();
                format!("{}-{dimension}-{value}", self.kind.as_str())
            }
        }
    }
}

fn at_the_threshold() -> Vec<Decimal> {
    vec![Decimal::ONE]
}

fn utc() -> String {
    "UTC".to_owned()
}

/// A list of decimals, each read from its digits.
mod shares {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::fields::decimal;

    #[derive(Serialize, Deserialize)]
    struct Share(#[serde(with = "decimal")] Decimal);

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Decimal>, D::Error> {
        Vec::<Share>::deserialize(d).map(|shares| shares.into_iter().map(|share| share.0).collect())
    }

    pub(super) fn serialize<S: Serializer>(shares: &[Decimal], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(shares.iter().map(|share| Share(*share)))
    }
}

/// How much a request is taken to cost before it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reserve {
    /// Its input and twice the output that such requests rarely exceed. Budgets
    /// fill up well, and may be exceeded by what few requests under way cost more.
    #[default]
    Typical,
    /// Its input and all the output it allows. Budgets are not exceeded by
    /// requests that state `max_tokens`, and refuse earlier.
    WorstCase,
}

/// What an alert watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertType {
    /// The cost of an hour.
    HourlyCost,
    /// The cost of a day.
    DailyCost,
    /// The cost of a week, from Monday.
    WeeklyCost,
    /// The cost of a calendar month.
    MonthlyCost,
    /// The share of requests that fail.
    ErrorRate,
    /// The latency that 95 % of requests stay below.
    #[serde(rename = "latency_p95")]
    LatencyP95,
    /// Requests for which no price is known.
    UnpricedRequests,
}

impl AlertType {
    /// The name used in the profile.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HourlyCost => "hourly_cost",
            Self::DailyCost => "daily_cost",
            Self::WeeklyCost => "weekly_cost",
            Self::MonthlyCost => "monthly_cost",
            Self::ErrorRate => "error_rate",
            Self::LatencyP95 => "latency_p95",
            Self::UnpricedRequests => "unpriced_requests",
        }
    }

    /// Whether it watches what requests cost. Only such an alert can pause them.
    #[must_use]
    pub const fn is_cost(self) -> bool {
        matches!(
            self,
            Self::HourlyCost | Self::DailyCost | Self::WeeklyCost | Self::MonthlyCost
        )
    }
}

/// What happens when an alert's threshold is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A mail is sent.
    Email,
    /// The web hook is called.
    Webhook,
    /// A message goes to Discord.
    Discord,
    /// A message goes to Slack.
    Slack,
    /// New requests of the scope are refused until the period ends.
    PauseRequests,
}

impl Action {
    /// The name used in the profile; for a channel also its key below
    /// `notifications`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Webhook => "webhook",
            Self::Discord => "discord",
            Self::Slack => "slack",
            Self::PauseRequests => "pause_requests",
        }
    }
}

/// Whose requests an alert counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertScope {
    /// One agent's.
    Agent(String),
    /// One user's.
    User(String),
    /// Those to one model.
    Model(String),
    /// Those to one provider.
    Provider(String),
}

impl AlertScope {
    /// The dimension's name and the value in it.
    #[must_use]
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Agent(name) => ("agent", name),
            Self::User(name) => ("user", name),
            Self::Model(name) => ("model", name),
            Self::Provider(name) => ("provider", name),
        }
    }
}

impl fmt::Display for AlertScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dimension, name) = self.parts();
        write!(f, "{dimension} {name}")
    }
}
