//! What a list of tools says of each: a hash over everything that models are told
//! about it.

use serde::Deserialize as _;
use serde_json::{Map, Value};
use systemprompt_domain::text::bounded;
use systemprompt_domain::tool::{MOST_TOOLS, ToolDefinition};

use super::canonical::hash;

/// The members of a tool that say what it is. Others are for programs: icons, and
/// `_meta`, which may change with every answer.
const SAID: [&str; 5] = [
    "title",
    "description",
    "inputSchema",
    "outputSchema",
    "annotations",
];

/// A list of tools, or a page of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The tools, at most 200, in the order of their names.
    pub tools: Vec<ToolDefinition>,
}

/// Reads the answer to `tools/list`; `None` if it lists none.
#[must_use]
pub fn read_listing(message: &[u8]) -> Option<Listing> {
    // What follows the message is none of ours.
    let mut deserializer = serde_json::Deserializer::from_slice(message);
    let message = Value::deserialize(&mut deserializer).ok()?;
    let tools = message.get("result")?.get("tools")?.as_array()?;
    let tools = tools.iter().filter_map(|tool| {
        let tool = tool.as_object()?;
        let name = bounded(tool.get("name")?.as_str()?);
        (!name.is_empty()).then(|| ToolDefinition {
            name,
            hash: definition(tool),
        })
    });
    let mut tools: Vec<_> = tools.take(MOST_TOOLS).collect();
    tools.sort_by(|a, b| a.name.cmp(&b.name));
    Some(Listing { tools })
}

fn definition(tool: &Map<String, Value>) -> String {
    let said = SAID
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), tool.get(*name)?.clone())));
    hash(&Value::Object(said.collect()))
}
