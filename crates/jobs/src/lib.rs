//! What servers do by themselves: the list of jobs, and running each once at its
//! time, however many servers there are.
//!
//! [`JOBS`] is written out. The [`Runner`] of a server claims what is due from the
//! database (`systemprompt_storage::jobs`), [`execute`] runs it with signs of life and
//! an end; the command line does the same with a run of its own.

mod execute;
mod files;
mod job;
mod jobs;
pub mod reports;
mod runner;
mod standing;
mod tell;
mod world;

pub use execute::{Outcome, execute};
pub use files::{REPORTS, write_atomically};
pub use job::{Done, Entry, JOBS, Work, find};
pub use runner::Runner;
pub use standing::Standing;
pub use tell::{Said, Surroundings};
pub use world::World;
