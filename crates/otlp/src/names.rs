//! What emitters call providers and their interfaces, and what we call them when we
//! emit.

use systemprompt_domain::Api;

use crate::attributes::Attributes;

/// Who serves models, current name first.
pub(crate) const PROVIDER: &[&str] = &["gen_ai.provider.name", "gen_ai.system"];
/// What is done, current name first; OpenLLMetry's kind of request last.
pub(crate) const OPERATION: &[&str] = &["gen_ai.operation.name", "llm.request.type"];
/// Who asks.
pub(crate) const USER: &[&str] = &[
    "user.id",
    "enduser.id",
    "gen_ai.user",
    "llm.user",
    "traceloop.association.properties.user_id",
];
/// In which session.
pub(crate) const SESSION: &[&str] = &["session.id", "traceloop.association.properties.session_id"];
/// For which agent.
pub(crate) const AGENT: &[&str] = &["gen_ai.agent.name", "gen_ai.agent.id"];

/// Our id of a request or a tool call. Only written: if it were read, whoever may export
/// could record a request under way in its stead.
pub(crate) const ID: &str = "systemprompt.id";
/// How it ended, in our own words.
pub(crate) const STATE: &str = "systemprompt.state";
/// The part of what went into the cache that stays there for an hour.
pub(crate) const CACHE_WRITE_1H: &str = "systemprompt.usage.cache_write_1h.input_tokens";
/// The part of the input that tools run by the provider added.
pub(crate) const TOOL_INPUT: &str = "systemprompt.usage.tool.input_tokens";

/// Emitters' names of providers whose prices we know by another one.
const PROVIDERS: &[(&str, &str)] = &[
    ("gcp.gemini", "gemini"),
    ("gcp.gen_ai", "gemini"),
    ("gemini", "gemini"),
    ("google", "gemini"),
    ("google_genai", "gemini"),
    ("google_generativeai", "gemini"),
    // Not priced: what they bill is not what the maker of the model bills.
    ("gcp.vertex_ai", "vertex_ai"),
    ("vertex_ai", "vertex_ai"),
    ("azure.ai.openai", "azure"),
    ("az.ai.openai", "azure"),
    ("azure.ai.inference", "azure"),
    ("az.ai.inference", "azure"),
    ("azure", "azure"),
    ("aws.bedrock", "bedrock"),
    ("mistral_ai", "mistral"),
    ("x_ai", "xai"),
];

/// The provider by the name that a configuration would give it.
pub(crate) fn provider(attributes: Attributes<'_>) -> Option<String> {
    let name = attributes.text(PROVIDER)?.to_ascii_lowercase();
    let known = PROVIDERS.iter().find(|(theirs, _)| *theirs == name);
    Some(known.map_or(name, |(_, ours)| (*ours).to_owned()))
}

/// The conventions' name of a provider that a configuration gave this name.
pub(crate) fn theirs(provider: &str) -> &str {
    let known = PROVIDERS.iter().find(|(_, ours)| *ours == provider);
    known.map_or(provider, |(theirs, _)| *theirs)
}

/// What a span of inference does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A model writes.
    Generate,
    /// A model embeds.
    Embed,
    /// A tool runs.
    Tool,
    /// Something that holds others, or costs nothing.
    Other,
}

/// What the operation of that name does. What encloses requests (agents,
/// workflows) sums up their tokens and would count them twice.
pub(crate) fn operation(name: &str) -> Operation {
    match name {
        "chat" | "text_completion" | "completion" | "generate_content" => Operation::Generate,
        "embeddings" | "embedding" => Operation::Embed,
        "execute_tool" => Operation::Tool,
        _ => Operation::Other,
    }
}

/// The interface that was called.
pub(crate) fn api(
    provider: &str,
    operation: Operation,
    span: &str,
    attributes: Attributes<'_>,
) -> Api {
    let embeds = operation == Operation::Embed;
    let named = attributes.text(&["openai.api.type", "gen_ai.openai.api_type"]);
    match provider {
        "anthropic" => Api::Messages,
        "gemini" | "vertex_ai" if embeds => Api::EmbedContent,
        "gemini" | "vertex_ai" => Api::GenerateContent,
        _ if embeds => Api::Embeddings,
        // OpenLLMetry tells the two apart by the span's name alone.
        _ if named.as_deref() == Some("responses") || span == "openai.response" => Api::Responses,
        _ => Api::ChatCompletions,
    }
}
