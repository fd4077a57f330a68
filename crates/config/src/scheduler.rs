//! The `scheduler` section: which jobs servers run, and when.
//!
//! Its defaults are the file `services/scheduler/config.yaml` that comes with the
//! program, so that every key is documented where it is set.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use systemprompt_domain::period::Zone;

use crate::cron::Cron;
use crate::decode::decode;
use crate::fields::duration;
use crate::parse::parse;

/// The file as it comes with the program: the lowest layer.
pub(crate) const BUILT_IN: &str = include_str!("../../../services/scheduler/config.yaml");

/// Which jobs servers run, and when.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scheduler {
    /// Whether this server runs jobs.
    pub enabled: bool,
    /// The time zone of schedules, by its IANA name.
    #[schemars(with = "String")]
    pub timezone: Zone,
    /// A run whose server gives no sign of life for so long is made up by
    /// another: at least 3s.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub lease: Duration,
    /// How long finished runs are kept.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub history: Duration,
    /// The jobs.
    pub jobs: Jobs,
}

/// Every job there is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Jobs {
    /// Removes what is older than it is to be kept.
    pub retention: Job,
    /// Makes the partitions of the days to come.
    pub partitions: Job,
    /// Measures what alerts watch besides costs.
    pub alerts: Job,
    /// Compares the prices in force with a file or an address.
    pub price_check: Job<PriceCheck>,
    /// Compares a closed hour of the totals with its requests.
    pub rollup_check: Job<RollupCheck>,
    /// Ends web sessions that are over.
    pub session_closing: Job,
    /// Brings the figures of content up to date.
    pub content_analytics_aggregation: Job<ContentAnalytics>,
    /// Judges web sessions again after the rules have changed.
    pub reclassify_sessions: Job,
    /// Writes the report about the day before.
    pub daily_traffic_report: Job<TrafficReport>,
}

/// When a job runs, and how.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Job<P: Default = Nothing> {
    /// When it is due: `[second] minute hour day-of-month month day-of-week`.
    pub schedule: Cron,
    /// The time zone of its schedule; else that of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub timezone: Option<Zone>,
    /// Whether it runs, unless an operator said otherwise on the command line.
    pub enabled: bool,
    /// What becomes of slots that nobody ran.
    pub missed: Missed,
    /// How often a slot is tried when it fails.
    #[schemars(range(min = 1, max = 20))]
    pub attempts: u32,
    /// When a run has taken too long.
    #[serde(with = "duration")]
    #[schemars(schema_with = "duration::schema")]
    pub timeout: Duration,
    /// What is its own.
    #[serde(default)]
    pub parameters: P,
}

/// The parameters of a job that has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What becomes of slots that nobody ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// All are made up: the last thousand.
    All,
    /// The last one is made up.
    Last,
    /// They are passed over.
    Skip,
}

/// Somebody to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToChannel {
    /// By mail.
    Email,
    /// Through a web hook of one's own.
    Webhook,
    /// On Discord.
    Discord,
    /// On Slack.
    Slack,
}

/// Parameters of `price_check`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PriceCheck {
    /// A file, relative to the folder of `profiles/`, or an address that begins
    /// with `http`. Empty: there is nothing to compare with.
    pub source: String,
    /// Who is told of differences.
    pub channels: Vec<ToChannel>,
}

/// Parameters of `rollup_check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RollupCheck {
    /// How many days back the hour may lie.
    #[schemars(range(min = 1, max = 3650))]
    pub days: u32,
    /// Who is told of differences.
    pub channels: Vec<ToChannel>,
}

impl Default for RollupCheck {
    fn default() -> Self {
        Self {
            days: 30,
            channels: Vec::new(),
        }
    }
}

/// Parameters of `content_analytics_aggregation`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ContentAnalytics {
    /// Whether the figures of all content are made again, and not only those that
    /// changed.
    pub rebuild: bool,
}

/// Parameters of `daily_traffic_report`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrafficReport {
    /// Who gets a summary. Those that are not configured are passed over.
    pub channels: Vec<ToChannel>,
    /// Most rows of a table.
    #[schemars(range(min = 1, max = 100))]
    pub rows: u32,
}

impl Default for TrafficReport {
    fn default() -> Self {
        Self {
            channels: vec![ToChannel::Discord],
            rows: 10,
        }
    }
}

impl Default for Scheduler {
    fn default() -> Self {
        #[derive(Deserialize)]
        struct File {
            scheduler: Scheduler,
        }
        let mut tree = parse("services/scheduler/config.yaml", BUILT_IN)
            .expect("the file that comes with the program is YAML");
        let file: Result<File, _> = decode(&mut tree);
        file.expect("the file that comes with the program is valid")
            .scheduler
    }
}
