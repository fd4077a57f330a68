//! One request from its head to its answer; how that travels is for `respond`.

use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{HeaderMap, Request, Response};
use serde::Deserialize;

use super::behaviour::{Behaviour, model_options};
use super::body::Paced;
use super::log::Log;
use super::recordings::Recordings;
use super::respond::{Answer, accepts_gzip, redirect, respond};
use super::route::{GeminiStream, Route, Wire};
use super::{anthropic, chat, errors, gemini, openai, responses};

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) log: Log,
    recordings: Option<Recordings>,
}

/// What a synthesised answer is made from.
pub(super) struct Ask<'a> {
    /// The model to name, as a JSON string with its quotes.
    pub(super) model: String,
    pub(super) stream: bool,
    /// OpenAI's `stream_options.include_usage`.
    pub(super) include_usage: bool,
    /// How many inputs are to be embedded.
    pub(super) inputs: usize,
    /// Whether embeddings are wanted as base64.
    pub(super) base64: bool,
    pub(super) number: u64,
    /// Seconds since 1970.
    pub(super) created: u64,
    pub(super) behaviour: &'a Behaviour,
}

/// The part of a request's body that decides the answer.
#[derive(Default, Deserialize)]
struct RequestBody {
    model: Option<String>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    encoding_format: Option<String>,
}

#[derive(Default, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

impl Shared {
    pub(super) fn new(recordings: Option<PathBuf>, log: usize) -> io::Result<Self> {
        let recordings = recordings.map(Recordings::open).transpose()?;
        Ok(Self {
            log: Log::new(log),
            recordings,
        })
    }

    /// Answers one request; `cut` is set if the connection is to be reset.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        cut: Arc<AtomicBool>,
    ) -> Response<Paced> {
        let (head, body) = request.into_parts();
        let hint = provider_of(&head.headers);
        let route = Route::of(&head.method, head.uri.path(), head.uri.query(), hint);
        if route == Route::Ready {
            return Response::new(Paced::new([Bytes::from_static(b"ok")].into()));
        }
        let number = self.log.next_number();
        // A body that breaks off answers as an empty one: nobody reads it.
        let body = body
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        let asked: Option<RequestBody> = serde_json::from_slice(&body).ok();

        let (model, behaviour) = behaviour_of(&route, asked.as_ref(), &head.headers);
        let written = self.log.keep(number, &head, &body, behaviour.as_ref().ok());
        let behaviour = match behaviour {
            Ok(behaviour) => behaviour,
            Err(error) => {
                let body = errors::refused(route.wire(), &error, number);
                let answer = Answer::json(400, body.into_bytes());
                return respond(
                    answer,
                    route.wire(),
                    &Behaviour::default(),
                    number,
                    false,
                    cut,
                );
            }
        };
        if behaviour.hang_header {
            pending::<()>().await;
        }
        if let Some(delay) = behaviour.delay {
            tokio::time::sleep(delay).await;
        }
        if behaviour.redirect {
            return redirect(&head.headers);
        }
        let asked = asked.unwrap_or_default();
        let ask = Ask {
            model: serde_json::Value::from(behaviour.model.as_deref().unwrap_or(&model))
                .to_string(),
            stream: asked.stream.unwrap_or(false),
            include_usage: asked
                .stream_options
                .and_then(|o| o.include_usage)
                .unwrap_or(false),
            inputs: inputs(&route, &body),
            base64: asked
                .encoding_format
                .is_some_and(|format| format == "base64"),
            number,
            created: SystemTime::UNIX_EPOCH
                .elapsed()
                .map_or(0, |since| since.as_secs()),
            behaviour: &behaviour,
        };
        let answer = self.compose(&route, &ask);
        let gzip = behaviour.gzip && accepts_gzip(&head.headers);
        let mut response = respond(answer, route.wire(), &behaviour, number, gzip, cut);
        response.body_mut().written = written;
        response
    }

    fn compose(&self, route: &Route<'_>, ask: &Ask<'_>) -> Answer {
        let (wire, number) = (route.wire(), ask.number);
        if let Some(file) = &ask.behaviour.recording {
            return match self
                .recordings
                .as_ref()
                .map(|recordings| recordings.read(file))
            {
                Some(Ok(found)) => Answer {
                    status: found.status,
                    sse: found.sse,
                    body: found.body,
                },
                _ => {
                    let message = format!("mock: no recording `{file}`");
                    Answer::json(400, errors::refused(wire, &message, number).into_bytes())
                }
            };
        }
        if let Some(status) = ask.behaviour.status {
            let mut body = errors::body(wire, status, number, ask.behaviour.retry_after);
            if let Route::Generate {
                stream: Some(GeminiStream::JsonArray),
                ..
            } = route
            {
                body = format!("[{body}\n]\n");
            }
            return Answer::json(status, body.into_bytes());
        }
        synthesised(route, ask)
    }
}

