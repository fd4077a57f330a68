//! Every recorded body gives the numbers the providers stated, however it is
//! cut.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use systemprompt_domain::api::Api;
use systemprompt_domain::usage::{OtherModel, Tokens};
use systemprompt_meters::{Ending, Meter, Outcome};

use crate::support::{EVENTS, JSON, meter_pieces, random_pieces};

/// A line of the index, by column.
struct Recording(BTreeMap<String, String>);

impl Recording {
    fn all() -> Vec<Self> {
        let path = folder().join("index.tsv");
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(b'\t')
            .from_path(&path)
            .unwrap_or_else(|error| panic!("the recordings are needed at {path:?}: {error}"));
        let rows: Vec<_> = reader
            .deserialize()
            .map(|row| Self(row.expect("a line of the index")))
            .collect();
        assert_eq!(rows.len(), 493, "the index is complete");
        rows
    }

    fn get(&self, column: &str) -> Option<&str> {
        Some(self.0[column].as_str()).filter(|text| !text.is_empty())
    }

    fn file(&self) -> &str {
        &self.0["file"]
    }

    fn count(&self, column: &str) -> u64 {
        self.get(column)
            .map_or(0, |count| count.parse().expect("a count"))
    }

    fn body(&self) -> Vec<u8> {
        std::fs::read(folder().join(self.file())).expect("a recorded body")
    }

    fn api(&self) -> Api {
        match self.0["api"].as_str() {
            "messages" => Api::Messages,
            "chat" => Api::ChatCompletions,
            "responses" => Api::Responses,
            "embeddings" => Api::Embeddings,
            "generateContent" | "streamGenerateContent" => Api::GenerateContent,
            other => panic!("an unknown interface {other}"),
        }
    }

    fn is_stream(&self) -> bool {
        self.0["stream"] == "sse"
    }

    fn meter(&self) -> Meter {
        let status = self
            .get("http_status")
            .map_or(200, |status| status.parse().expect("one"));
        let content_type = if self.is_stream() { EVENTS } else { JSON };
        Meter::new(self.api(), status, content_type, "")
    }

    /// The provider's numbers in our classes, computed from the raw columns.
    fn tokens(&self) -> Tokens {
        let (input, output) = (self.count("input_raw"), self.count("output_raw"));
        let (cache_read, written) = (self.count("cache_read"), self.count("cache_write"));
        let (reasoning, tool_input) = (self.count("reasoning"), self.count("tool_prompt"));
        let (audio_input, audio_output) = (self.count("audio_in"), self.count("audio_out"));
        let mut tokens = Tokens {
            input,
            cache_read,
            tool_input,
            reasoning,
            audio_input,
            audio_output,
            ..Tokens::default()
        };
        match self.api() {
            Api::Messages => {
                tokens.cache_write_1h = self.count("cache_write_1h");
                tokens.cache_write_5m = written - tokens.cache_write_1h;
                tokens.output = output - reasoning;
            }
            Api::GenerateContent => {
                tokens.input = input - cache_read - audio_input;
                tokens.output = output - audio_output;
            }
            _ => {
                tokens.cache_write_5m = written;
                tokens.input = input - cache_read - written - audio_input;
                tokens.output = output - reasoning - audio_output;
            }
        }
        // What the top level leaves out, by hand: two compactions.
        match self.file().rsplit('/').next() {
            Some("pyai__test_anthropic_compaction_usage_with_cache_streaming.sse") => {
                tokens.input += 100;
                tokens.output += 83;
                tokens.cache_read += 55_096;
            }
            Some("vai__anthropic-compaction.1.json") => {
                tokens.input += 60_385;
                tokens.output += 592;
            }
            _ => {}
        }
        tokens
    }

    fn check(&self, outcome: &Outcome) {
        let file = self.file();
        let usage = outcome.usage.as_ref();
        assert_eq!(usage.is_some(), self.get("raw_usage").is_some(), "{file}");
        if let Some(usage) = usage {
            assert_eq!(usage.tokens, self.tokens(), "{file}");
        }
        let raw: Option<Value> = outcome.raw_usage.as_deref().map(parse);
        assert_eq!(raw, self.get("raw_usage").map(parse), "{file}");

        // The stream opens with the model that then declined.
        let fell_back = file.ends_with("/vai__anthropic-fallback.sse");
        let model = if fell_back {
            Some("claude-opus-4-8")
        } else {
            self.get("response_model")
        };
        assert_eq!(outcome.served_model.as_deref(), model, "{file}");
        assert_eq!(
            outcome.response_id.as_deref(),
            self.get("response_id"),
            "{file}"
        );
        assert_eq!(
            outcome.finish_reason.as_deref(),
            self.get("finish"),
            "{file}"
        );

        let error = outcome.error.as_ref();
        let named = [
            error.and_then(|e| e.code.as_deref()),
            error.and_then(|e| e.kind.as_deref()),
        ];
        match self.get("error") {
            Some(expected) => {
                assert!(named.contains(&Some(expected)), "{file}: {error:?}");
                assert_eq!(outcome.ending, Ending::Errored, "{file}");
            }
            None => {
                assert_eq!(error, None, "{file}");
                assert_eq!(outcome.ending, Ending::Terminal, "{file}");
            }
        }
        assert!(outcome.decodable);
        self.check_tier(outcome);
        self.check_total(outcome);
    }

