//! The tools: one for each question of the registry, described by it.

use std::sync::{Arc, LazyLock};

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};
use systemprompt_reporting::{Answer, Entry, QUERIES};

use crate::caller::Breadth;

/// Most rows of a tool's answer, far fewer than the command line gives: they
/// all end up in the context of a model.
pub const ROWS: usize = 200;

/// How every answer is to be read.
const READING: &str = "Times are RFC 3339 in UTC, amounts are text in US dollars unless `currency` says otherwise, \
     ratios are parts of 1. `more` tells that there are further rows.";

/// A question as a tool.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) entry: &'static Entry,
    pub(crate) tool: Tool,
}

/// Every tool, in the order of the registry. It does not change while the
/// program runs.
static OFFERS: LazyLock<Vec<Offer>> = LazyLock::new(|| QUERIES.iter().map(offer).collect());

/// The tools of such a caller.
pub(crate) fn offers(breadth: Breadth) -> impl Iterator<Item = &'static Offer> {
    OFFERS.iter().filter(move |offer| match breadth {
        Breadth::All => true,
        Breadth::Own => offer.entry.has_own_tool(),
    })
}

/// The tool with this name, where such a caller has it.
pub(crate) fn find(name: &str, breadth: Breadth) -> Option<&'static Offer> {
    offers(breadth).find(|offer| offer.tool.name == name)
}

fn offer(entry: &'static Entry) -> Offer {
    let annotations = ToolAnnotations::with_title(title(entry))
        .read_only(true)
        .idempotent(true)
        .open_world(false);
    let description = format!("{}. {READING}", entry.description().trim_end_matches('.'));
    let tool = Tool::new(entry.tool(), description, input(entry))
        .with_title(title(entry))
        .with_raw_output_schema(object(entry.answer().to_value()))
        .with_annotations(annotations);
    Offer { entry, tool }
}

/// `Costs summary`
fn title(entry: &Entry) -> String {
    let words = entry.path.join(" ");
    let mut letters = words.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

/// The parameters, with as many rows as an answer can have here.
fn input(entry: &Entry) -> Arc<JsonObject> {
    let mut schema = entry.params().to_value();
    if schema.get("properties").is_none() {
        // Some models' APIs take no schema without them.
        schema["properties"] = json!({});
    }
    if let Some(limit) = schema.pointer_mut("/properties/limit") {
        limit["maximum"] = json!(ROWS);
    }
    schema["additionalProperties"] = Value::Bool(false);
    object(schema)
}

fn object(schema: Value) -> Arc<JsonObject> {
    match schema {
        Value::Object(schema) => Arc::new(schema),
        other => unreachable!("parameters and answers are objects, not {other}"),
    }
}

/// The answer, no longer than [`ROWS`], saying so where that cut it.
pub(crate) fn short(answer: Answer<Value>) -> Answer<Value> {
    if answer.rows.len() <= ROWS {
        return answer;
    }
    let cut = format!("cut to the first {ROWS} rows; ask about less to see all");
    let note = match &answer.note {
        Some(note) => format!("{note}; {cut}"),
        None => cut,
    };
    answer.cut(ROWS).with_note(Some(note))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(breadth: Breadth) -> Vec<&'static str> {
        offers(breadth)
            .map(|offer| offer.tool.name.as_ref())
            .collect()
    }

    #[test]
    fn an_agent_has_the_tools_about_itself() {
        let own = names(Breadth::Own);
        for tool in [
            "analytics_costs",
            "analytics_requests",
            "analytics_errors",
            "analytics_audit",
        ] {
            assert!(own.contains(&tool), "{own:?}");
        }
        assert!(own.len() < 6, "{own:?}");
        assert!(find("analytics_overview", Breadth::Own).is_none());
    }

    #[test]
    fn every_question_is_a_tool() {
        let all = names(Breadth::All);
        assert_eq!(all.len(), QUERIES.len());
        for own in names(Breadth::Own) {
            assert!(all.contains(&own));
        }
        let legal = |name: &str| {
            name.len() <= 64
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        assert!(all.iter().all(|name| legal(name)), "{all:?}");
    }

    #[test]
    fn tools_state_what_they_take_and_give() {
        for offer in offers(Breadth::All) {
            let Offer { tool, .. } = offer;
            assert_eq!(tool.input_schema["type"], "object", "{}", tool.name);
            assert_eq!(tool.input_schema["additionalProperties"], false);
            let output = tool.output_schema.as_ref().expect("an output schema");
            assert_eq!(output["type"], "object", "{}", tool.name);
            let limit = tool.input_schema["properties"].get("limit");
            assert!(limit.is_none_or(|limit| limit["maximum"] == json!(ROWS)));
        }
    }

    #[test]
    fn long_answers_are_cut_and_say_so() {
        let answer = |rows| Answer::of(vec![json!({}); rows]);
        let whole = short(answer(ROWS));
        assert_eq!(
            (whole.rows.len(), whole.more, whole.note),
            (ROWS, false, None)
        );
        let cut = short(answer(ROWS + 1).with_note(Some("early".to_owned())));
        assert_eq!((cut.rows.len(), cut.more), (ROWS, true));
        let note = cut.note.expect("a note");
        assert!(
            note.starts_with("early; cut to the first 200 rows"),
            "{note}"
        );
    }

    #[test]
    fn the_list_of_tools() {
        let tools: Vec<_> = offers(Breadth::All)
            .map(|offer| {
                let about = offer.tool.description.as_deref().unwrap_or_default();
                let line = about.lines().next().unwrap_or_default();
                format!("{}: {}", offer.tool.name, line.replace(READING, "").trim())
            })
            .collect();
        insta::assert_snapshot!(tools.join("\n"));
    }
}
