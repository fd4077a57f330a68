//! Traces: which there were, and everything that is known of one in the order
//! in which it happened.
//!
//! A timeline is made from sources. Each is a file and one statement: it takes
//! the traces and answers events. Whatever comes to know of traces adds one to
//! `timeline`.

mod audit;
mod find;
mod list;
mod logs;
mod requests;
mod show;
mod timeline;
mod tools;

pub use list::{List, ListRow};
pub use show::Show;
pub use timeline::{Event, Kind};
