//! AI requests among the events: those that another service made by itself, past the
//! gateway. What they cost is for this server to say.

use serde_json::{Map, Number, Value};
use sha2::{Digest as _, Sha256};
use systemprompt_domain::event::{RequestContext, RequestFinished, Reserved};
use systemprompt_domain::ids::time_of;
use systemprompt_domain::reported::Source;
use systemprompt_domain::text::bounded;
use systemprompt_domain::{
    Api, RequestId, RequestState, SpanId, TokenClass, TraceId, Usage, UsageSource,
};
use time::{Duration, OffsetDateTime};
use uuid::{Builder, Uuid};

use super::item::{Fields, Refused};
use super::tools::{MOST as MOST_OF_A_NUMBER, name, number, span};

/// Room that is set aside on disk for one. Everything in it is bounded so that it fits.
pub(super) const ROOM: u64 = 32 << 10;
/// The largest usage as the provider stated it, in bytes.
const RAW: usize = 8 << 10;
/// The most tools, other models and kinds of calls of one request.
pub(super) const MOST: usize = 16;

/// Interfaces whose answers are metered.
pub(super) const APIS: [Api; 6] = [
    Api::Messages,
    Api::ChatCompletions,
    Api::Responses,
    Api::Embeddings,
    Api::GenerateContent,
    Api::EmbedContent,
];

/// How a request that was made elsewhere can end: the others tell of this server.
pub(super) const STATES: [RequestState; 4] = [
    RequestState::Completed,
    RequestState::Failed,
    RequestState::ClientDisconnect,
    RequestState::UpstreamTimeout,
];

/// The members of `usage`.
const USAGE: [&str; 6] = [
    "tokens",
    "other_models",
    "calls",
    "service_tier",
    "speed",
    "region",
];

/// A request, not priced yet.
pub(super) fn request(
    fields: &mut Fields<'_>,
    source: Source,
    now: OffsetDateTime,
) -> Result<RequestFinished, Refused> {
    // A repeat is known by its row, which lies at its time.
    if !source.stamp.is_in_id() {
        let text =
            "must be a UUID of version 7 of the last seven days, and at most five minutes ahead";
        return Err(Refused::of("id", text));
    }
    let (id, own_span) = known_as(source.stamp.id.0);
    let created_at = source.stamp.at;
    let context = RequestContext {
        id: RequestId(id),
        created_at,
        trace_id: source.trace_id.unwrap_or(TraceId(id)),
        span_id: span(fields, "span_id")?.unwrap_or(own_span),
        parent_span_id: span(fields, "parent_span_id")?,
        user: source.user,
        agent: source.agent,
        token: source.token,
        session_id: text(fields, "session_id")?,
        conversation_id: text(fields, "conversation_id")?,
        conversation_derived: false,
        provider: name(fields, "provider")?,
        api: one_of(fields, "api", &APIS, |api| api.as_str())?,
        requested_model: text(fields, "requested_model")?,
        streamed: flag(fields, "streamed")?,
        request_bytes: number(fields, "request_bytes")?.unwrap_or(0),
        reserved: Reserved::default(),
    };
    let state = one_of(fields, "state", &STATES, |state| state.as_str())?;
    let latency_us = number(fields, "latency_us")?;
    let usage = usage(fields)?;
    let finished = latency_us
        .and_then(|us| Some(Duration::microseconds(i64::try_from(us).ok()?)))
        .and_then(|latency| created_at.checked_add(latency))
        .unwrap_or(created_at);
    Ok(RequestFinished {
        http_status: http_status(fields)?,
        error_type: text(fields, "error_type")?,
        error_code: text(fields, "error_code")?,
        finish_reason: text(fields, "finish_reason")?,
        tool_calls: tool_calls(fields)?,
        served_model: text(fields, "served_model")?,
        provider_request_id: text(fields, "provider_request_id")?,
        response_id: text(fields, "response_id")?,
        usage_source: match usage {
            Some(_) => UsageSource::Provider,
            None => UsageSource::None,
        },
        usage_injected: flag(fields, "usage_injected")?,
        usage: usage.unwrap_or_default(),
        raw_usage: fields.object("raw_usage", RAW)?,
        latency_us,
        ttfb_us: number(fields, "ttfb_us")?,
        response_bytes: number(fields, "response_bytes")?.unwrap_or(0),
        // It was reported after its end.
        ..RequestFinished::unanswered(context, state, finished.min(now).max(created_at))
    })
}

