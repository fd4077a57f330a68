//! Signed notes (C2SP `signed-note`): a text, an empty line, signature lines.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::keys::{Keys, PublicKey};

/// Longest note that is read, in bytes.
const LONGEST: usize = 16 * 1024;

/// Why a note says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is not in the format.
    #[error("is no signed checkpoint")]
    Unreadable,
    /// It carries our key's name and id, but the key did not sign it.
    #[error("has a signature that its key did not make")]
    Forged,
    /// Another key signed in the log's name.
    #[error("is signed by a key that is not the log's")]
    OtherKey,
    /// It is about another log.
    #[error("is about another log")]
    OtherLog,
}

/// Signs a text, which ends with a newline.
pub(crate) fn sign(keys: &Keys, text: &str) -> String {
    let name = keys.public().name();
    format!("{text}\n— {name} {}\n", signature(keys, text))
}

/// A signature as notes write it: key id and signature, in base64.
fn signature(keys: &Keys, text: &str) -> String {
    let mut bytes = Vec::with_capacity(68);
    bytes.extend_from_slice(&keys.public().id().to_be_bytes());
    bytes.extend_from_slice(&keys.sign(text));
    BASE64_STANDARD.encode(bytes)
}

/// The text of a note and the first signature line's base64.
pub(crate) fn parts(note: &str) -> Option<(&str, &str)> {
    let (text, signatures) = split(note)?;
    Some((text, signatures.lines().next().and_then(line)?.1))
}

/// The text of a note that the key signed.
pub(crate) fn open<'a>(note: &'a str, key: &PublicKey) -> Result<&'a str, NoteError> {
    let (text, signatures) = split(note).ok_or(NoteError::Unreadable)?;
    let (mut signed, mut named) = (false, false);
    for signature in signatures.lines() {
        let (name, signature) = line(signature).ok_or(NoteError::Unreadable)?;
        let bytes = BASE64_STANDARD
            .decode(signature)
            .map_err(|_| NoteError::Unreadable)?;
        let (id, signature) = bytes.split_first_chunk().ok_or(NoteError::Unreadable)?;
        if name != key.name() {
            continue;
        }
        named = true;
        if u32::from_be_bytes(*id) == key.id() {
            let signature = signature.try_into().map_err(|_| NoteError::Unreadable)?;
            if !key.verifies(text, signature) {
                return Err(NoteError::Forged);
            }
            signed = true;
        }
    }
    match (signed, named) {
        (true, _) => Ok(text),
        (false, true) => Err(NoteError::OtherKey),
        (false, false) => Err(NoteError::OtherLog),
    }
}

/// The text, with its last newline, and the signature lines.
fn split(note: &str) -> Option<(&str, &str)> {
    let control = |c: char| c.is_ascii_control() && c != '\n';
    if note.len() > LONGEST || !note.ends_with('\n') || note.contains(control) {
        return None;
    }
    let end = note.rfind("\n\n")?;
    let (text, rest) = (&note[..=end], &note[end + 2..]);
    (!rest.is_empty()).then_some((text, rest))
}

/// Name and base64 of a signature line.
fn line(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("— ")?.split_once(' ')
}
