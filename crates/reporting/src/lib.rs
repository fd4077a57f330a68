//! The registry of questions: each metric defined once.
//!
//! A question is a struct: its fields are the parameters, its doc comment is
//! the help, its `run` fetches typed rows. The command line, the HTTP API and
//! whatever else asks walk [`QUERIES`]; how they look is left to them.

mod ctx;
mod currency;
mod decode;
mod elapsed;
mod entry;
mod error;
mod figures;
mod kept;
mod params;
pub mod present;
mod query;
pub mod questions;
mod registry;
pub mod report;
mod rollup;
mod settings;

pub use ctx::{Ctx, Scope};
pub use currency::Currency;
pub use entry::{BoxFuture, Entry};
pub use error::{Error, Result};
pub use figures::Time;
pub use params::{
    ActivityFilters, AuditCategory, AuditFilters, Category, Class, Filters, GroupBy, Limit, Owners,
    Page, PeriodArgs, ToolFilters, WebFilters,
};
pub use query::{Answer, PeriodUsed, Query};
pub use registry::{QUERIES, default_of, find};
pub use settings::Settings;