/// The id by which a request is known here, and digits for its span. Made of the
/// sender's: whoever took that of a request through the gateway, which its client
/// reads before the end, would else have it counted as told.
fn known_as(theirs: Uuid) -> (Uuid, SpanId) {
    let mut hash = Sha256::new();
    hash.update(b"reported request");
    hash.update(theirs.as_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    let (random, rest) = hash.split_first_chunk::<10>().expect("32 are more than 10");
    let (span, _) = rest.split_first_chunk::<8>().expect("22 are more than 8");
    let at = time_of(theirs).expect("its time is in it");
    let millis = u64::try_from(at.unix_timestamp_nanos() / 1_000_000).expect("after 1970");
    let id = Builder::from_unix_timestamp_millis(millis, random).into_uuid();
    (id, SpanId(u64::from_le_bytes(*span).max(1)))
}

/// Text as the gateway records it: short, without control characters.
fn text(fields: &mut Fields<'_>, field: &str) -> Result<Option<String>, Refused> {
    Ok(fields.text(field)?.as_deref().map(bounded))
}

fn flag(fields: &mut Fields<'_>, field: &str) -> Result<bool, Refused> {
    let flag = fields.take(field, "must be true or false")?;
    Ok(flag.unwrap_or(false))
}

fn one_of<T: Copy>(
    fields: &mut Fields<'_>,
    field: &str,
    known: &[T],
    named: impl Fn(T) -> &'static str,
) -> Result<T, Refused> {
    let name = fields.needed(field)?;
    let found = known.iter().copied().find(|one| named(*one) == name);
    found.ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|one| named(*one)).collect();
        Refused::of(field, format!("must be one of {}", names.join(", ")))
    })
}

fn http_status(fields: &mut Fields<'_>) -> Result<Option<u16>, Refused> {
    let refused = || Refused::of("http_status", "must be a status of HTTP, 100 to 599");
    match number(fields, "http_status").map_err(|_| refused())? {
        None => Ok(None),
        Some(status @ 100..600) => Ok(u16::try_from(status).ok()),
        Some(_) => Err(refused()),
    }
}

fn tool_calls(fields: &mut Fields<'_>) -> Result<Vec<String>, Refused> {
    let expected = "must be a list of names";
    let names: Option<Vec<String>> = fields.take("tool_calls", expected)?;
    let names = names.unwrap_or_default();
    if names.len() > MOST {
        return Err(Refused::of("tool_calls", format!("must be at most {MOST}")));
    }
    Ok(names.iter().map(|name| bounded(name)).collect())
}

/// What it used, as far as the provider said so.
fn usage(fields: &mut Fields<'_>) -> Result<Option<Usage>, Refused> {
    let refused = |reason: String| Refused::of("usage", reason);
    let expected = "must be an object with tokens by class";
    let Some(mut object) = fields.take::<Map<String, Value>>("usage", expected)? else {
        return Ok(None);
    };
    all_known(&object).map_err(refused)?;
    object.values_mut().for_each(as_written_whole);
    let usage: Usage = serde_json::from_value(Value::Object(object))
        .map_err(|error| refused(format!("{expected} ({error})")))?;
    if usage
        .other_models
        .iter()
        .any(|other| other.model.is_empty())
    {
        return Err(refused("must name its other models".to_owned()));
    }
    if !usage.is_credible() {
        return Err(refused("is more than one request can use".to_owned()));
    }
    if usage.other_models.len() > MOST || usage.calls.len() > MOST {
        return Err(refused(format!(
            "must have at most {MOST} other models and kinds of calls"
        )));
    }
    let short = |text: Option<String>| text.as_deref().map(bounded);
    let others = usage.other_models.into_iter().map(|mut other| {
        other.model = bounded(&other.model);
        other
    });
    let calls = usage.calls.into_iter();
    Ok(Some(Usage {
        tokens: usage.tokens,
        other_models: others.collect(),
        calls: calls.map(|(kind, n)| (bounded(&kind), n)).collect(),
        service_tier: short(usage.service_tier),
        speed: short(usage.speed),
        region: short(usage.region),
    }))
}

