//! A `reqwest` client whose calls to AI providers are recorded: what each used, which
//! model served it, how it ended. It meters as a systemprompt gateway does, with the
//! same meters; no gateway has to be on the way.
//!
//! Bytes pass untouched and unbuffered, with one exception that can be turned off
//! ([`LlmClientBuilder::include_usage`]): a chat stream of an OpenAI-like host says what
//! it used only if it is asked to, so it is asked, and the event that answers is taken
//! out again. Prompts and answers are not recorded.

mod exchange;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HeaderValue};
use reqwest::{Client, Error, IntoUrl, Request, RequestBuilder, Response, Url};
use systemprompt_domain::api::{Api, Wire};
use systemprompt_domain::event::{RequestContext, Reserved};
use systemprompt_domain::text::bounded;
use systemprompt_domain::trace::TraceParent;
use systemprompt_domain::{RequestId, SpanId, TraceId};
use systemprompt_meters::{Call, classify, inject_include_usage, read_request};

use self::exchange::Exchange;
use crate::recorder::Recorder;

/// Room that is set aside on disk for a request; what is recorded is bounded so that
/// it fits.
const ROOM: u64 = 32 * 1024;

/// Providers that are known without being told.
const KNOWN: [(&str, Wire, &str); 3] = [
    ("anthropic", Wire::Anthropic, "https://api.anthropic.com"),
    ("openai", Wire::OpenAi, "https://api.openai.com"),
    (
        "gemini",
        Wire::Gemini,
        "https://generativelanguage.googleapis.com",
    ),
];

/// Whose a request is, and what it belongs to. What a request's body or headers say
/// (`traceparent`, the provider's own field for users) counts where this says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attribution {
    /// The user.
    pub user: Option<String>,
    /// The agent: the server's token must be allowed to report on it.
    pub agent: Option<String>,
    /// The session.
    pub session: Option<String>,
    /// The conversation.
    pub conversation: Option<String>,
    /// The span that the request was made in.
    pub trace: Option<TraceParent>,
}

impl Attribution {
    /// Nobody's, belonging to nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The user.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>) -> Self {
        self.user = Some(name.into());
        self
    }

    /// The agent.
    #[must_use]
    pub fn agent(mut self, name: impl Into<String>) -> Self {
        self.agent = Some(name.into());
        self
    }

    /// The session.
    #[must_use]
    pub fn session(mut self, id: impl Into<String>) -> Self {
        self.session = Some(id.into());
        self
    }

    /// The conversation.
    #[must_use]
    pub fn conversation(mut self, id: impl Into<String>) -> Self {
        self.conversation = Some(id.into());
        self
    }

    /// The span that the requests are made in.
    #[must_use]
    pub const fn trace(mut self, parent: TraceParent) -> Self {
        self.trace = Some(parent);
        self
    }

    /// This, and where it says nothing, the other.
    fn or(self, other: &Self) -> Self {
        Self {
            user: self.user.or_else(|| other.user.clone()),
            agent: self.agent.or_else(|| other.agent.clone()),
            session: self.session.or_else(|| other.session.clone()),
            conversation: self.conversation.or_else(|| other.conversation.clone()),
            trace: self.trace.or(other.trace),
        }
    }
}

/// A provider, by where it is.
#[derive(Clone, Debug)]
struct Provider {
    name: String,
    wire: Wire,
    base: Url,
}

impl Provider {
    /// The path below the provider's base, if the address is there.
    fn path<'a>(&self, url: &'a Url) -> Option<&'a str> {
        let place = |url: &Url| {
            (
                url.host_str().map(str::to_owned),
                url.port_or_known_default(),
            )
        };
        let here = url.scheme() == self.base.scheme() && place(url) == place(&self.base);
        let below = url
            .path()
            .strip_prefix(self.base.path().trim_end_matches('/'))?;
        (here && below.starts_with('/')).then_some(below)
    }
}

/// Makes an [`LlmClient`].
#[derive(Clone, Debug)]
#[must_use]
pub struct LlmClientBuilder {
    client: Client,
    recorder: Recorder,
    providers: Vec<Provider>,
    attribution: Attribution,
    include_usage: bool,
}

impl LlmClientBuilder {
    /// Records what is asked of one more host, under this name, by which the server
    /// knows its prices. `base` is what stands before the paths that the wire format's
    /// inventor has: `https://api.groq.com/openai` for
    /// `https://api.groq.com/openai/v1/chat/completions`.
    ///
    /// # Errors
    /// When `base` is no address.
    pub fn provider(
        mut self,
        name: impl Into<String>,
        wire: Wire,
        base: impl IntoUrl,
    ) -> Result<Self, Error> {
        self.providers.push(Provider {
            name: bounded(&name.into()),
            wire,
            base: base.into_url()?,
        });
        Ok(self)
    }

    /// Whose the requests are, unless a handle says otherwise
    /// ([`LlmClient::attributed`]).
    pub fn attribution(mut self, attribution: Attribution) -> Self {
        self.attribution = attribution;
        self
    }

    /// Whether chat streams of OpenAI-like hosts are asked what they used, where the
    /// caller does not say: they are, unless this is `false`. Without it such a stream
    /// is recorded without usage and cost.
    pub const fn include_usage(mut self, ask: bool) -> Self {
        self.include_usage = ask;
        self
    }

    /// The client.
    #[must_use]
    pub fn build(self) -> LlmClient {
        LlmClient {
            client: self.client,
            recorder: self.recorder,
            providers: self.providers.into(),
            attribution: Arc::new(self.attribution),
            include_usage: self.include_usage,
        }
    }
}

