//! Many words looked for in a text at once, whatever their case, with a say
//! about what may stand beside them.
//!
//! A word stands for itself: letters or digits beside it make it another word.
//! `*` at an end lifts that there (`*bot`, `Yandex*`); `^` wants the start of
//! the text, `$` its end.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde::{Deserialize, Deserializer};

/// What may stand at one end of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    /// Anything that makes no longer word.
    Word,
    /// Anything.
    Any,
    /// Nothing: the text begins or ends here.
    Text,
}

/// A word as tables write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    text: String,
    before: Edge,
    after: Edge,
}

impl Word {
    /// The word itself.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn parse(written: &str) -> Result<Self, &'static str> {
        let (before, rest) = match written.as_bytes().first() {
            Some(b'*') => (Edge::Any, &written[1..]),
            Some(b'^') => (Edge::Text, &written[1..]),
            _ => (Edge::Word, written),
        };
        let (after, text) = match rest.as_bytes().last() {
            Some(b'*') => (Edge::Any, &rest[..rest.len() - 1]),
            Some(b'$') => (Edge::Text, &rest[..rest.len() - 1]),
            _ => (Edge::Word, rest),
        };
        if text.len() < 2 || text.len() > 80 {
            return Err("a word has 2 to 80 characters");
        }
        if text.contains('*') {
            return Err("a star stands at an end of a word, not inside");
        }
        if !text.bytes().all(|b| (b' '..=b'~').contains(&b)) || text.trim() != text {
            return Err("a word is of ASCII letters, digits and signs, without space at its ends");
        }
        Ok(Self {
            text: text.to_owned(),
            before,
            after,
        })
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        Self::parse(&written)
            .map_err(|reason| serde::de::Error::custom(format!("{written:?}: {reason}")))
    }
}

/// One word, or a list of them.
#[derive(Clone, Debug)]
pub(crate) struct OneOrMore<T>(pub(crate) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMore<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Either<T> {
            type Value = OneOrMore<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a word or a list of words")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                let one = T::deserialize(serde::de::value::StrDeserializer::new(text))?;
                Ok(OneOrMore(vec![one]))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = seq.next_element()? {
                    all.push(one);
                }
                Ok(OneOrMore(all))
            }
        }
        deserializer.deserialize_any(Either(std::marker::PhantomData))
    }
}

/// Words, each with what it means.
#[derive(Clone, Debug)]
pub(crate) struct Words<T> {
    automaton: AhoCorasick,
    words: Vec<(Word, T)>,
}

impl<T> Words<T> {
    pub(crate) fn new(words: Vec<(Word, T)>) -> Self {
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(words.iter().map(|(word, _)| &word.text))
            .expect("tables are far smaller than an automaton can be");
        Self { automaton, words }
    }

    /// Every word found, where it stands and its number in the table.
    pub(crate) fn all<'a>(
        &'a self,
        text: &'a str,
    ) -> impl Iterator<Item = (Range<usize>, usize, &'a T)> {
        self.automaton
            .find_overlapping_iter(text)
            .filter(|found| {
                let (word, _) = &self.words[found.pattern().as_usize()];
                stands(text, found.range(), word)
            })
            .map(|found| {
                let number = found.pattern().as_usize();
                (found.range(), number, &self.words[number].1)
            })
    }

    /// Whether any word is there.
    pub(crate) fn any(&self, text: &str) -> bool {
        self.all(text).next().is_some()
    }

    /// The longest word found; of equally long ones the first of the table.
    pub(crate) fn longest<'a>(&'a self, text: &'a str) -> Option<(Range<usize>, usize, &'a T)> {
        self.all(text)
            .max_by_key(|(range, number, _)| (range.len(), std::cmp::Reverse(*number)))
    }

    pub(crate) fn meaning(&self, number: usize) -> &T {
        &self.words[number].1
    }

    pub(crate) fn word(&self, number: usize) -> &Word {
        &self.words[number].0
    }
}

fn stands(text: &str, at: Range<usize>, word: &Word) -> bool {
    let bytes = text.as_bytes();
    let joined = |edge: usize, beside: Option<&u8>| {
        bytes[edge].is_ascii_alphanumeric() && beside.is_some_and(u8::is_ascii_alphanumeric)
    };
    let before = match word.before {
        Edge::Any => true,
        Edge::Text => at.start == 0,
        Edge::Word => {
            let beside = at.start.checked_sub(1).and_then(|i| bytes.get(i));
            !joined(at.start, beside)
        }
    };
    let after = match word.after {
        Edge::Any => true,
        Edge::Text => at.end == bytes.len(),
        Edge::Word => !joined(at.end - 1, bytes.get(at.end)),
    };
    before && after
}
