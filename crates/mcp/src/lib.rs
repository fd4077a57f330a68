//! Questions as MCP tools: agents see their own numbers, and whoever may read
//! everything asks whatever the command line can.
//!
//! [`Analytics`] is the server, [`HttpEndpoint`] answers it over streamable HTTP,
//! [`serve_stdio`] over standard input and output. [`wrap`] records the tool calls
//! of other servers on standard input and output. Which tools there are and
//! what they show is decided by the [`Caller`], which never comes from the
//! message itself.

mod analytics;
mod caller;
mod http;
mod stdio;
mod tools;
mod wrap;

pub use self::analytics::Analytics;
pub use self::caller::Caller;
pub use self::http::{Hosts, HttpEndpoint, LONGEST, Reply};
pub use self::stdio::{StdioError, serve_stdio};
pub use self::tools::ROWS;
pub use self::wrap::{Wrapped, wrap};