/// Whether everything in it is known: silence would lose the rest.
fn all_known(usage: &Map<String, Value>) -> Result<(), String> {
    let class = |name: &str| TokenClass::ALL.iter().any(|class| class.as_str() == name);
    let tokens = |within: &Map<String, Value>| match within.get("tokens") {
        None => Ok(()),
        Some(Value::Object(tokens)) => only(tokens, class),
        Some(_) => Err("must have tokens by class".to_owned()),
    };
    only(usage, |name| USAGE.contains(&name))?;
    tokens(usage)?;
    let others = usage.get("other_models").and_then(Value::as_array);
    others.into_iter().flatten().try_for_each(|other| {
        let other = other
            .as_object()
            .ok_or("must have other models as objects")?;
        only(other, |name| ["model", "tokens"].contains(&name))?;
        tokens(other)
    })
}

fn only(object: &Map<String, Value>, known: impl Fn(&str) -> bool) -> Result<(), String> {
    match object.keys().find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => Err(format!("{:?} is not known", bounded(name))),
    }
}

/// Whole numbers as whole numbers, however they are written: see [`number`].
fn as_written_whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().filter(|_| number.is_f64());
            let whole = |n: &f64| n.fract() == 0.0 && (0.0..=MOST_OF_A_NUMBER as f64).contains(n);
            if let Some(float) = float.filter(whole) {
                *number = Number::from(float as u64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(as_written_whole),
        Value::Object(members) => members.values_mut().for_each(as_written_whole),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
    use serde_json::value::to_raw_value;

    use super::*;

    #[test]
    fn an_id_of_the_gateways_is_none_of_ours() {
        let theirs = Uuid::now_v7();
        let (id, span) = known_as(theirs);
        assert_ne!(id, theirs);
        assert_eq!(time_of(id), time_of(theirs));
        assert_eq!(known_as(theirs), (id, span), "a repeat is the same");
        assert_ne!(known_as(Uuid::now_v7()).0, id);
    }

    fn read<T>(
        field: &str,
        value: &Value,
        read: impl Fn(&mut Fields<'_>) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let raw = to_raw_value(value).expect("JSON");
        read(&mut Fields(BTreeMap::from([(field.to_owned(), &*raw)])))
    }

    #[test]
    fn whole_numbers_are_taken_however_they_are_written() {
        let sent = json!({"tokens": {"input": 12.0}, "calls": {"web_search": 1e2},
            "other_models": [{"model": "m", "tokens": {"output": 3.0}}]});
        let read_usage = read("usage", &sent, usage);
        let found = read_usage.expect("taken").expect("stated");
        assert_eq!(found.tokens.input, 12);
        assert_eq!(found.calls["web_search"], 100);
        assert_eq!(found.other_models[0].tokens.output, 3);
        let status = |value| read("http_status", &value, http_status).map_err(drop);
        assert_eq!(status(json!(200.0)), Ok(Some(200)));
        assert_eq!(status(json!(null)), Ok(None));
        for wrong in [
            json!(99),
            json!(600),
            json!(65_736),
            json!(200.5),
            json!("200"),
        ] {
            assert_eq!(status(wrong), Err(()));
        }
    }

    #[test]
    fn usage_that_would_be_lost_or_misread_is_refused() {
        let other = |other: Value| json!({ "other_models": [other] });
        for wrong in [
            json!({"tokens": {"input": 0.5}}),
            json!({"tokens": {"input": -1}}),
            json!({"tokens": {"inputs": 1}}),
            json!({"tokens": {"input": 999_999_999, "output": 1}}),
            json!({"tokens": [1, 2]}),
            json!({"tokens": null}),
            json!({"calls": {"web_search": "1"}}),
            json!({"other_models": [["m", {}]]}),
            json!({"other_models": {}}),
            json!({"token": {}}),
            other(json!({"model": "", "tokens": {}})),
            other(json!({"tokens": {}})),
            other(json!({"model": "m", "tokens": {"inputs": 1}})),
            other(json!({"model": "m", "tokens": {}, "calls": {}})),
            json!([]),
        ] {
            assert!(read("usage", &wrong, usage).is_err(), "{wrong}");
        }
    }
}
