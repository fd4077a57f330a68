//! The kinds of requests that clients mix: each interface, plain and streamed.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;

/// A kind of request, and what its row has to say.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) provider: &'static str,
    pub(super) api: &'static str,
    pub(super) model: &'static str,
    pub(super) streamed: bool,
    /// The gateway has to ask for the usage itself.
    pub(super) injected: bool,
    path: &'static str,
    /// The body behind the model's name.
    rest: &'static str,
}

const CLAUDE: &str = "claude-haiku-4-5";
const GPT: &str = "gpt-4o-mini";
const FLASH: &str = "gemini-2.5-flash";

const fn messages(streamed: bool, rest: &'static str) -> Shape {
    Shape {
        provider: "anthropic",
        api: "messages",
        model: CLAUDE,
        streamed,
        injected: false,
        path: "/anthropic/v1/messages",
        rest,
    }
}

const fn chat(streamed: bool, injected: bool, rest: &'static str) -> Shape {
    Shape {
        provider: "openai",
        api: "chat_completions",
        model: GPT,
        streamed,
        injected,
        path: "/openai/v1/chat/completions",
        rest,
    }
}

const fn responses(streamed: bool, rest: &'static str) -> Shape {
    Shape {
        provider: "openai",
        api: "responses",
        model: GPT,
        streamed,
        injected: false,
        path: "/openai/v1/responses",
        rest,
    }
}

const fn gemini(streamed: bool, path: &'static str) -> Shape {
    Shape {
        provider: "gemini",
        api: "generate_content",
        model: FLASH,
        streamed,
        injected: false,
        path,
        rest: r#","contents":[{"role":"user","parts":[{"text":"Hello"}]}]"#,
    }
}

/// Kinds whose answers are streams of events.
pub(super) const STREAMS: [Shape; 5] = [
    messages(
        true,
        r#","max_tokens":64,"stream":true,"messages":[{"role":"user","content":"Hello"}]"#,
    ),
    chat(
        true,
        true,
        r#","stream":true,"messages":[{"role":"user","content":"Hello"}]"#,
    ),
    chat(
        true,
        false,
        r#","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hello"}]"#,
    ),
    responses(true, r#","stream":true,"input":"Hello""#),
    gemini(
        true,
        "/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
    ),
];

/// Kinds whose answers are single documents.
pub(super) const PLAIN: [Shape; 5] = [
    messages(
        false,
        r#","max_tokens":64,"messages":[{"role":"user","content":"Hello"}]"#,
    ),
    chat(
        false,
        false,
        r#","messages":[{"role":"user","content":"Hello"}]"#,
    ),
    responses(false, r#","input":"Hello""#),
    gemini(
        false,
        "/gemini/v1beta/models/gemini-2.5-flash:generateContent",
    ),
    gemini(
        true,
        "/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent",
    ),
];

/// One request: its kind, and the usage that its answer will state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) shape: &'static Shape,
    pub(super) input: u64,
    pub(super) output: u64,
}

impl Asked {
    /// The request, with further options for the mock provider.
    pub(super) fn request(&self, host: &str, options: &str) -> Request<Full<Bytes>> {
        let Self {
            shape,
            input,
            output,
        } = self;
        let body = format!(r#"{{"model":"{}"{}}}"#, shape.model, shape.rest);
        Request::post(shape.path)
            .header("host", host)
            .header("content-type", "application/json")
            .header("x-mock", format!("in={input},out={output}{options}"))
            .body(Full::from(body))
            .expect("all parts are constants and numbers")
    }
}
