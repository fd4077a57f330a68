//! From a request's path to what it is: which interface, metered, billed or free.

use systemprompt_domain::api::{Api, Wire};

/// What a request to a provider is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Metered and recorded.
    Metered {
        /// The interface.
        api: Api,
        /// The model, where the path names it (Gemini).
        model: Option<String>,
        /// Whether the path asks for a stream (Gemini).
        stream: bool,
    },
    /// Billable, but we cannot meter it.
    Unmetered,
    /// Costs nothing.
    Free,
}

/// Classifies a request by its method and its path below the provider's base URL.
#[must_use]
pub fn classify(wire: Wire, method: &str, path: &str) -> Call {
    if method != "POST" {
        // Reading, listing and deleting are not billed.
        return Call::Free;
    }
    let metered = |api| Call::Metered {
        api,
        model: None,
        stream: false,
    };
    match wire {
        Wire::Anthropic => match path {
            "/v1/messages" => metered(Api::Messages),
            "/v1/messages/count_tokens" => Call::Free,
            _ if path.ends_with("/cancel") => Call::Free,
            _ => Call::Unmetered,
        },
        Wire::OpenAi => match path {
            "/v1/chat/completions" => metered(Api::ChatCompletions),
            "/v1/responses" | "/v1/responses/compact" => metered(Api::Responses),
            "/v1/embeddings" => metered(Api::Embeddings),
            "/v1/moderations" | "/v1/files" | "/v1/responses/input_tokens" => Call::Free,
            _ if path.starts_with("/v1/uploads") || path.ends_with("/cancel") => Call::Free,
            _ => Call::Unmetered,
        },
        Wire::Gemini => gemini(path),
    }
}

fn gemini(path: &str) -> Call {
    let Some((name, verb)) = path.rsplit_once(':') else {
        return Call::Unmetered;
    };
    let model = name.rsplit('/').next().unwrap_or(name);
    let metered = |api, stream| Call::Metered {
        api,
        model: Some(model.to_owned()),
        stream,
    };
    match verb {
        "generateContent" => metered(Api::GenerateContent, false),
        "streamGenerateContent" => metered(Api::GenerateContent, true),
        "embedContent" | "batchEmbedContents" => metered(Api::EmbedContent, false),
        "countTokens" => Call::Free,
        _ => Call::Unmetered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_what_the_providers_say() {
        let post = |wire, path| classify(wire, "POST", path);
        assert!(matches!(
            post(Wire::Anthropic, "/v1/messages"),
            Call::Metered {
                api: Api::Messages,
                ..
            }
        ));
        assert_eq!(
            post(Wire::Anthropic, "/v1/messages/count_tokens"),
            Call::Free
        );
        assert_eq!(
            post(Wire::Anthropic, "/v1/messages/batches"),
            Call::Unmetered
        );
        assert_eq!(
            post(Wire::OpenAi, "/v1/images/generations"),
            Call::Unmetered
        );
        assert_eq!(
            classify(Wire::OpenAi, "GET", "/v1/responses/resp_1"),
            Call::Free
        );
        assert_eq!(
            post(
                Wire::Gemini,
                "/v1beta/models/gemini-2.5-pro:streamGenerateContent"
            ),
            Call::Metered {
                api: Api::GenerateContent,
                model: Some("gemini-2.5-pro".into()),
                stream: true
            }
        );
        assert_eq!(
            post(Wire::Gemini, "/v1beta/models/x:countTokens"),
            Call::Free
        );
    }
}