fn synthesised(route: &Route<'_>, ask: &Ask<'_>) -> Answer {
    let stream = |body| Answer {
        status: 200,
        sse: true,
        body,
    };
    match route {
        Route::Messages if ask.stream => stream(anthropic::stream(ask)),
        Route::Chat if ask.stream => stream(chat::stream(ask)),
        Route::Responses if ask.stream => stream(responses::stream(ask)),
        Route::Generate {
            stream: Some(GeminiStream::Sse),
            ..
        } => stream(gemini::stream(ask, GeminiStream::Sse)),
        Route::Generate {
            stream: Some(form), ..
        } => Answer::json(200, gemini::stream(ask, *form)),
        Route::Generate { stream: None, .. } => Answer::json(200, gemini::generated(ask)),
        Route::Messages => Answer::json(200, anthropic::message(ask)),
        Route::CountTokens => Answer::json(200, anthropic::count_tokens(ask)),
        Route::AnthropicModels => Answer::json(200, anthropic::models()),
        Route::Chat => Answer::json(200, chat::completion(ask)),
        Route::Responses => Answer::json(200, responses::response(ask)),
        Route::Compact => Answer::json(200, responses::compaction(ask)),
        Route::Embeddings => Answer::json(200, openai::embeddings(ask)),
        Route::Images => Answer::json(200, openai::images(ask)),
        Route::OpenAiModels => Answer::json(200, openai::models()),
        Route::Embed { batch, .. } => Answer::json(200, gemini::embedded(ask, *batch)),
        Route::GeminiModels => Answer::json(200, gemini::models()),
        Route::Ready | Route::Unknown(_) => Answer::json(
            404,
            errors::body(route.wire(), 404, ask.number, 0).into_bytes(),
        ),
    }
}

/// The provider whose SDK sent these headers, where one gives itself away.
fn provider_of(headers: &HeaderMap) -> Option<Wire> {
    if headers.contains_key("anthropic-version") {
        Some(Wire::Anthropic)
    } else if headers.contains_key("x-goog-api-key") {
        Some(Wire::Gemini)
    } else {
        None
    }
}

/// The model that the answer names, and the behaviour; or why the request is
/// refused.
fn behaviour_of(
    route: &Route<'_>,
    asked: Option<&RequestBody>,
    headers: &HeaderMap,
) -> (String, Result<Behaviour, String>) {
    let named = match route {
        Route::Generate { model, .. } | Route::Embed { model, .. } => Some(&**model),
        _ => asked.and_then(|asked| asked.model.as_deref()),
    };
    let needs_model = matches!(
        route,
        Route::Messages
            | Route::CountTokens
            | Route::Chat
            | Route::Responses
            | Route::Compact
            | Route::Embeddings
    );
    if needs_model && named.is_none() {
        return (
            String::new(),
            Err("mock: the body is no JSON that names a model".to_owned()),
        );
    }
    let (model, options) = model_options(named.unwrap_or_default());
    let mut behaviour = Behaviour::default();
    let header = headers
        .get("x-mock")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let parsed = behaviour
        .apply(options)
        .and_then(|()| behaviour.apply(header));
    (
        model.to_owned(),
        parsed
            .map(|()| behaviour)
            .map_err(|error| error.to_string()),
    )
}

/// How many vectors an embedding request wants. A list of numbers is one text
/// as tokens, a list of anything else is as many texts.
fn inputs(route: &Route<'_>, body: &[u8]) -> usize {
    let field = match route {
        Route::Embeddings => "input",
        Route::Embed { batch: true, .. } => "requests",
        _ => return 1,
    };
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    match body.get(field) {
        Some(serde_json::Value::Array(list)) if !list.iter().all(serde_json::Value::is_number) => {
            list.len()
        }
        _ => 1,
    }
}
