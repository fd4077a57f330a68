//! A demonstration's AI requests: conversations of a few turns, which agents have
//! on behalf of people, in traces with the tools they call.

use rand::RngExt as _;
use rand::rngs::StdRng;
use systemprompt_domain::event::{
    AuditCategory, AuditEvent, Outcome, RequestContext, RequestFinished, Reserved,
};
use systemprompt_domain::{
    Api, Event, RequestId, RequestState, SpanId, Tokens, TraceId, Usage, UsageSource,
};
use systemprompt_pricing::Catalogue;
use time::{Date, Duration, OffsetDateTime};

use super::cast::{AGENTS, Agent, MODELS, PEOPLE, about, choose, hour, normal, pick, weight};
use super::{DAYS, id_at, moment, tools};

/// Conversations of an ordinary day.
const CONVERSATIONS: f64 = 120.0;
/// How many days ago a provider had trouble, and in which hours.
const TROUBLE: (i64, std::ops::Range<u8>) = (12, 13..16);

/// The requests of a day that is over, or so far, and the tool calls they led to.
pub(super) fn day(
    random: &mut StdRng,
    catalogue: &Catalogue,
    day: Date,
    now: OffsetDateTime,
) -> Vec<Event> {
    let ago = (now.date() - day).whole_days();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few hundred
    let conversations = (CONVERSATIONS * weight(day, ago)).round() as usize;
    let mut ends = Vec::new();
    for _ in 0..conversations {
        let agent = &AGENTS[choose(random, &AGENTS, |agent| agent.weight)];
        let began = moment(day, hour(random, agent.nightly));
        conversation(random, catalogue, agent, began, ago, &mut ends);
    }
    // What is not over yet has not happened.
    ends.retain(|end| end.finished_at < now);
    ends.sort_by_key(|end| end.finished_at);
    let mut events = tools::listed(moment(day, 0.1).min(now), ago, ago + 1 == DAYS);
    for end in ends {
        let mut calls = tools::calls(random, &end);
        calls.retain(|call| matches!(call, Event::ToolCalled(call) if call.finished_at() < now));
        events.push(Event::RequestFinished(Box::new(end)));
        events.append(&mut calls);
    }
    let refusals = about(random, 2.0, 0.6);
    for _ in 0..refusals {
        let at = moment(day, random.random::<f64>() * 24.0);
        if at < now {
            events.push(Event::Audit(Box::new(refusal(random, at))));
        }
    }
    events
}

fn conversation(
    random: &mut StdRng,
    catalogue: &Catalogue,
    agent: &Agent,
    began: OffsetDateTime,
    ago: i64,
    ends: &mut Vec<RequestFinished>,
) {
    let user = PEOPLE[pick(random, PEOPLE.len())];
    let (model, _) = agent.models[choose(random, agent.models, |(_, weight)| *weight)];
    let conversation = format!("{:032x}", random.random::<u128>());
    let session = format!("session-{:08x}", random.random::<u32>());
    let turns = about(random, agent.turns, 0.5).min(20);
    let mut at = began;
    let mut behind = 0;
    let mut trace = TraceId(id_at(at));
    for turn in 0..turns {
        // A trace is a turn of a person; tools make it several requests.
        if turn > 0 && (agent.tools.is_empty() || random.random_bool(0.45)) {
            trace = TraceId(id_at(at));
        }
        let asked = Asked {
            agent,
            user,
            model,
            conversation: &conversation,
            session: &session,
            trace,
            at,
            behind,
            ago,
        };
        let end = asked.end(random, catalogue);
        behind += end.usage.tokens.input + end.usage.tokens.output;
        at = end.finished_at + Duration::milliseconds(about(random, 9_000.0, 0.9).cast_signed());
        ends.push(end);
    }
}

/// A request to be.
struct Asked<'a> {
    agent: &'a Agent,
    user: &'a str,
    model: usize,
    conversation: &'a str,
    session: &'a str,
    trace: TraceId,
    at: OffsetDateTime,
    /// Tokens of the turns before.
    behind: u64,
    ago: i64,
}

