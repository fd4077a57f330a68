//! Web traffic: sessions and page views, from what browsers, servers and access
//! logs report.

mod bounds;
pub mod close;
pub mod content;
mod facts;
pub mod import;
mod judge;
pub mod reclassify;
mod rollups;
mod rows;
pub mod salts;
mod session;
mod store;

pub use bounds::{Bounds, OTHER};
pub use judge::{Judge, JudgeInForce};
pub use salts::Salts;
pub(crate) use store::store;
/// The host in an address, lower case, without `www.`; none where there is none.
pub use systemprompt_web::page::host_of as page_host;
