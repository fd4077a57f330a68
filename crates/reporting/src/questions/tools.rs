//! What agents have tools do over MCP, how well, how fast, and what is said of the
//! tools.

mod definitions;
mod list;
mod run;
mod show;
mod stats;
mod trends;

pub use definitions::Definition;
pub use list::{List, ListRow, SortBy};
pub use run::ToolRun;
pub use show::{AgentUse, Failure, Show, ShowRow};
pub use stats::{Stats, StatsRow};
pub use trends::{Trends, TrendsRow};
