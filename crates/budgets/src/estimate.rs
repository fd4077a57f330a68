//! What a request is taken to cost before it is answered.

use std::collections::{HashMap, VecDeque};

use systemprompt_config::Reserve;
use systemprompt_domain::usage::Usage;
use systemprompt_domain::{Nanos, Tokens};
use systemprompt_pricing::Catalogue;
use time::OffsetDateTime;

/// Bytes of a body that are one token, at the least: JSON and other languages
/// than English are denser than prose.
const BYTES_A_TOKEN: u64 = 3;
/// No model reads more; a longer body is mostly images, which cost less.
const MOST_INPUT: u64 = 1_000_000;
/// The output of an agent of whose requests too few were seen.
const UNKNOWN_OUTPUT: u64 = 4_096;
/// The output in the worst case where the request states no limit.
const UNLIMITED_OUTPUT: u64 = 65_536;
/// Requests of an agent that are remembered, and how many are enough to judge by.
const REMEMBERED: usize = 64;
const ENOUGH: usize = 8;
/// Agents and models that are remembered; beyond, they count as unknown.
const MOST_KEYS: usize = 10_000;

/// What is known of a request before it is answered.
#[derive(Clone, Copy, Debug)]
pub struct Outlook<'a> {
    /// The provider's name in the configuration.
    pub provider: &'a str,
    /// The model that was asked for.
    pub model: Option<&'a str>,
    /// The agent that asks.
    pub agent: Option<&'a str>,
    /// When it began.
    pub at: OffsetDateTime,
    /// Size of its body in bytes.
    pub bytes: u64,
    /// The most output tokens it allows.
    pub max_tokens: Option<u64>,
}

/// How much output agents get from models, learnt from their latest requests.
#[derive(Clone, Debug, Default)]
pub struct Estimates {
    /// By model, then by agent.
    outputs: HashMap<String, HashMap<String, Outputs>>,
    keys: usize,
}

/// The outputs of the latest requests of one agent to one model.
#[derive(Clone, Debug, Default)]
struct Outputs {
    latest: VecDeque<u64>,
    sorted: Vec<u64>,
}

impl Outputs {
    fn push(&mut self, output: u64) {
        if self.latest.len() == REMEMBERED
            && let Some(oldest) = self.latest.pop_front()
        {
            self.sorted.remove(self.place(oldest));
        }
        self.latest.push_back(output);
        self.sorted.insert(self.place(output), output);
    }

    /// Where the first that is not smaller stands.
    fn place(&self, output: u64) -> usize {
        self.sorted.partition_point(|other| *other < output)
    }

    fn p95(&self) -> Option<u64> {
        let known = self.sorted.len();
        (known >= ENOUGH).then(|| self.sorted[(known * 95).div_ceil(100) - 1])
    }
}

impl Estimates {
    /// Remembers what a request got.
    pub fn learn(&mut self, agent: Option<&str>, model: &str, output: u64) {
        let agent = agent.unwrap_or_default();
        let known = self.outputs.get_mut(model).and_then(|m| m.get_mut(agent));
        if let Some(outputs) = known {
            return outputs.push(output);
        }
        if self.keys < MOST_KEYS {
            self.keys += 1;
            let model = self.outputs.entry(model.to_owned()).or_default();
            model.entry(agent.to_owned()).or_default().push(output);
        }
    }

    /// What to reserve for a request; nothing if its model has no price, since
    /// then it will not count either.
    #[must_use]
    pub fn reservation(
        &self,
        catalogue: &Catalogue,
        outlook: &Outlook<'_>,
        reserve: Reserve,
    ) -> Nanos {
        let usage = Usage {
            tokens: Tokens {
                input: (outlook.bytes / BYTES_A_TOKEN + 1).min(MOST_INPUT),
                output: self.output(outlook, reserve),
                ..Tokens::default()
            },
            ..Usage::default()
        };
        catalogue
            .cost(outlook.provider, None, outlook.model, outlook.at, &usage)
            .map_or(Nanos::ZERO, |cost| cost.total)
    }

    fn output(&self, outlook: &Outlook<'_>, reserve: Reserve) -> u64 {
        let likely = match reserve {
            Reserve::WorstCase => return outlook.max_tokens.unwrap_or(UNLIMITED_OUTPUT),
            Reserve::Typical => self
                .p95(outlook)
                .map_or(UNKNOWN_OUTPUT, |p95| p95.saturating_mul(2)),
        };
        outlook.max_tokens.map_or(likely, |most| most.min(likely))
    }

    fn p95(&self, outlook: &Outlook<'_>) -> Option<u64> {
        let model = self.outputs.get(outlook.model?)?;
        model.get(outlook.agent.unwrap_or_default())?.p95()
    }
}
