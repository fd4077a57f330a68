//! What a request used: disjoint token classes and billed calls.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// A class of tokens with a price of its own. Classes are disjoint: a token is
/// counted in exactly one, so that a cost is one dot product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenClass {
    /// Input that was neither cached nor audio.
    Input,
    /// Input read from the provider's prompt cache.
    CacheRead,
    /// Input written to the cache for five minutes, or for no stated time.
    #[serde(rename = "cache_write_5m")]
    CacheWrite5m,
    /// Input written to the cache for one hour.
    #[serde(rename = "cache_write_1h")]
    CacheWrite1h,
    /// Audio input (not cached).
    AudioInput,
    /// Input that a provider-run tool added (Gemini `toolUsePromptTokenCount`).
    ToolInput,
    /// Output other than reasoning and audio.
    Output,
    /// Reasoning ("thinking") output.
    Reasoning,
    /// Audio output.
    AudioOutput,
}

impl TokenClass {
    /// Every class, in the order of [`Tokens`]' fields.
    pub const ALL: [Self; 9] = [
        Self::Input,
        Self::CacheRead,
        Self::CacheWrite5m,
        Self::CacheWrite1h,
        Self::AudioInput,
        Self::ToolInput,
        Self::Output,
        Self::Reasoning,
        Self::AudioOutput,
    ];

    /// The name used in answers, price tables and columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CacheRead => "cache_read",
            Self::CacheWrite5m => "cache_write_5m",
            Self::CacheWrite1h => "cache_write_1h",
            Self::AudioInput => "audio_input",
            Self::ToolInput => "tool_input",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::AudioOutput => "audio_output",
        }
    }

    /// Whether the class belongs to the input side (all others are output).
    #[must_use]
    pub const fn is_input(self) -> bool {
        !matches!(self, Self::Output | Self::Reasoning | Self::AudioOutput)
    }
}

/// Token counts by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tokens {
    /// [`TokenClass::Input`]
    #[serde(skip_serializing_if = "is_zero")]
    pub input: u64,
    /// [`TokenClass::CacheRead`]
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_read: u64,
    /// [`TokenClass::CacheWrite5m`]
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write_5m: u64,
    /// [`TokenClass::CacheWrite1h`]
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write_1h: u64,
    /// [`TokenClass::AudioInput`]
    #[serde(skip_serializing_if = "is_zero")]
    pub audio_input: u64,
    /// [`TokenClass::ToolInput`]
    #[serde(skip_serializing_if = "is_zero")]
    pub tool_input: u64,
    /// [`TokenClass::Output`]
    #[serde(skip_serializing_if = "is_zero")]
    pub output: u64,
    /// [`TokenClass::Reasoning`]
    #[serde(skip_serializing_if = "is_zero")]
    pub reasoning: u64,
    /// [`TokenClass::AudioOutput`]
    #[serde(skip_serializing_if = "is_zero")]
    pub audio_output: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Tokens {
    /// The count of one class.
    #[must_use]
    pub const fn get(&self, class: TokenClass) -> u64 {
        match class {
            TokenClass::Input => self.input,
            TokenClass::CacheRead => self.cache_read,
            TokenClass::CacheWrite5m => self.cache_write_5m,
            TokenClass::CacheWrite1h => self.cache_write_1h,
            TokenClass::AudioInput => self.audio_input,
            TokenClass::ToolInput => self.tool_input,
            TokenClass::Output => self.output,
            TokenClass::Reasoning => self.reasoning,
            TokenClass::AudioOutput => self.audio_output,
        }
    }

    /// The count of one class, to change it.
    #[must_use]
    pub const fn get_mut(&mut self, class: TokenClass) -> &mut u64 {
        match class {
            TokenClass::Input => &mut self.input,
            TokenClass::CacheRead => &mut self.cache_read,
            TokenClass::CacheWrite5m => &mut self.cache_write_5m,
            TokenClass::CacheWrite1h => &mut self.cache_write_1h,
            TokenClass::AudioInput => &mut self.audio_input,
            TokenClass::ToolInput => &mut self.tool_input,
            TokenClass::Output => &mut self.output,
            TokenClass::Reasoning => &mut self.reasoning,
            TokenClass::AudioOutput => &mut self.audio_output,
        }
    }

    /// All input classes together. Long-context price tiers are chosen on it.
    #[must_use]
    pub fn input_total(&self) -> u64 {
        self.total_where(TokenClass::is_input)
    }

    /// All output classes together.
    #[must_use]
    pub fn output_total(&self) -> u64 {
        self.total_where(|class| !class.is_input())
    }

    fn total_where(&self, wanted: impl Fn(TokenClass) -> bool) -> u64 {
        TokenClass::ALL
            .into_iter()
            .filter(|class| wanted(*class))
            .fold(0, |sum, class| sum.saturating_add(self.get(class)))
    }
}

impl AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        for class in TokenClass::ALL {
            let n = self.get_mut(class);
            *n = n.saturating_add(other.get(class));
        }
    }
}

/// Where the token counts come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The provider stated them.
    Provider,
    /// We estimated them.
    Estimated,
    /// Nobody stated them: absent is not zero.
    #[default]
    None,
}

impl UsageSource {
    /// The name used in answers and in the `usage_source` column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Estimated => "estimated",
            Self::None => "none",
        }
    }
}

/// Tokens that a request used on a model other than the one that served it
/// (Anthropic's advisor, for one). They have that model's price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherModel {
    /// The model's name as the provider states it.
    pub model: String,
    /// What it used.
    pub tokens: Tokens,
}

/// Everything a provider stated about what a request used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens of the model that served the request.
    pub tokens: Tokens,
    /// Tokens of other models in the same request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_models: Vec<OtherModel>,
    /// Calls that may be billed apart from tokens, by kind: `web_search`,
    /// `web_fetch`, `file_search`, `code_interpreter`, `image_generation`,
    /// `mcp`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub calls: BTreeMap<String, u64>,
    /// The service tier that was really used, as the provider states it
    /// (`standard`, `default`, `batch`, `flex`, `priority` …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// Anthropic's `speed` (`standard`, `fast`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<String>,
    /// Where inference ran, if the provider states it (`us`, `eu`, `global`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// More tokens, or billed calls, than any one request can have used.
pub const INCREDIBLE: u64 = 1_000_000_000;

impl Usage {
    /// Whether the numbers can be true. Those that cannot would drown every sum
    /// they are added to, so callers treat such usage as not stated.
    #[must_use]
    pub fn is_credible(&self) -> bool {
        let total = self.total();
        let calls = self
            .calls
            .values()
            .fold(0, |sum: u64, n| sum.saturating_add(*n));
        total.input_total().saturating_add(total.output_total()) < INCREDIBLE && calls < INCREDIBLE
    }

    /// Tokens of all models together.
    #[must_use]
    pub fn total(&self) -> Tokens {
        let mut total = self.tokens;
        for other in &self.other_models {
            total += other.tokens;
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incredible_numbers_are_seen() {
        let of = |input, output| Usage {
            tokens: Tokens {
                input,
                output,
                ..Tokens::default()
            },
            ..Usage::default()
        };
        assert!(of(2_000_000, 128_000).is_credible());
        assert!(!of(u64::MAX, u64::MAX).is_credible());
        assert!(!of(0, INCREDIBLE).is_credible());
    }
}
