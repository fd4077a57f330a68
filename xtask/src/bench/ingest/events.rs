//! Events as an organisation makes them: agents that prefer a model, users that
//! prefer an agent, conversations of a few turns, log-normal latencies, now and
//! then an error. The same at every run but for the ids and the moment.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use systemprompt_capture::Spool;
use systemprompt_domain::event::{RequestContext, RequestFinished, RequestStarted, Reserved};
use systemprompt_domain::ids::BootId;
use systemprompt_domain::{
    Api, Event, Nanos, RequestId, RequestState, SpanId, Tokens, TraceId, Usage, UsageSource,
};
use time::{Date, Duration, OffsetDateTime};
use uuid::{NoContext, Timestamp, Uuid};

const USERS: usize = 200;
const AGENTS: usize = 20;
/// Requests a second, as far as their times say.
const RATE: i64 = 50;
/// Turns of a conversation, on average.
const TURNS: f64 = 5.0;
const ERRORS: f64 = 0.02;

const MODELS: [(&str, Api, &str); 12] = [
    ("anthropic", Api::Messages, "claude-opus-4-5-20251101"),
    ("anthropic", Api::Messages, "claude-sonnet-4-5-20250929"),
    ("anthropic", Api::Messages, "claude-haiku-4-5-20251001"),
    ("anthropic", Api::Messages, "claude-sonnet-4-20250514"),
    ("openai", Api::Responses, "gpt-5-2025-08-07"),
    ("openai", Api::Responses, "gpt-5-mini-2025-08-07"),
    ("openai", Api::ChatCompletions, "gpt-4.1-2025-04-14"),
    ("openai", Api::ChatCompletions, "gpt-4o-mini-2024-07-18"),
    ("gemini", Api::GenerateContent, "gemini-2.5-pro"),
    ("gemini", Api::GenerateContent, "gemini-2.5-flash"),
    ("gemini", Api::GenerateContent, "gemini-2.5-flash-lite"),
    ("gemini", Api::GenerateContent, "gemini-2.0-flash"),
];

/// Fills the spool, events in the order in which they would happen; says how
/// many bytes of JSON they are.
pub(in crate::bench) async fn fill(spool: &Spool, requests: usize) -> u64 {
    let mut random = StdRng::seed_from_u64(1);
    let boot = BootId::new();
    let mut conversations = BTreeMap::new();
    // Ends that are yet to happen, by their moment.
    let mut ends: BTreeMap<(OffsetDateTime, Uuid), RequestFinished> = BTreeMap::new();
    let mut bytes = 0;
    let began = OffsetDateTime::now_utc() - span(requests);
    for n in 0..requests {
        let at = began
            + Duration::seconds(1) * i32::try_from(n).expect("a few million at most")
                / i32::try_from(RATE).expect("small");
        while let Some(end) = ends.first_entry().filter(|end| end.key().0 <= at) {
            bytes += append(spool, &Event::RequestFinished(Box::new(end.remove())));
        }
        let context = context(&mut random, &mut conversations, at);
        let end = finish(&mut random, context.clone());
        ends.insert((end.finished_at, end.context.id.0), end);
        bytes += append(
            spool,
            &Event::RequestStarted(Box::new(RequestStarted { context, boot })),
        );
        if n % 1_000 == 999 {
            spool.flush().await;
        }
    }
    for end in ends.into_values() {
        bytes += append(spool, &Event::RequestFinished(Box::new(end)));
    }
    spool.flush().await;
    bytes
}

/// The days on which the requests began, with one to spare on both sides.
pub(super) fn days(requests: usize) -> Vec<Date> {
    let now = OffsetDateTime::now_utc();
    let first = (now - span(requests)).date().previous_day();
    let days = std::iter::successors(first, |day| day.next_day());
    days.take_while(|day| now.date().next_day().is_none_or(|last| *day <= last))
        .collect()
}

fn span(requests: usize) -> Duration {
    Duration::seconds(i64::try_from(requests).expect("a few million at most") / RATE + 60)
}

fn append(spool: &Spool, event: &Event) -> u64 {
    let payload = serde_json::to_vec(event).expect("events hold only what JSON can say");
    spool.append(&payload, false);
    payload.len() as u64
}

