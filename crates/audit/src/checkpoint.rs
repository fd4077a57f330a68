//! Checkpoints (C2SP `tlog-checkpoint`): what the log's key says of its first
//! events, as a signed note in the database, and as one line outside of it.

use std::fmt;
use std::str::FromStr;

use crate::frontier::Frontier;
use crate::hash::Hash;
use crate::keys::{Keys, PublicKey};
use crate::note::{self, NoteError};

/// A signed statement: the first `size` events have this root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// How many events it covers.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
}

impl Checkpoint {
    /// The note for a tree.
    #[must_use]
    pub fn sign(keys: &Keys, tree: &Frontier) -> String {
        let (origin, size, root) = (keys.public().name(), tree.size(), tree.root());
        note::sign(keys, &format!("{origin}\n{size}\n{root}\n"))
    }

    /// Reads a note that `key` signed.
    ///
    /// # Errors
    /// When it is no checkpoint, or not one of this log and key.
    pub fn open(note: &str, key: &PublicKey) -> Result<Self, NoteError> {
        let text = note::open(note, key)?;
        let (origin, size, root) = lines(text).ok_or(NoteError::Unreadable)?;
        if origin != key.name() {
            return Err(NoteError::OtherLog);
        }
        Ok(Self {
            size: decimal(size).ok_or(NoteError::Unreadable)?,
            root: Hash::from_base64(root).ok_or(NoteError::Unreadable)?,
        })
    }
}

/// A checkpoint in one line, as the anchor file keeps it: origin, size, root and
/// signature, with a space between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    origin: String,
    size: String,
    root: String,
    signature: String,
}

impl Anchor {
    /// The line of a checkpoint's note; `None` when it is no such note.
    #[must_use]
    pub fn of(note: &str) -> Option<Self> {
        let (text, signature) = note::parts(note)?;
        let (origin, size, root) = lines(text)?;
        format!("{origin} {size} {root} {signature}").parse().ok()
    }

    /// The checkpoint's note.
    #[must_use]
    pub fn note(&self) -> String {
        let Self {
            origin,
            size,
            root,
            signature,
        } = self;
        format!("{origin}\n{size}\n{root}\n\n— {origin} {signature}\n")
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            origin,
            size,
            root,
            signature,
        } = self;
        write!(f, "{origin} {size} {root} {signature}")
    }
}

impl FromStr for Anchor {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Self, NoteError> {
        let words: Vec<&str> = line.split(' ').collect();
        let [origin, size, root, signature] = words[..] else {
            return Err(NoteError::Unreadable);
        };
        if words.iter().any(|word| word.is_empty()) || line.contains(char::is_control) {
            return Err(NoteError::Unreadable);
        }
        Ok(Self {
            origin: origin.to_owned(),
            size: size.to_owned(),
            root: root.to_owned(),
            signature: signature.to_owned(),
        })
    }
}

/// Origin, size and root: a checkpoint of ours has no further lines.
fn lines(text: &str) -> Option<(&str, &str, &str)> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let three = (lines.next()?, lines.next()?, lines.next()?);
    lines.next().is_none().then_some(three)
}

/// A number as it would be written: no sign, no leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
