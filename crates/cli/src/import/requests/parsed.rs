//! A request as a source tells of it, and what is recorded of it.

use sha2::{Digest as _, Sha256};
use systemprompt_domain::event::{RequestContext, RequestFinished, Reserved};
use systemprompt_domain::ids::time_of;
use systemprompt_domain::text::bounded;
use systemprompt_domain::{
    Api, Nanos, RequestId, RequestState, SpanId, Tokens, TraceId, Usage, UsageSource,
};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Nothing that is priced happened before.
const FIRST: OffsetDateTime = datetime!(2020-01-01 00:00 UTC);

/// A request as a source tells of it.
#[derive(Debug)]
pub(super) struct Parsed {
    /// The source's id of it, by which a repeat is known.
    pub(super) id: String,
    pub(super) began: OffsetDateTime,
    pub(super) ended: Option<OffsetDateTime>,
    pub(super) first_byte: Option<OffsetDateTime>,
    pub(super) trace: Option<String>,
    pub(super) user: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) session: Option<String>,
    pub(super) provider: String,
    pub(super) api: Api,
    pub(super) model: String,
    pub(super) response: Option<String>,
    pub(super) tokens: Option<Tokens>,
    /// What went wrong, in a word; `None`: nothing.
    pub(super) failed: Option<String>,
    /// What the source says it cost.
    pub(super) cost: Option<Nanos>,
}

impl Parsed {
    /// What is recorded, and what the source says it cost.
    ///
    /// # Errors
    /// When its times cannot be.
    pub(super) fn request(
        self,
        source: &str,
        now: OffsetDateTime,
    ) -> Result<(RequestFinished, Option<Nanos>), String> {
        if self.began < FIRST || self.began > now {
            return Err(format!("it cannot have begun at {}", self.began));
        }
        let ended = self.ended.filter(|ended| *ended >= self.began);
        let hash: [u8; 32] = Sha256::new()
            .chain_update(source)
            .chain_update([0])
            .chain_update(&self.id)
            .finalize()
            .into();
        let (random, rest) = hash.split_first_chunk::<10>().expect("32 are more than 10");
        let (span, _) = rest.split_first_chunk::<8>().expect("22 are more than 8");
        let millis = self.began.unix_timestamp_nanos() / 1_000_000;
        let millis = u64::try_from(millis).expect("it is after 1970");
        let id = uuid::Builder::from_unix_timestamp_millis(millis, random).into_uuid();
        let created_at = time_of(id).expect("version 7 has a time");
        let trace = self.trace.as_deref().map(trace_of);
        let name = |text: Option<String>| {
            let text = text.map(|text| bounded(&text));
            text.filter(|text| !text.is_empty())
        };
        let context = RequestContext {
            id: RequestId(id),
            created_at,
            trace_id: TraceId(trace.unwrap_or(id)),
            span_id: SpanId(u64::from_le_bytes(*span).max(1)),
            parent_span_id: None,
            user: name(self.user),
            agent: name(self.agent),
            token: None,
            session_id: name(self.session.clone()),
            conversation_id: name(self.session),
            conversation_derived: false,
            provider: bounded(&self.provider),
            api: self.api,
            requested_model: Some(bounded(&self.model)),
            streamed: self.first_byte.is_some(),
            request_bytes: 0,
            reserved: Reserved::default(),
        };
        let state = match self.failed {
            Some(_) => RequestState::Failed,
            None => RequestState::Completed,
        };
        let usage = self.tokens.map(|tokens| Usage {
            tokens,
            ..Usage::default()
        });
        let usage = usage.filter(Usage::is_credible);
        let since = |at: OffsetDateTime| micros(at - self.began);
        let finished = RequestFinished {
            error_type: name(self.failed),
            response_id: name(self.response),
            usage_source: match usage {
                Some(_) => UsageSource::Provider,
                None => UsageSource::None,
            },
            usage: usage.unwrap_or_default(),
            latency_us: ended.map(since),
            ttfb_us: self
                .first_byte
                .filter(|at| *at >= self.began && ended.is_none_or(|ended| *at <= ended))
                .map(since),
            ..RequestFinished::unanswered(
                context,
                state,
                ended.unwrap_or(created_at).max(created_at),
            )
        };
        Ok((finished, self.cost))
    }
}

fn micros(of: Duration) -> u64 {
    u64::try_from(of.whole_microseconds()).unwrap_or(0)
}

/// A trace's id; of one that is none a hash.
fn trace_of(text: &str) -> Uuid {
    if let Ok(id) = Uuid::parse_str(text)
        && !id.is_nil()
    {
        return id;
    }
    let hash: [u8; 32] = Sha256::digest(text).into();
    let (half, _) = hash.split_first_chunk::<16>().expect("32 are more than 16");
    uuid::Builder::from_custom_bytes(*half).into_uuid()
}

/// Classes of tokens from a total of input: what the cache took part in is in it,
/// unless it would not fit.
pub(super) fn tokens(input: u64, output: u64, read: u64, write: u64, reasoning: u64) -> Tokens {
    let cached = read.saturating_add(write);
    Tokens {
        input: input.checked_sub(cached).unwrap_or(input),
        cache_read: read,
        cache_write_5m: write,
        output: output.checked_sub(reasoning).unwrap_or(output),
        reasoning,
        ..Tokens::default()
    }
}
