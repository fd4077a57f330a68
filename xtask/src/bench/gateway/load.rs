//! What is asked: an Anthropic message, answered whole or as a stream.

use std::net::SocketAddr;

use systemprompt_testkit::load::Target;

/// How the mock provider answers.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) enum Shape {
    /// One JSON body.
    Plain,
    /// A stream of 20 content events.
    Stream,
}

/// Agents that take turns, so that rollups have more than one row to add to.
const AGENTS: usize = 20;

impl Shape {
    pub(in crate::bench) const ALL: [Self; 2] = [Self::Plain, Self::Stream];

    pub(in crate::bench) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Stream => "20-chunk stream",
        }
    }

    /// Requests of this shape to a server that keeps Anthropic's API below
    /// `prefix`.
    pub(in crate::bench) fn target(self, addr: SocketAddr, prefix: &str) -> Target {
        let requests = (0..AGENTS).map(|agent| {
            let stream = matches!(self, Self::Stream);
            let question = "How much did we spend on models last week, and why? ".repeat(16);
            let body = serde_json::json!({
                "model": "claude-sonnet-4-5",
                "max_tokens": 1024,
                "stream": stream,
                "messages": [{"role": "user", "content": format!("Agent {agent}. {question}")}],
            });
            hyper::Request::post(format!("{prefix}/v1/messages"))
                .header("host", addr.to_string())
                .header("content-type", "application/json")
                .header("anthropic-version", "2023-06-01")
                .header("x-systemprompt-agent", format!("agent-{agent:02}"))
                .header("x-mock", "chunks=20,in=240,out=60")
                .body(body.to_string().into())
                .expect("every part above is valid")
        });
        Target {
            addr,
            requests: requests.collect(),
        }
    }
}
