//! The provider interfaces we meter, and the wire format each one speaks.

use serde::{Deserialize, Serialize};

/// The wire format of a provider: who invented the shapes of its requests,
/// answers and errors. Compatible hosts share the wire of the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wire {
    /// Anthropic Messages.
    Anthropic,
    /// OpenAI Chat Completions, Responses and Embeddings.
    #[serde(rename = "openai")]
    OpenAi,
    /// Google Gemini `generateContent` and `embedContent`.
    Gemini,
}

impl Wire {
    /// The name used in configuration and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Gemini => "gemini",
        }
    }
}

/// One metered interface of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// Anthropic `POST /v1/messages`.
    Messages,
    /// OpenAI `POST /chat/completions`.
    ChatCompletions,
    /// OpenAI `POST /responses` and `/responses/compact`.
    Responses,
    /// OpenAI `POST /embeddings`.
    Embeddings,
    /// Gemini `:generateContent` and `:streamGenerateContent`.
    GenerateContent,
    /// Gemini `:embedContent` and `:batchEmbedContents`.
    EmbedContent,
    /// A billable request that is passed through without being metered
    /// (batches, images, audio, fine-tuning …).
    Unmetered,
}

impl Api {
    /// The name used in answers and in the `api` column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::ChatCompletions => "chat_completions",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::GenerateContent => "generate_content",
            Self::EmbedContent => "embed_content",
            Self::Unmetered => "unmetered",
        }
    }
}
