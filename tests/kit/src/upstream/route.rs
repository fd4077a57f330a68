//! Which provider interface a path names.

use std::borrow::Cow;

use hyper::Method;

/// Whose shapes an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Anthropic,
    OpenAi,
    Gemini,
}

/// An interface of a provider.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Messages,
    CountTokens,
    AnthropicModels,
    Chat,
    Responses,
    Compact,
    Embeddings,
    Images,
    OpenAiModels,
    Generate {
        model: Cow<'a, str>,
        stream: Option<GeminiStream>,
    },
    Embed {
        model: Cow<'a, str>,
        batch: bool,
    },
    GeminiModels,
    /// Whether the mock itself is up.
    Ready,
    Unknown(Wire),
}

/// The two ways Gemini streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GeminiStream {
    Sse,
    JsonArray,
}

impl<'a> Route<'a> {
    /// `hint` is the provider whose own header the request carries: all three
    /// have `/v1/models`.
    pub(super) fn of(
        method: &Method,
        path: &'a str,
        query: Option<&str>,
        hint: Option<Wire>,
    ) -> Self {
        if let Some(path) = gemini_path(path, hint) {
            return Self::gemini(method, path, query);
        }
        match (method, path) {
            (&Method::POST, "/v1/messages") => Self::Messages,
            (&Method::POST, "/v1/messages/count_tokens") => Self::CountTokens,
            (&Method::POST, "/v1/chat/completions") => Self::Chat,
            (&Method::POST, "/v1/responses") => Self::Responses,
            (&Method::POST, "/v1/responses/compact") => Self::Compact,
            (&Method::POST, "/v1/embeddings") => Self::Embeddings,
            (&Method::POST, "/v1/images/generations") => Self::Images,
            (&Method::GET, "/v1/models") if hint == Some(Wire::Anthropic) => Self::AnthropicModels,
            (&Method::GET, "/v1/models") => Self::OpenAiModels,
            (&Method::GET, "/readyz") => Self::Ready,
            _ if path.starts_with("/v1/messages") => Self::Unknown(Wire::Anthropic),
            _ => Self::Unknown(hint.unwrap_or(Wire::OpenAi)),
        }
    }

    fn gemini(method: &Method, path: &'a str, query: Option<&str>) -> Self {
        if method == Method::GET && path == "models" {
            return Self::GeminiModels;
        }
        // The verb stands after the last colon: a `rec:` in the model has one.
        let target = path
            .strip_prefix("models/")
            .and_then(|rest| rest.rsplit_once(':'));
        let Some((model, verb)) = target.filter(|_| method == Method::POST) else {
            return Self::Unknown(Wire::Gemini);
        };
        let model = percent_decoded(model);
        let sse = query.is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"));
        match verb {
            "generateContent" => Self::Generate {
                model,
                stream: None,
            },
            "streamGenerateContent" if sse => Self::Generate {
                model,
                stream: Some(GeminiStream::Sse),
            },
            "streamGenerateContent" => Self::Generate {
                model,
                stream: Some(GeminiStream::JsonArray),
            },
            "embedContent" => Self::Embed {
                model,
                batch: false,
            },
            "batchEmbedContents" => Self::Embed { model, batch: true },
            _ => Self::Unknown(Wire::Gemini),
        }
    }

    pub(super) const fn wire(&self) -> Wire {
        match self {
            Self::Messages | Self::CountTokens | Self::AnthropicModels => Wire::Anthropic,
            Self::Chat
            | Self::Responses
            | Self::Compact
            | Self::Embeddings
            | Self::Images
            | Self::OpenAiModels
            | Self::Ready => Wire::OpenAi,
            Self::Generate { .. } | Self::Embed { .. } | Self::GeminiModels => Wire::Gemini,
            Self::Unknown(wire) => *wire,
        }
    }
}

/// What follows Gemini's version. Its SDKs say `v1` since their third major
/// release and `v1beta` before; the verb after a colon is its alone.
fn gemini_path(path: &str, hint: Option<Wire>) -> Option<&str> {
    path.strip_prefix("/v1beta/").or_else(|| {
        let verb = path.starts_with("/v1/models/") && path.contains(':');
        path.strip_prefix("/v1/")
            .filter(|_| verb || hint == Some(Wire::Gemini))
    })
}

/// SDKs escape what a behaviour in the URL needs: commas, equals signs.
fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%')
            .then(|| tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gemini_models_come_from_the_url() {
        let route = |path, query| Route::of(&Method::POST, path, query, None);
        assert_eq!(
            route("/v1beta/models/mock-in%3D5%2Cout%3d6:generateContent", None),
            Route::Generate {
                model: "mock-in=5,out=6".into(),
                stream: None
            }
        );
        assert_eq!(
            route(
                "/v1beta/models/m:streamGenerateContent",
                Some("key=k&alt=sse")
            ),
            Route::Generate {
                model: "m".into(),
                stream: Some(GeminiStream::Sse)
            }
        );
        assert_eq!(
            route("/v1beta/models/a:b%zz:streamGenerateContent", None),
            Route::Generate {
                model: "a:b%zz".into(),
                stream: Some(GeminiStream::JsonArray)
            }
        );
        assert_eq!(
            route("/v1beta/models/m:predict", None),
            Route::Unknown(Wire::Gemini)
        );
    }

    #[test]
    fn a_providers_own_header_tells_three_model_lists_apart() {
        let list = |hint| Route::of(&Method::GET, "/v1/models", None, hint);
        assert_eq!(list(Some(Wire::Anthropic)), Route::AnthropicModels);
        assert_eq!(list(Some(Wire::Gemini)), Route::GeminiModels);
        assert_eq!(list(None), Route::OpenAiModels);
    }
}
