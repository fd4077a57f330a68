//! Key paths: how errors name a setting and how `--set` addresses one.

use std::fmt;
use std::str::FromStr;

/// One step down the tree of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Key(String),
    Index(usize),
}

impl From<&str> for Segment {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<&String> for Segment {
    fn from(key: &String) -> Self {
        Self::Key(key.clone())
    }
}

impl From<usize> for Segment {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// The way from the top of the profile to a setting, as in
/// `analytics.alerts[0].threshold`. A key with a dot in it is quoted:
/// `custom_pricing."gpt-4.1".input_per_1k`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyPath(pub(crate) Vec<Segment>);

/// Builds a [`KeyPath`] from keys and indexes.
macro_rules! key_path {
    ($($segment:expr),+) => {
        $crate::path::KeyPath(vec![$($crate::path::Segment::from($segment)),+])
    };
}
pub(crate) use key_path;

impl KeyPath {
    /// The path one step further down.
    pub(crate) fn join(&self, segment: impl Into<Segment>) -> Self {
        let mut longer = self.clone();
        longer.0.push(segment.into());
        longer
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => {
                    if depth > 0 {
                        f.write_str(".")?;
                    }
                    if key.is_empty() || key.contains(['.', '[', ']', '"', '=']) {
                        write!(f, "\"{key}\"")?;
                    } else {
                        f.write_str(key)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A text that is no key path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidKeyPath;

impl FromStr for KeyPath {
    type Err = InvalidKeyPath;

    fn from_str(text: &str) -> Result<Self, InvalidKeyPath> {
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            // A key, quoted or plain; then any number of indexes.
            let key;
            (key, rest) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or(InvalidKeyPath)?,
                None => rest.split_at(rest.find(['.', '[', ']', '"']).unwrap_or(rest.len())),
            };
            if key.is_empty() {
                return Err(InvalidKeyPath);
            }
            segments.push(Segment::from(key));
            while let Some(index) = rest.strip_prefix('[') {
                let (index, after) = index.split_once(']').ok_or(InvalidKeyPath)?;
                segments.push(Segment::Index(index.parse().map_err(|_| InvalidKeyPath)?));
                rest = after;
            }
            if rest.is_empty() {
                return Ok(Self(segments));
            }
            rest = rest.strip_prefix('.').ok_or(InvalidKeyPath)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_it_is_written() {
        for text in [
            "server",
            "analytics.alerts[0].threshold",
            r#"a."gpt-4.1".b"#,
            "a[1][2]",
        ] {
            let path: KeyPath = text.parse().expect(text);
            assert_eq!(path.to_string(), text);
        }
        assert_eq!(key_path!["a", 3, "b.c"].to_string(), r#"a[3]."b.c""#);
    }

    #[test]
    fn refuses_what_is_no_path() {
        for text in [
            "", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[1]b", "\"a", "a]",
        ] {
            assert_eq!(text.parse::<KeyPath>(), Err(InvalidKeyPath), "{text}");
        }
    }
}
