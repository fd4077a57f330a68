//! Which activity and which audit events a question is about.
#![allow(missing_docs)]

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

// Which activity is counted: what matches every filter that is given.
#[derive(Clone, Debug, Default, PartialEq, Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct ActivityFilters {
    /// Only this category (can be repeated)
    #[arg(long = "category", value_enum, value_name = "CATEGORY")]
    #[serde(default, rename = "category")]
    pub categories: Vec<Category>,
    /// Only what was done to this type of thing: plugin, skill, agent, tool (can be repeated)
    #[arg(long = "entity-type", value_name = "TYPE")]
    #[serde(default, rename = "entity_type")]
    pub entity_types: Vec<String>,
    /// Only this user (can be repeated)
    #[arg(long = "user", value_name = "USER")]
    #[serde(default, rename = "user")]
    pub users: Vec<String>,
}

/// What kind of thing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Category {
    Login,
    Logout,
    Auth,
    MarketplaceEdit,
    MarketplaceConnect,
    SkillUsage,
    Prompt,
    ToolUsage,
    Session,
    UserManagement,
    Error,
}

// Which audit events are counted: what matches every filter that is given.
#[derive(Clone, Debug, Default, PartialEq, Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct AuditFilters {
    /// Only this category (can be repeated)
    #[arg(long = "category", value_enum, value_name = "CATEGORY")]
    #[serde(default, rename = "category")]
    pub categories: Vec<AuditCategory>,
    /// Only this event, such as token_issued (can be repeated)
    #[arg(long = "event", value_name = "EVENT")]
    #[serde(default, rename = "event")]
    pub events: Vec<String>,
    /// Only this user (can be repeated)
    #[arg(long = "user", value_name = "USER")]
    #[serde(default, rename = "user")]
    pub users: Vec<String>,
    /// Only this agent (can be repeated)
    #[arg(long = "agent", value_name = "AGENT")]
    #[serde(default, rename = "agent")]
    pub agents: Vec<String>,
    /// Only this trace
    #[arg(long, value_name = "ID")]
    #[serde(default)]
    pub trace: Option<Uuid>,
}

/// What part of the trail an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
#[schemars(inline)]
pub enum AuditCategory {
    Authentication,
    Authorization,
    AiOperations,
    DataAccess,
    Administration,
    McpTools,
}

/// The names of choices, as they are stored.
pub(crate) fn names<T: ValueEnum>(choices: &[T]) -> Vec<String> {
    let named = choices.iter().filter_map(ValueEnum::to_possible_value);
    named.map(|value| value.get_name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use systemprompt_domain::activity;

    use super::*;

    #[test]
    fn every_category_can_be_asked_for() {
        let stored = activity::Category::ALL.map(activity::Category::as_str);
        assert_eq!(names(Category::value_variants()), stored);
    }
}