    fn check_tier(&self, outcome: &Outcome) {
        let Some(usage) = &outcome.usage else { return };
        let expected = match self.get("service_tier") {
            Some("ON_DEMAND") => None,
            Some("ON_DEMAND_FLEX") => Some("flex"),
            Some("PROVISIONED_THROUGHPUT") => Some("provisioned"),
            other => other,
        };
        assert_eq!(usage.service_tier.as_deref(), expected, "{}", self.file());
    }

    /// No token is lost or counted twice: the classes add up to the total the
    /// provider states, where it does.
    fn check_total(&self, outcome: &Outcome) {
        if let (Some(usage), Some(total)) = (&outcome.usage, self.get("total")) {
            let sum = usage.tokens.input_total() + usage.tokens.output_total();
            assert_eq!(sum.to_string(), total, "{}", self.file());
        }
    }
}

fn folder() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join("recordings")
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn every_recording_gives_the_providers_numbers() {
    for recording in Recording::all() {
        let body = recording.body();
        let (outcome, _) = meter_pieces(recording.meter(), std::iter::once(body.as_slice()));
        recording.check(&outcome);
    }
}

#[test]
fn however_a_recording_is_cut_the_outcome_is_the_same() {
    for recording in Recording::all() {
        let body = recording.body();
        let (whole, held) = meter_pieces(recording.meter(), std::iter::once(body.as_slice()));
        let cuts = if recording.is_stream() { 100 } else { 5 };
        for seed in 0..cuts {
            let (outcome, held_later) = meter_pieces(recording.meter(), random_pieces(&body, seed));
            assert_eq!(outcome, whole, "{} cut by {seed}", recording.file());
            assert_eq!(held.is_some(), held_later.is_some(), "{}", recording.file());
            assert!(held <= held_later, "{}", recording.file());
        }
    }
}

#[test]
fn a_stream_is_held_from_its_terminal_event() {
    for recording in Recording::all()
        .iter()
        .filter(|recording| recording.is_stream())
    {
        let body = recording.body();
        let (_, held) = meter_pieces(recording.meter(), std::iter::once(body.as_slice()));
        let text = String::from_utf8(body).expect("recordings are text");
        let end = match recording.api() {
            Api::Messages => text.find("event: message_stop\n"),
            Api::Responses => text.find("event: response.completed\n"),
            Api::ChatCompletions => text.find("data: [DONE]"),
            _ => None,
        };
        assert_eq!(held, end, "{}", recording.file());
        assert_eq!(held.is_none(), recording.api() == Api::GenerateContent);
    }
}

#[test]
fn a_stream_that_breaks_off_is_open() {
    for recording in Recording::all()
        .iter()
        .filter(|recording| recording.is_stream())
    {
        let body = recording.body();
        // Some fixtures are several answers in a row: cut within the first.
        let (_, held) = meter_pieces(recording.meter(), std::iter::once(body.as_slice()));
        let cut = held.unwrap_or(body.len()) / 2;
        let (outcome, _) = meter_pieces(recording.meter(), std::iter::once(&body[..cut]));
        assert_eq!(outcome.ending, Ending::Open, "{}", recording.file());
    }
}

#[test]
fn advice_is_counted_for_the_model_that_gave_it() {
    let recordings = Recording::all();
    let advised = |r: &&Recording| {
        r.file()
            .ends_with("/vai__anthropic-advisor-20260301.1.json")
    };
    let recording = recordings.iter().find(advised).expect("recorded");
    let body = recording.body();
    let (outcome, _) = meter_pieces(recording.meter(), std::iter::once(body.as_slice()));
    let tokens = Tokens {
        input: 2728,
        output: 874,
        ..Tokens::default()
    };
    let advisor = OtherModel {
        model: "claude-opus-4-7".to_owned(),
        tokens,
    };
    assert_eq!(outcome.usage.expect("stated").other_models, [advisor]);
}
