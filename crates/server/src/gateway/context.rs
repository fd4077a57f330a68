//! Attribution: whose request it is, in which session, conversation and trace.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, StatusCode};
use sha2::Sha256;
use systemprompt_domain::event::{RequestContext, Reserved};
use systemprompt_domain::text::bounded;
use systemprompt_domain::trace::TraceParent;
use systemprompt_domain::{Api, RequestId, SpanId, TraceId};
use systemprompt_meters::RequestFacts;

use super::errors::GatewayError;
use crate::auth::Identity;

/// Responses whose conversation is remembered, so that one that continues them
/// joins it.
const REMEMBERED: usize = 10_000;

/// Fills in who and where.
#[derive(Debug)]
pub(super) struct Attribution {
    conversation_key: [u8; 32],
    remembered: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    conversations: HashMap<String, String>,
    order: VecDeque<String>,
}

impl Attribution {
    pub(super) fn new(conversation_key: [u8; 32]) -> Self {
        Self {
            conversation_key,
            remembered: Mutex::default(),
        }
    }

    /// What the head of a request says.
    pub(super) fn begin(
        &self,
        headers: &HeaderMap,
        identity: &Identity,
        provider: &str,
        api: Api,
    ) -> Result<RequestContext, GatewayError> {
        let named = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?.trim();
            (!value.is_empty()).then(|| bounded(value))
        };
        let agent = match named("x-systemprompt-agent") {
            Some(agent) if identity.may_act_for(&agent) => Some(agent),
            Some(agent) => {
                return Err(GatewayError::new(
                    StatusCode::FORBIDDEN,
                    "systemprompt_agent",
                    format!("this systemprompt token may not act for the agent {agent:?}"),
                ));
            }
            None => identity.agent.clone(),
        };
        let parent = headers
            .get("traceparent")
            .and_then(|value| value.to_str().ok()?.parse::<TraceParent>().ok());
        let id = RequestId::new();
        Ok(RequestContext {
            id,
            created_at: id.created_at().expect("the id was made with a time"),
            trace_id: parent.map_or_else(TraceId::new, |parent| parent.trace_id),
            span_id: SpanId(rand::random::<u64>().max(1)),
            parent_span_id: parent.map(|parent| parent.parent),
            user: identity.user.clone(),
            agent,
            token: identity.token.clone(),
            session_id: named("x-systemprompt-session"),
            conversation_id: named("x-systemprompt-conversation"),
            conversation_derived: false,
            provider: provider.to_owned(),
            api,
            requested_model: None,
            streamed: false,
            request_bytes: 0,
            reserved: Reserved::default(),
        })
    }

    /// What the body adds, where the head did not say it.
    pub(super) fn refine(&self, context: &mut RequestContext, facts: &RequestFacts) {
        facts.refine(context);
        if context.conversation_id.is_none() {
            context.conversation_id = facts.conversation.as_deref().map(|named| {
                self.remembered()
                    .conversations
                    .get(named)
                    .cloned()
                    .unwrap_or_else(|| bounded(named))
            });
        }
        if context.conversation_id.is_none() {
            context.conversation_id = self.derive(context, facts);
            context.conversation_derived = context.conversation_id.is_some();
        }
    }

    /// Remembers that an answer belongs to a conversation: the next turn may
    /// name the answer only (`previous_response_id`).
    pub(super) fn remember(&self, response_id: &str, conversation: &str) {
        let mut remembered = self.remembered();
        if remembered.order.len() >= REMEMBERED
            && let Some(oldest) = remembered.order.pop_front()
        {
            remembered.conversations.remove(&oldest);
        }
        if remembered
            .conversations
            .insert(response_id.to_owned(), conversation.to_owned())
            .is_none()
        {
            remembered.order.push_back(response_id.to_owned());
        }
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A keyed hash of how the conversation opens: equal for all its turns, and
    /// of no use to who does not have the key.
    fn derive(&self, context: &RequestContext, facts: &RequestFacts) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.conversation_key)
            .expect("HMAC takes keys of any length");
        mac.update(context.token.as_deref().unwrap_or("").as_bytes());
        let mut any = false;
        for part in facts.opening() {
            any = true;
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        if !any {
            return None;
        }
        let hash = mac.finalize().into_bytes();
        Some(
            hash[..16]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }
}

/// Puts our span into the trace context that goes upstream, if the client sent
/// one; providers that trace then hang their spans below ours.
pub(super) fn propagate(context: &RequestContext, upstream: &mut HeaderMap) {
    if context.parent_span_id.is_none() {
        return;
    }
    let value = format!("00-{}-{}-01", context.trace_id, context.span_id);
    if let Ok(value) = HeaderValue::from_str(&value) {
        upstream.insert("traceparent", value);
    }
}
