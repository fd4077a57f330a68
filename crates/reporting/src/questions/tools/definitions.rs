//! What servers said their tools are.

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;

/// What a tool was said to be.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Definition {
    /// The MCP server
    #[serde(skip)]
    pub server: String,
    /// The tool
    #[serde(skip)]
    pub tool: String,
    /// SHA-256 of title, description, schemas and annotations
    pub hash: String,
    /// The definition in force when this one came first; none for the tool's first
    pub previous_hash: Option<String>,
    /// When it was first listed
    pub first_seen: Time,
    /// When it was last known to be in force, to the quarter of an hour
    pub last_seen: Time,
}

struct Stored {
    server: String,
    tool: String,
    hash: String,
    previous_hash: Option<String>,
    first_seen: OffsetDateTime,
    last_seen: OffsetDateTime,
}

/// The definitions of tools, of each that in force first. The caller must be known
/// to have called these tools, or may see everything.
pub(super) async fn of(ctx: &Ctx, tools: &[String], servers: &[String]) -> Result<Vec<Definition>> {
    let rows = sqlx::query_file_as!(
        Stored,
        "src/questions/tools/definitions.sql",
        tools,
        servers,
    )
    .fetch_all(&ctx.pool)
    .await?;
    let definition = |stored: Stored| Definition {
        server: stored.server,
        tool: stored.tool,
        hash: stored.hash,
        previous_hash: stored.previous_hash,
        first_seen: stored.first_seen.into(),
        last_seen: stored.last_seen.into(),
    };
    Ok(rows.into_iter().map(definition).collect())
}
