//! The tamper-evident audit log, without a database or a clock: the text of an
//! event as it is hashed, one RFC 6962 Merkle tree over the whole log, signed
//! checkpoints, and a verifier that says where a stored log differs from what
//! was written. `docs/audit-log.md` has the format.
//!
//! The log is a sequence of events, numbered from 0 without gaps. Its [`Head`]
//! says how long it is; a MAC keeps those who can write to the database but do
//! not have the key from making another. A [`Checkpoint`] is a signed statement
//! about the log's first `size` events. One that lies outside the database (the
//! anchor) shows even that an old copy of everything was put in its place.

pub mod canon;
mod checkpoint;
mod event;
mod finding;
mod frontier;
mod hash;
mod head;
mod keys;
mod note;
mod proof;
mod prover;
mod verifier;

pub use checkpoint::{Anchor, Checkpoint};
pub use event::{Event, VERSION};
pub use finding::{Finding, Kind, Source};
pub use frontier::{Frontier, ShapeError};
pub use hash::Hash;
pub use head::Head;
pub use keys::{KeyError, Keys, PublicKey};
pub use note::NoteError;
pub use proof::{check_consistency, check_inclusion};
pub use prover::{Dropped, Prover};
pub use verifier::{Floor, Row, Summary, Verifier, Warning};
