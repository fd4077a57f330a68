//! The list of all questions, in the order users see.

use crate::entry::Entry;
use crate::questions::{
    activity, agents, alerts, audit, content, conversations, costs, errors, overview, requests,
    sessions, tools, traces, traffic,
};

/// Every question.
pub static QUERIES: &[Entry] = &[
    Entry::of::<overview::Overview>(),
    Entry::of::<costs::Summary>(),
    Entry::of::<costs::Trends>(),
    Entry::of::<costs::Breakdown>(),
    Entry::of::<costs::Budgets>(),
    Entry::of::<costs::Forecast>(),
    Entry::of::<costs::Unpriced>(),
    Entry::of::<requests::Stats>(),
    Entry::of::<requests::Trends>(),
    Entry::of::<requests::Models>(),
    Entry::of::<requests::Errors>(),
    Entry::of::<requests::List>(),
    Entry::of::<requests::Show>(),
    Entry::of::<errors::Patterns>(),
    Entry::of::<agents::Stats>(),
    Entry::of::<agents::List>(),
    Entry::of::<agents::Trends>(),
    Entry::of::<agents::Show>(),
    Entry::of::<conversations::Stats>(),
    Entry::of::<conversations::List>(),
    Entry::of::<conversations::Trends>(),
    Entry::of::<conversations::Show>(),
    Entry::of::<tools::Stats>(),
    Entry::of::<tools::List>(),
    Entry::of::<tools::Trends>(),
    Entry::of::<tools::Show>(),
    Entry::of::<traces::List>(),
    Entry::of::<traces::Show>(),
    Entry::of::<sessions::Stats>(),
    Entry::of::<sessions::List>(),
    Entry::of::<sessions::Show>(),
    Entry::of::<sessions::Trends>(),
    Entry::of::<sessions::Live>(),
    Entry::of::<content::Stats>(),
    Entry::of::<content::Top>(),
    Entry::of::<content::Trends>(),
    Entry::of::<content::Show>(),
    Entry::of::<content::Patterns>(),
    Entry::of::<traffic::Sources>(),
    Entry::of::<traffic::Geo>(),
    Entry::of::<traffic::Devices>(),
    Entry::of::<traffic::Bots>(),
    Entry::of::<traffic::Pages>(),
    Entry::of::<traffic::Transitions>(),
    Entry::of::<traffic::Ai>(),
    Entry::of::<activity::Summary>(),
    Entry::of::<activity::Usage>(),
    Entry::of::<activity::Hourly>(),
    Entry::of::<activity::Users>(),
    Entry::of::<activity::Skills>(),
    Entry::of::<activity::List>(),
    Entry::of::<audit::Stats>(),
    Entry::of::<audit::List>(),
    Entry::of::<alerts::Status>(),
    Entry::of::<alerts::History>(),
];

/// The question with this path.
#[must_use]
pub fn find(path: &[&str]) -> Option<&'static Entry> {
    QUERIES.iter().find(|entry| entry.path == path)
}