impl Asked<'_> {
    fn context(&self, random: &mut StdRng) -> RequestContext {
        let (provider, api, model) = MODELS[self.model];
        let id = RequestId(id_at(self.at));
        let named = !self.agent.name.is_empty();
        RequestContext {
            id,
            created_at: id.created_at().unwrap_or(self.at),
            trace_id: self.trace,
            span_id: SpanId(random.random::<u64>()),
            parent_span_id: None,
            user: (!self.agent.nightly).then(|| self.user.to_owned()),
            agent: named.then(|| self.agent.name.to_owned()),
            token: named.then(|| self.agent.name.to_owned()),
            session_id: Some(self.session.to_owned()),
            conversation_id: Some(self.conversation.to_owned()),
            conversation_derived: false,
            provider: provider.to_owned(),
            api,
            requested_model: Some(model.to_owned()),
            streamed: random.random_bool(0.7),
            request_bytes: about(random, self.agent.input * 4.0, 0.4),
            reserved: Reserved::default(),
        }
    }

    /// What goes wrong, if something does.
    fn trouble(&self, random: &mut StdRng) -> Option<(RequestState, Option<u16>, &'static str)> {
        let (provider, ..) = MODELS[self.model];
        let (day, hours) = TROUBLE;
        let down = provider == "anthropic" && self.ago == day && hours.contains(&self.at.hour());
        if random.random_bool(if down { 0.55 } else { 0.006 }) {
            return Some((RequestState::Failed, Some(529), "overloaded_error"));
        }
        let part: f64 = random.random();
        match part {
            part if part < 0.008 => Some((RequestState::Failed, Some(429), "rate_limit_error")),
            part if part < 0.011 => Some((RequestState::Failed, Some(500), "api_error")),
            part if part < 0.014 => Some((RequestState::UpstreamTimeout, None, "upstream_silent")),
            part if part < 0.020 => {
                Some((RequestState::ClientDisconnect, Some(200), "client_left"))
            }
            part if part < 0.022 => {
                Some((RequestState::Failed, Some(400), "invalid_request_error"))
            }
            _ => None,
        }
    }

    fn end(&self, random: &mut StdRng, catalogue: &Catalogue) -> RequestFinished {
        let context = self.context(random);
        let trouble = self.trouble(random);
        let tokens = match trouble {
            None => self.tokens(random),
            Some(_) => Tokens::default(),
        };
        let slow = [3.1, 2.2, 1.1, 2.4, 1.2, 0.9, 2.6, 1.4][self.model];
        let writing = tokens.output as f64 / 75.0;
        let (first, rest) = (slow * 320.0, slow * 180.0 + writing * 1_000.0);
        let ttfb = about(random, first * 1_000.0, 0.35);
        let latency = ttfb + about(random, rest * 1_000.0, 0.3);
        let usage = Usage {
            tokens,
            ..Usage::default()
        };
        let model = context.requested_model.clone();
        let cost = trouble.is_none().then(|| {
            let (provider, at) = (&context.provider, context.created_at);
            catalogue.cost(provider, model.as_deref(), model.as_deref(), at, &usage)
        });
        let cost = cost.flatten();
        let tools = self.agent.tools;
        let calls = trouble.is_none() && !tools.is_empty() && random.random_bool(0.55);
        let tool = calls.then(|| tools[pick(random, tools.len())].to_owned());
        let finish = match (context.api, calls) {
            (Api::Messages, true) => "tool_use",
            (Api::Messages, false) => "end_turn",
            (Api::GenerateContent, _) => "STOP",
            (_, true) => "tool_calls",
            _ => "stop",
        };
        let finished_at = context.created_at + Duration::microseconds(latency.cast_signed());
        let (state, status, kind) = match trouble {
            Some((state, status, kind)) => (state, status, Some(kind.to_owned())),
            None => (RequestState::Completed, Some(200), None),
        };
        RequestFinished {
            http_status: status,
            error_type: kind,
            finish_reason: trouble.is_none().then(|| finish.to_owned()),
            tool_calls: tool.into_iter().collect(),
            served_model: model.filter(|_| trouble.is_none()),
            provider_request_id: Some(format!("demo_{:024x}", random.random::<u64>())),
            usage_source: match trouble {
                None => UsageSource::Provider,
                Some(_) => UsageSource::None,
            },
            usage,
            price_version: cost.as_ref().map(|cost| cost.price_version.clone()),
            cost: cost.map(|cost| cost.total),
            latency_us: Some(latency),
            ttfb_us: status.map(|_| ttfb),
            response_bytes: tokens.output * 5,
            ..RequestFinished::unanswered(context, state, finished_at)
        }
    }

    fn tokens(&self, random: &mut StdRng) -> Tokens {
        let input = about(random, self.agent.input, 0.5);
        let cached = self.behind > 0 && random.random_bool(0.8);
        let reasons = matches!(self.model, 3 | 6) && random.random_bool(0.7);
        let (provider, ..) = MODELS[self.model];
        Tokens {
            input,
            cache_read: if cached { self.behind } else { 0 },
            cache_write_5m: match provider == "anthropic" && random.random_bool(0.35) {
                true => input / 2,
                false => 0,
            },
            output: about(random, self.agent.output, 0.55),
            reasoning: match reasons {
                true => about(random, self.agent.output * 1.2, 0.5),
                false => 0,
            },
            ..Tokens::default()
        }
    }
}

/// Somebody who was not let in.
fn refusal(random: &mut StdRng, at: OffsetDateTime) -> AuditEvent {
    let network = format!("198.51.{}.0/24", random.random_range(0..8_u8));
    let (category, event, reason) = match random.random_range(0..3_u8) {
        0 => (
            AuditCategory::Authentication,
            "auth_failed",
            "unknown_token",
        ),
        1 => (AuditCategory::Authorization, "permission_denied", "scope"),
        _ => (
            AuditCategory::Authentication,
            "auth_failed",
            "expired_token",
        ),
    };
    let count = 1 + (normal(random).abs() * 2.0).round().min(20.0) as u64;
    AuditEvent {
        category,
        event: event.to_owned(),
        at,
        user: None,
        agent: None,
        token: None,
        trace_id: None,
        outcome: Outcome::Denied,
        detail: [
            ("network".to_owned(), network),
            ("reason".to_owned(), reason.to_owned()),
            ("count".to_owned(), count.to_string()),
        ]
        .into(),
        count,
    }
}
