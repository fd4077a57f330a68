//! The tree of settings before it is typed: every value knows where it was
//! written, so that an error found at the very end can still name the line.

use std::fmt;
use std::sync::Arc;

use crate::path::Segment;

/// Where a value was written: a file and line, a flag, an environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The file as the user knows it, or `--set a.b=…`, or a variable's name.
    pub(crate) source: Arc<str>,
    /// The line, from 1; `None` where there are no lines.
    pub(crate) line: Option<usize>,
}

impl Origin {
    /// A place without lines.
    pub(crate) fn of(source: &str) -> Self {
        Self {
            source: source.into(),
            line: None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

/// A value and where it was written. The value of a key has the key's line.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) origin: Origin,
    pub(crate) value: Value,
}

/// An untyped value. Scalars keep their text: what a number is, only the typed
/// setting knows, and money never becomes a float.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Nothing: `key:`, `~`, `null`, or text that expanded to nothing.
    Null,
    /// Any scalar.
    Scalar {
        text: String,
        /// Whether part of it came from the environment or a flag of its own:
        /// it is not expanded again, and as it may be a secret, not quoted.
        from_outside: bool,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in file order; the parser refuses duplicate keys.
    Map(Vec<(String, Node)>),
    /// A value that was reported already and is passed over from then on.
    Reported,
}

impl Node {
    /// The value one step down.
    fn child(&self, segment: &Segment) -> Option<&Self> {
        match (&self.value, segment) {
            (Value::Map(entries), Segment::Key(key)) => entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, node)| node),
            (Value::List(items), Segment::Index(index)) => items.get(*index),
            _ => None,
        }
    }

    fn child_mut(&mut self, segment: &Segment) -> Option<&mut Self> {
        match (&mut self.value, segment) {
            (Value::Map(entries), Segment::Key(key)) => entries
                .iter_mut()
                .find(|(name, _)| name == key)
                .map(|(_, node)| node),
            (Value::List(items), Segment::Index(index)) => items.get_mut(*index),
            _ => None,
        }
    }

    /// The value at a path.
    pub(crate) fn get(&self, path: &[Segment]) -> Option<&Self> {
        path.iter()
            .try_fold(self, |node, segment| node.child(segment))
    }

    /// The value at a path, to change it.
    pub(crate) fn get_mut(&mut self, path: &[Segment]) -> Option<&mut Self> {
        path.iter()
            .try_fold(self, |node, segment| node.child_mut(segment))
    }

    /// Where the value at a path was written; for a value nobody wrote, where
    /// the nearest mapping around it was.
    pub(crate) fn origin_of(&self, path: &[Segment]) -> &Origin {
        let mut node = self;
        for segment in path {
            match node.child(segment) {
                Some(child) => node = child,
                None => break,
            }
        }
        &node.origin
    }

    /// Lays another tree over this one: mappings are joined key by key,
    /// everything else is replaced. A key without a value hides no mapping.
    pub(crate) fn overlay(&mut self, over: Self) {
        match (&mut self.value, over.value) {
            (Value::Map(entries), Value::Map(over_entries)) => {
                for (key, node) in over_entries {
                    match entries.iter_mut().find(|(name, _)| *name == key) {
                        // Credentials are one choice: `{file: …}` over
                        // `{env: …}` must not become both.
                        Some((_, base)) if key != "credentials" => base.overlay(node),
                        Some((_, base)) => *base = node,
                        None => entries.push((key, node)),
                    }
                }
                self.origin = over.origin;
            }
            (Value::Map(_) | Value::List(_), Value::Null) => {}
            (_, value) => {
                *self = Self {
                    origin: over.origin,
                    value,
                }
            }
        }
    }

    /// Puts a value at a path and makes the mappings on the way there. Fails
    /// with the number of segments that could be walked when the path leads
    /// through a list that has no such item.
    pub(crate) fn set(&mut self, path: &[Segment], node: Self) -> Result<(), usize> {
        let mut at = self;
        for (depth, segment) in path.iter().enumerate() {
            if let Segment::Key(key) = segment {
                if !matches!(at.value, Value::Map(_)) {
                    at.value = Value::Map(Vec::new());
                }
                if let Value::Map(entries) = &mut at.value
                    && !entries.iter().any(|(name, _)| name == key)
                {
                    let origin = node.origin.clone();
                    entries.push((
                        key.clone(),
                        Self {
                            origin,
                            value: Value::Null,
                        },
                    ));
                }
            }
            at = at.child_mut(segment).ok_or(depth)?;
        }
        *at = node;
        Ok(())
    }
}