/// The question that a group answers when it is asked without a name: its
/// first.
#[must_use]
pub fn default_of(group: &str) -> Option<&'static Entry> {
    QUERIES.iter().find(|entry| entry.group() == group)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::error::Error;

    /// The parameters of a question from a command line.
    fn command_line(entry: &Entry, args: &[&str]) -> Value {
        let command = entry.augment(clap::Command::new("question").no_binary_name(true));
        let matches = command
            .try_get_matches_from(args)
            .unwrap_or_else(|error| panic!("{error}"));
        entry
            .from_matches(&matches)
            .expect("the question's own matches")
    }

    /// What has to be said whatever the question.
    fn required(entry: &Entry) -> (Vec<&'static str>, Value) {
        match entry.path {
            ["requests" | "conversations" | "traces" | "sessions", "show"] => {
                (vec!["01935e8d"], json!({ "id": "01935e8d" }))
            }
            ["agents" | "tools", "show"] => (vec!["scout"], json!({ "name": "scout" })),
            ["content", "show"] => (vec!["/blog/"], json!({ "content": "/blog/" })),
            _ => (Vec::new(), json!({})),
        }
    }

    /// Parameters with those that have to be given.
    fn with(given: &Value, mut params: Value) -> Value {
        let members = params.as_object_mut().expect("parameters are an object");
        members.extend(given.as_object().expect("an object").clone());
        params
    }

    fn properties(schema: &schemars::Schema) -> serde_json::Map<String, Value> {
        schema
            .get("properties")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    }

    fn arguments(entry: &Entry) -> Vec<clap::Arg> {
        entry
            .augment(clap::Command::new("question"))
            .get_arguments()
            .cloned()
            .collect()
    }

    #[test]
    fn every_question_has_one_path_and_one_tool() {
        let paths: BTreeSet<_> = QUERIES.iter().map(|entry| entry.path).collect();
        let tools: BTreeSet<_> = QUERIES.iter().map(Entry::tool).collect();
        assert_eq!(paths.len(), QUERIES.len());
        assert_eq!(tools.len(), QUERIES.len());
        for entry in QUERIES {
            assert!(matches!(entry.path.len(), 1 | 2), "{:?}", entry.path);
            assert_eq!(find(entry.path).map(|found| found.path), Some(entry.path));
            assert!(default_of(entry.group()).is_some());
        }
        assert_eq!(
            default_of("costs").map(|entry| entry.path),
            Some(&["costs", "summary"][..])
        );
        assert_eq!(
            default_of("requests").map(|entry| entry.path),
            Some(&["requests", "stats"][..])
        );
        assert_eq!(default_of("nothing").map(|entry| entry.path), None);
    }

    #[test]
    fn every_command_is_sound() {
        for entry in QUERIES {
            entry.augment(clap::Command::new("question")).debug_assert();
        }
    }

    #[test]
    fn help_is_the_questions_own() {
        let abouts: BTreeSet<_> = QUERIES.iter().map(Entry::about).collect();
        assert_eq!(abouts.len(), QUERIES.len(), "{abouts:?}");
        for entry in QUERIES {
            let about = entry.about();
            assert!(!about.is_empty() && !about.ends_with('.'), "{about}");
            let command = entry.augment(clap::Command::new("question"));
            assert_eq!(command.get_about().map(ToString::to_string), Some(about));
            for arg in command.get_arguments() {
                assert!(
                    arg.get_help().is_some(),
                    "{:?} {}",
                    entry.path,
                    arg.get_id()
                );
            }
        }
    }

    #[test]
    fn defaults_are_the_same_everywhere() {
        for entry in QUERIES {
            let (args, params) = required(entry);
            let complete = entry.complete(params).expect("defaults");
            assert_eq!(command_line(entry, &args), complete, "{:?}", entry.path);
            assert_eq!(
                entry.complete(complete.clone()).expect("complete"),
                complete
            );
        }
    }

    #[test]
    fn arguments_and_parameters_have_the_same_names() {
        for entry in QUERIES {
            let args: BTreeSet<_> = arguments(entry)
                .iter()
                .map(|arg| {
                    arg.get_long()
                        .unwrap_or_else(|| arg.get_id().as_str())
                        .replace('-', "_")
                })
                .collect();
            let params: BTreeSet<_> = properties(&entry.params())
                .into_iter()
                .map(|(name, _)| name)
                .collect();
            assert_eq!(args, params, "{:?}", entry.path);
        }
    }

    #[test]
    fn every_choice_means_the_same_everywhere() {
        for entry in QUERIES {
            let (required, given) = required(entry);
            for arg in arguments(entry) {
                let Some(long) = arg.get_long() else { continue };
                for choice in arg.get_possible_values() {
                    let flag = match (arg.get_action().takes_values(), choice.get_name()) {
                        (true, name) => format!("--{long}={name}"),
                        (false, "true") => format!("--{long}"),
                        // To say no to a switch is to leave it out.
                        (false, _) => continue,
                    };
                    let args = [&required[..], &[flag.as_str()]].concat();
                    let query = format!("{}={}", long.replace('-', "_"), choice.get_name());
                    let decoded = entry
                        .decode(&query)
                        .and_then(|params| entry.complete(with(&given, params)));
                    assert_eq!(command_line(entry, &args), decoded.expect(&query), "{flag}");
                }
            }
        }
    }

    #[test]
    fn schemas_stand_alone() {
        for entry in QUERIES {
            for schema in [entry.params(), entry.row(), entry.answer()] {
                assert_eq!(
                    schema.get("type"),
                    Some(&json!("object")),
                    "{:?}",
                    entry.path
                );
                assert!(
                    !schema.as_value().to_string().contains("$ref"),
                    "{:?}",
                    entry.path
                );
            }
        }
    }

    #[test]
    fn every_column_says_what_it_is() {
        for entry in QUERIES {
            for (name, property) in properties(&entry.row()) {
                let about = format!("{:?} {name}: {property}", entry.path);
                assert!(property.get("description").is_some(), "{about}");
                let types = property
                    .get("type")
                    .map(Value::to_string)
                    .unwrap_or_default();
                let number = types.contains("integer") || types.contains("number");
                if number && name != "http_status" {
                    assert!(property.get("x-unit").is_some(), "{about}");
                }
            }
        }
    }

    #[test]
    fn schemas_state_limits_and_defaults() {
        let params = properties(&find(&["requests", "list"]).expect("listed").params());
        let limit = &params["limit"];
        assert_eq!(
            (&limit["minimum"], &limit["maximum"]),
            (&json!(1), &json!(10_000))
        );
        assert_eq!(
            (&limit["default"], &params["since"]["default"]),
            (&json!(20), &json!("24h"))
        );
    }

    #[test]
    fn columns_keep_their_order() {
        let columns: Vec<_> = properties(&QUERIES[1].row())
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(columns[..3], ["requests", "cost", "previous_cost"]);
    }

    fn refusal(result: crate::error::Result<Value>) -> String {
        match result {
            Err(Error::Usage(message)) => message,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    #[test]
    fn query_strings_are_read_by_the_schema() {
        let breakdown = find(&["costs", "breakdown"]).expect("listed");
        assert_eq!(
            breakdown
                .decode("model=a&limit=5&model=b%20c&by=agent&since=7d")
                .expect("valid"),
            json!({ "model": ["a", "b c"], "limit": 5, "by": "agent", "since": "7d" })
        );
        let refused = |query| {
            refusal(
                breakdown
                    .decode(query)
                    .and_then(|params| breakdown.complete(params)),
            )
        };
        assert_eq!(
            refused("modle=a"),
            "unknown parameter modle; did you mean model?"
        );
        assert_eq!(refused("limit=5&limit=6"), "limit is given twice");
        assert_eq!(
            refused("limit=many"),
            "limit is a whole number, not \"many\""
        );
        assert_eq!(refused("limit=0"), "the limit is 1 to 10000 rows, not 0");
        assert_eq!(
            refused("limit=10001"),
            "the limit is 1 to 10000 rows, not 10001"
        );
        assert!(refused("since=tomorrow").starts_with("\"tomorrow\" is not a time: use 30m"));
        assert!(refused("timezone=Berlin").starts_with("unknown time zone \"Berlin\""));
        assert!(refused("by=colour").starts_with("unknown variant `colour`, expected one of"));
    }

    #[test]
    fn unknown_parameters_are_refused_in_json_too() {
        let summary = find(&["costs", "summary"]).expect("listed");
        assert_eq!(
            refusal(summary.complete(json!({ "agents": ["scout"] }))),
            "unknown parameter agents; did you mean agent?"
        );
        assert_eq!(
            refusal(summary.complete(json!([]))),
            "parameters are an object"
        );
    }
}