/// A `reqwest` client whose calls to AI providers are recorded. Other calls pass as they
/// are. Clones share everything.
///
/// A request is recorded when its answer has been read to its end, or dropped, or did
/// not come. Where the spool has no room, it is made all the same and counted as
/// [unrecorded](Recorder::unrecorded).
///
/// ```no_run
/// # async fn example(client: reqwest::Client, recorder: systemprompt_capture::Recorder) -> Result<(), reqwest::Error> {
/// use systemprompt_capture::llm::{Attribution, LlmClient};
///
/// let llm = LlmClient::new(client, recorder).attributed(Attribution::new().agent("summariser"));
/// let ask = llm
///     .post("https://api.anthropic.com/v1/messages")
///     .header("x-api-key", "…")
///     .header("anthropic-version", "2023-06-01")
///     .body(r#"{"model":"claude-sonnet-4-5","max_tokens":64,"messages":[{"role":"user","content":"Hi"}]}"#);
/// let answer = llm.send(ask).await?.text().await?;
/// # drop(answer);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LlmClient {
    client: Client,
    recorder: Recorder,
    providers: Arc<[Provider]>,
    attribution: Arc<Attribution>,
    include_usage: bool,
}

impl LlmClient {
    /// Records what `client` asks of Anthropic, OpenAI and Gemini.
    #[must_use]
    pub fn new(client: Client, recorder: Recorder) -> Self {
        Self::builder(client, recorder).build()
    }

    /// The same, with more to say.
    pub fn builder(client: Client, recorder: Recorder) -> LlmClientBuilder {
        let known = KNOWN.into_iter().map(|(name, wire, base)| Provider {
            name: name.to_owned(),
            wire,
            base: base.parse().expect("an address of ours is one"),
        });
        LlmClientBuilder {
            client,
            recorder,
            providers: known.collect(),
            attribution: Attribution::default(),
            include_usage: true,
        }
    }

    /// A handle on the same client whose requests are somebody's; what is not said
    /// stays as it was.
    #[must_use]
    pub fn attributed(&self, attribution: Attribution) -> Self {
        Self {
            attribution: Arc::new(attribution.or(&self.attribution)),
            ..self.clone()
        }
    }

    /// Begins a POST, to be sent with [`LlmClient::send`]: one that is sent by itself is
    /// not recorded.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.client.post(url)
    }

    /// Sends what was begun and records it.
    ///
    /// # Errors
    /// Those of the client.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let (_, request) = request.build_split();
        self.execute(request?).await
    }

    /// Sends a request and records it.
    ///
    /// # Errors
    /// Those of the client.
    pub async fn execute(&self, mut request: Request) -> Result<Response, Error> {
        let Some(exchange) = self.begin(&mut request).await else {
            return self.client.execute(request).await;
        };
        match self.client.execute(request).await {
            Ok(response) => Ok(exchange.answered(response)),
            Err(error) => {
                exchange.unanswered(&error);
                Err(error)
            }
        }
    }

    /// Looks at a request that is about to leave; `None` if it is nothing to record, or
    /// there is no room to.
    async fn begin(&self, request: &mut Request) -> Option<Exchange> {
        // Those that were named last may lie within others.
        let (provider, path) = self
            .providers
            .iter()
            .rev()
            .find_map(|provider| Some((provider, provider.path(request.url())?)))?;
        let call = classify(provider.wire, request.method().as_str(), path);
        let Call::Metered { api, model, stream } = call else {
            return None;
        };
        let admission = self.recorder.admit_soon(ROOM).await?;
        let mut context = self.context(request, &provider.name, api);
        context.requested_model = model.as_deref().map(bounded);
        context.streamed = stream;
        let mut injected = None;
        // One that streams its body, which nobody does, is recorded without what only
        // the body says.
        if let Some(body) = request.body().and_then(reqwest::Body::as_bytes) {
            context.request_bytes = body.len() as u64;
            if let Ok(facts) = read_request(api, body) {
                facts.refine(&mut context);
                let named = facts.conversation.as_deref().map(bounded);
                context.conversation_id = context.conversation_id.or(named);
            }
            if api == Api::ChatCompletions && self.include_usage {
                injected = inject_include_usage(body);
            }
        }
        let asks_for_usage = injected.is_some();
        if let Some(body) = injected {
            let headers = request.headers_mut();
            if headers.contains_key(CONTENT_LENGTH) {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            }
            // The event can be taken out of plain bytes only.
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            *request.body_mut() = Some(body.into());
        }
        let recorder = self.recorder.clone();
        Some(Exchange::new(recorder, admission, context, asks_for_usage))
    }

    fn context(&self, request: &Request, provider: &str, api: Api) -> RequestContext {
        let whose = &*self.attribution;
        let text = |text: &Option<String>| text.as_deref().map(bounded);
        let header = request.headers().get("traceparent");
        let parent = header.and_then(|value| value.to_str().ok()?.parse::<TraceParent>().ok());
        let parent = parent.or(whose.trace);
        let id = RequestId::new();
        RequestContext {
            id,
            created_at: id.created_at().expect("the id was made with a time"),
            trace_id: parent.map_or_else(TraceId::new, |parent| parent.trace_id),
            // The random half of the id.
            span_id: SpanId(id.0.as_u64_pair().1),
            parent_span_id: parent.map(|parent| parent.parent),
            user: text(&whose.user),
            agent: text(&whose.agent),
            token: None,
            session_id: text(&whose.session),
            conversation_id: text(&whose.conversation),
            conversation_derived: false,
            provider: provider.to_owned(),
            api,
            requested_model: None,
            streamed: false,
            request_bytes: 0,
            reserved: Reserved::default(),
        }
    }
}

/// As part of a tower stack of `reqwest` requests: below what tries again, each attempt
/// is recorded.
impl tower_service::Service<Request> for LlmClient {
    type Response = Response;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let client = self.clone();
        Box::pin(async move { client.execute(request).await })
    }
}
