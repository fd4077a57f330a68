//! The tree of settings to typed structs through serde, with every fault found
//! in one go: a value that does not fit is reported, set aside, and the rest is
//! decoded again.

use serde::de::DeserializeOwned;

use crate::de::{Error, Fault};
use crate::error::Problem;
use crate::nearest::nearest;
use crate::node::{Node, Value};
use crate::path::{KeyPath, Segment};

/// Decodes a tree, or tells everything that is wrong with it. Parts that were
/// reported are marked in the tree.
pub(crate) fn decode<T: DeserializeOwned>(tree: &mut Node) -> Result<T, Vec<Problem>> {
    let mut problems = Vec::new();
    loop {
        let error = match T::deserialize(&*tree) {
            Ok(decoded) if problems.is_empty() => return Ok(decoded),
            Ok(_) => return Err(problems),
            Err(error) => error,
        };
        let mut path = error.path();
        if let Fault::UnknownKey { key, .. } = &error.fault {
            path.0.push(Segment::from(key));
        }
        if !follows_from_a_reported_one(tree, &path, &error.fault) {
            problems.push(problem(tree, &error));
        }
        // Each turn sets one more value aside, so the loop ends; a fault of the
        // whole tree ends it at once.
        match tree.get_mut(&path.0) {
            Some(node) if !path.0.is_empty() && !matches!(node.value, Value::Reported) => {
                node.value = Value::Reported;
            }
            _ => return Err(problems),
        }
    }
}

/// A fault that is only there because a value below was set aside: a key that
/// is now missing, or a mapping that is now empty.
fn follows_from_a_reported_one(tree: &Node, path: &KeyPath, fault: &Fault) -> bool {
    match (fault, tree.get(&path.0).map(|node| &node.value)) {
        (Fault::MissingKey(missing), Some(Value::Map(entries))) => entries
            .iter()
            .any(|(key, node)| key == missing && matches!(node.value, Value::Reported)),
        (Fault::Mismatch { .. }, Some(Value::Map(entries))) => entries
            .iter()
            .any(|(_, node)| matches!(node.value, Value::Reported)),
        _ => false,
    }
}

fn problem(tree: &Node, error: &Error) -> Problem {
    let path = error.path();
    let origin = error
        .origin
        .as_ref()
        .unwrap_or_else(|| tree.origin_of(&path.0))
        .clone();
    let what = if path.0.is_empty() {
        "the profile".to_owned()
    } else {
        path.to_string()
    };
    let message = match &error.fault {
        Fault::UnknownKey { key, known } => {
            let unknown = format!("unknown key {}", path.join(key));
            match nearest(key, known) {
                Some(near) => format!("{unknown}; did you mean {near}?"),
                None if known.is_empty() => format!("{unknown}; there are none here"),
                None => format!("{unknown}; the keys here are {}", known.join(", ")),
            }
        }
        Fault::MissingKey(key) => format!("{what} needs the key {key}"),
        Fault::Mismatch {
            expected,
            found: Some(found),
        } => {
            format!("{what} must be {expected}, not {found}")
        }
        Fault::Mismatch {
            expected,
            found: None,
        } => format!("{what} must be {expected}"),
        Fault::Other(message) => format!("{what}: {message}"),
    };
    Problem { origin, message }
}
