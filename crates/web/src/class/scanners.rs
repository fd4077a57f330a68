//! What intruders look for, and the tools they look with.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::rules::Table;
use crate::words::{OneOrMore, Word, Words};

/// The table as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScannersTable {
    version: String,
    #[serde(default)]
    replace: bool,
    missing: Option<Vec<u16>>,
    #[serde(default)]
    own: Vec<String>,
    #[serde(default)]
    paths: Vec<Word>,
    #[serde(default)]
    attacks: Vec<Word>,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default)]
    tools: BTreeMap<String, OneOrMore<Word>>,
    refused: Option<Refused>,
}

/// When many refusals make a scanner.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refused {
    requests: u32,
    share: f64,
}

impl Table for ScannersTable {
    fn version(&self) -> &str {
        &self.version
    }

    fn replaces(&self) -> bool {
        self.replace
    }
}

/// The table, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Scanners {
    missing: Vec<u16>,
    own: Vec<String>,
    paths: Words<()>,
    attacks: Words<()>,
    methods: Vec<String>,
    tools: Words<String>,
    refused: Refused,
}

impl Scanners {
    pub(crate) fn new(tables: Vec<ScannersTable>) -> Self {
        let missing = tables.iter().find_map(|table| table.missing.clone());
        let refused = tables.iter().find_map(|table| table.refused);
        let [mut own, mut methods] = [const { Vec::new() }; 2];
        let [mut paths, mut attacks] = [const { Vec::new() }; 2];
        let mut tools = Vec::new();
        for table in tables {
            own.extend(table.own);
            methods.extend(table.methods);
            paths.extend(table.paths.into_iter().map(|word| (word, ())));
            attacks.extend(table.attacks.into_iter().map(|word| (word, ())));
            for (tool, names) in table.tools {
                tools.extend(names.0.into_iter().map(|name| (name, tool.clone())));
            }
        }
        Self {
            missing: missing.unwrap_or_default(),
            own,
            paths: Words::new(paths),
            attacks: Words::new(attacks),
            methods,
            tools: Words::new(tools),
            // Never, where a table that replaces this one does not say.
            refused: refused.unwrap_or(Refused {
                requests: u32::MAX,
                share: 1.0,
            }),
        }
    }

    /// The scanning tool an agent names.
    pub(crate) fn tool(&self, agent: &str) -> Option<&str> {
        let (_, number, _) = self.tools.longest(agent)?;
        Some(self.tools.meaning(number))
    }

    /// Whether an answer says that there is no such thing.
    pub(crate) fn is_missing(&self, status: u16) -> bool {
        self.missing.contains(&status)
    }

    /// Whether a path is one of the site's own, whose users are no scanners.
    pub(crate) fn is_own(&self, target: &str) -> bool {
        let path = target.split(['?', '#']).next().unwrap_or(target);
        self.own.iter().any(|own| {
            path.strip_prefix(own.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Whether a request looks for what intruders look for.
    pub(crate) fn is_scan(&self, method: &str, target: &str, status: u16) -> bool {
        // Long targets are cut: what is looked for stands in front.
        let target = crate::text::start(target, 4_096);
        let decoded = decode(target);
        let any = |words: &Words<()>| words.any(target) || words.any(&decoded);
        if any(&self.attacks) {
            return true;
        }
        if self.is_own(target) || !self.is_missing(status) {
            return false;
        }
        self.methods.iter().any(|known| known == method) || any(&self.paths)
    }

    /// Whether so many refusals among so many requests for pages make a scanner.
    pub(super) fn is_mostly_refused(&self, requests: u32, refused: u32) -> bool {
        requests >= self.refused.requests
            && f64::from(refused) > f64::from(requests) * self.refused.share
    }
}

/// A target with its `%xx` read, once.
fn decode(target: &str) -> String {
    if !target.contains('%') {
        return target.to_owned();
    }
    let mut out = Vec::with_capacity(target.len());
    let mut bytes = target.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        if byte == b'%'
            && let (Some(high), Some(low)) = (digit(ahead.next()), digit(ahead.next()))
        {
            out.push(u8::try_from(high * 16 + low).expect("two hex digits are a byte"));
            bytes = ahead;
        } else {
            out.push(byte);
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