fn context(
    random: &mut StdRng,
    conversations: &mut BTreeMap<usize, String>,
    at: OffsetDateTime,
) -> RequestContext {
    // Some users do much more than others.
    let user = pick(random, USERS, 2.0);
    // Each user has a few agents, each agent a few models.
    let agent = (user * 7 + pick(random, 3, 3.0)) % AGENTS;
    let (provider, api, model) = MODELS[(agent * 5 + pick(random, 3, 3.0)) % MODELS.len()];
    let fresh = random.random_bool(1.0 / TURNS);
    let conversation = conversations.entry(user).or_default();
    if fresh || conversation.is_empty() {
        *conversation = format!("{:032x}", random.random::<u128>());
    }
    let id = RequestId(v7(at));
    RequestContext {
        id,
        created_at: id.created_at().expect("made with a time"),
        trace_id: TraceId(v7(at)),
        span_id: SpanId(random.random::<u64>()),
        parent_span_id: None,
        user: Some(format!("user-{user:03}@example.com")),
        agent: Some(format!("agent-{agent:02}")),
        token: Some(format!("token-{agent:02}")),
        session_id: None,
        conversation_id: Some(conversation.clone()),
        conversation_derived: true,
        provider: provider.to_owned(),
        api,
        requested_model: Some(model.to_owned()),
        streamed: random.random_bool(0.7),
        request_bytes: log_normal(random, 9.0, 1.0),
        reserved: Reserved::default(),
    }
}

fn finish(random: &mut StdRng, context: RequestContext) -> RequestFinished {
    let failed = random.random_bool(ERRORS);
    // Half of all answers take more than 2.4 s.
    let latency = log_normal(random, 14.7, 0.8);
    let ttfb = latency / 5;
    let (input, output) = (log_normal(random, 7.5, 1.2), log_normal(random, 5.5, 1.0));
    let cache_read = if random.random_bool(0.4) {
        input * 3
    } else {
        0
    };
    let model = context.requested_model.clone();
    let tokens = Tokens {
        input,
        output,
        cache_read,
        ..Tokens::default()
    };
    let (status, kind) = [
        (429, "rate_limit_error"),
        (500, "api_error"),
        (529, "overloaded_error"),
    ][pick(random, 3, 1.0)];
    RequestFinished {
        finished_at: context.created_at + Duration::microseconds(latency.cast_signed()),
        state: if failed {
            RequestState::Failed
        } else {
            RequestState::Completed
        },
        http_status: Some(if failed { status } else { 200 }),
        error_type: failed.then(|| kind.to_owned()),
        error_code: None,
        finish_reason: (!failed).then(|| "end_turn".to_owned()),
        tool_calls: if random.random_bool(0.2) {
            vec!["read_file".to_owned()]
        } else {
            Vec::new()
        },
        served_model: model.filter(|_| !failed),
        provider_request_id: Some(format!("req_{:024x}", random.random::<u64>())),
        response_id: (!failed).then(|| format!("msg_{:024x}", random.random::<u64>())),
        usage_source: if failed {
            UsageSource::None
        } else {
            UsageSource::Provider
        },
        usage_injected: false,
        raw_usage: (!failed).then(|| raw_usage(&tokens)),
        usage: if failed {
            Usage::default()
        } else {
            Usage {
                tokens,
                service_tier: Some("standard".to_owned()),
                ..Usage::default()
            }
        },
        cost: (!failed)
            .then(|| Nanos((input * 3_000 + cache_read * 300 + output * 15_000).cast_signed())),
        price_version: (!failed).then(|| "5f3a9c01d2e4b687".to_owned()),
        other_price_versions: Vec::new(),
        latency_us: Some(latency),
        ttfb_us: Some(ttfb),
        response_bytes: output * 6,
        context,
    }
}

fn raw_usage(tokens: &Tokens) -> String {
    let Tokens {
        input,
        output,
        cache_read,
        ..
    } = tokens;
    format!(
        r#"{{"input_tokens":{input},"cache_creation_input_tokens":0,"cache_read_input_tokens":{cache_read},"cache_creation":{{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}},"output_tokens":{output},"service_tier":"standard"}}"#
    )
}

/// A number below `n`, small ones more often the larger the `skew`.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn pick(random: &mut StdRng, n: usize, skew: f64) -> usize {
    ((random.random::<f64>().powf(skew) * n as f64) as usize).min(n - 1)
}

/// A log-normal number: `exp(mu + sigma × standard normal)`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn log_normal(random: &mut StdRng, mu: f64, sigma: f64) -> u64 {
    let (u, v) = (random.random::<f64>(), random.random::<f64>());
    let normal = (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
    (mu + sigma * normal).exp() as u64
}

fn v7(at: OffsetDateTime) -> Uuid {
    Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        at.unix_timestamp().cast_unsigned(),
        at.nanosecond(),
    ))
}
