//! Exports of requests, made up: spend logs of LiteLLM in each form, and observations of
//! Langfuse. Written as they are made: a large one fits no memory.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use serde_json::{Value, json};
use time::format_description::BorrowedFormatItem;
use time::macros::{datetime, format_description};
use time::{Duration, OffsetDateTime};

/// Days over which requests lie.
const DAYS: i64 = 90;
const MODELS: [(&str, &str); 5] = [
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-haiku-4-5"),
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("gemini", "gemini-2.5-flash"),
];
const COLUMNS: [&str; 17] = [
    "request_id",
    "call_type",
    "spend",
    "total_tokens",
    "prompt_tokens",
    "completion_tokens",
    "startTime",
    "endTime",
    "completionStartTime",
    "model",
    "custom_llm_provider",
    "user",
    "metadata",
    "cache_hit",
    "team_id",
    "session_id",
    "status",
];
/// As PostgreSQL's `copy` writes it; Langfuse puts a T in place of the space.
const AT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]");

/// What an export is and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    LitellmCsv,
    LitellmLines,
    LitellmArray,
    Langfuse,
}

impl Form {
    /// The command that imports it, and what it is called here.
    pub(super) const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::LitellmCsv => ("litellm", "LiteLLM, CSV"),
            Self::LitellmLines => ("litellm", "LiteLLM, JSON Lines"),
            Self::LitellmArray => ("litellm", "LiteLLM, JSON array"),
            Self::Langfuse => ("langfuse", "Langfuse, JSON Lines"),
        }
    }

    /// Writes an export of `n` requests. The same at every run.
    pub(super) fn write(self, n: u32, path: &Path) -> anyhow::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        if self == Self::LitellmCsv {
            writeln!(file, "{}", COLUMNS.join(","))?;
        }
        for one in 0..n {
            let request = Request::new(one, n);
            match self {
                Self::LitellmCsv => writeln!(file, "{}", row(&request.litellm()))?,
                Self::LitellmLines => writeln!(file, "{}", request.litellm())?,
                Self::LitellmArray => {
                    let before = if one == 0 { '[' } else { ',' };
                    writeln!(file, "{before}{}", request.litellm())?;
                }
                Self::Langfuse => writeln!(file, "{}", request.langfuse())?,
            }
        }
        if self == Self::LitellmArray {
            writeln!(file, "]")?;
        }
        file.flush()?;
        Ok(())
    }
}

struct Request {
    number: u32,
    /// Without a pattern, and the same at every run.
    mixed: u32,
    began: OffsetDateTime,
}

impl Request {
    fn new(number: u32, of: u32) -> Self {
        let step = Duration::days(DAYS) / of.max(1);
        Self {
            number,
            mixed: number.wrapping_mul(2_654_435_761),
            began: datetime!(2026-03-02 0:00 UTC) + step * number,
        }
    }

    /// When it began, its first token came, and it ended.
    fn times(&self) -> [String; 3] {
        let first = i64::from(200 + self.mixed % 300);
        let all = first + i64::from(self.mixed % 9_000);
        [0, first, all].map(|millis| {
            let at = self.began + Duration::milliseconds(millis);
            at.format(AT).expect("a time of this century")
        })
    }

    /// Tokens of input, of these from the cache, and of output.
    const fn tokens(&self) -> (u32, u32, u32) {
        let input = 200 + (self.mixed >> 5) % 20_000;
        let cached = if self.mixed & 64 == 0 { 0 } else { input / 2 };
        (input, cached, 20 + (self.mixed >> 9) % 1_500)
    }

    /// Several requests are one conversation.
    const fn session(&self) -> u32 {
        self.number / 8
    }

    fn litellm(&self) -> Value {
        let (input, cached, output) = self.tokens();
        let [began, first, ended] = self.times();
        let mixed = self.mixed;
        let (provider, model) = MODELS[mixed as usize % MODELS.len()];
        json!({
            "request_id": format!("chatcmpl-{:08x}-{mixed:08x}", self.number),
            "call_type": "acompletion",
            "spend": f64::from(input + 5 * output) / 1e6,
            "total_tokens": input + output, "prompt_tokens": input, "completion_tokens": output,
            "startTime": began, "endTime": ended, "completionStartTime": first,
            "model": format!("{provider}/{model}"), "custom_llm_provider": provider,
            "user": format!("user-{}", mixed % 500),
            "metadata": {
                "user_api_key_alias": format!("key-{}", mixed % 40),
                "usage_object": {
                    "prompt_tokens": input, "completion_tokens": output,
                    "prompt_tokens_details": {"cached_tokens": cached},
                },
            },
            "cache_hit": "False",
            "team_id": format!("team-{}", mixed % 20),
            "session_id": format!("session-{}", self.session()),
            "status": if mixed.is_multiple_of(97) { "failure" } else { "success" },
        })
    }

    fn langfuse(&self) -> Value {
        let (input, cached, output) = self.tokens();
        let [began, first, ended] = self.times().map(|at| at.replace(' ', "T") + "Z");
        let mixed = self.mixed;
        json!({
            "id": format!("{:08x}-{mixed:08x}", self.number), "type": "GENERATION",
            "traceId": format!("{:032x}", self.session() + 1),
            "startTime": began, "completionStartTime": first, "endTime": ended,
            "model": MODELS[mixed as usize % MODELS.len()].1,
            // Exports hold them; they are read over.
            "input": "What is the answer? ".repeat(10), "output": "It depends. ".repeat(20),
            "userId": format!("user-{}", mixed % 500), "traceName": format!("agent-{}", mixed % 20),
            "sessionId": format!("session-{}", self.session()),
            "usageDetails": {"input": input - cached, "input_cached_tokens": cached,
                "output": output, "total": input + output},
            "costDetails": {"total": f64::from(input + 5 * output) / 1e6},
        })
    }
}

/// A spend log as a row of CSV: what is nested is JSON in it.
fn row(log: &Value) -> String {
    let fields = COLUMNS.map(|column| match &log[column] {
        Value::String(text) => text.clone(),
        Value::Object(members) => {
            let text = serde_json::to_string(members).expect("JSON is text");
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        other => other.to_string(),
    });
    fields.join(",")
}
