//! What servers say their tools are: a definition that was never seen of a tool
//! that has another one is a change, told once whoever sees it first.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::PgConnection;
use systemprompt_domain::tool::ToolsListed;

use crate::writer::rows::clean;

#[derive(sqlx::FromRow)]
struct Noted {
    tool: String,
    hash: String,
    previous_hash: Option<String>,
}

/// Keeps the definitions of a list; answers what is to be told of those that
/// changed.
pub(super) async fn note(
    db: &mut PgConnection,
    listed: &ToolsListed,
) -> Result<Vec<Value>, sqlx::Error> {
    // In one order, so that two servers that see the same list wait for each
    // other. Of a tool that is named twice the last counts.
    let tools: BTreeMap<_, _> = listed
        .tools
        .iter()
        .map(|tool| (clean(&tool.name), clean(&tool.hash)))
        .collect();
    if tools.is_empty() {
        return Ok(Vec::new());
    }
    let server = clean(&listed.server);
    let noted: Vec<Noted> = sqlx::query_as(include_str!("definitions.sql"))
        .bind(&server)
        .bind(tools.keys().collect::<Vec<_>>())
        .bind(tools.values().collect::<Vec<_>>())
        .bind(listed.at)
        .fetch_all(db)
        .await?;
    let changed = noted.into_iter().filter_map(|noted| {
        let old = noted.previous_hash?;
        Some(json!({
            "server": server, "tool": noted.tool, "old_hash": old, "new_hash": noted.hash,
        }))
    });
    Ok(changed.collect())
}
