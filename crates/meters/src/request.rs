//! What the gateway must know of a request body. The body itself goes upstream
//! as it came.

use serde_json::value::RawValue;
use systemprompt_domain::api::Api;

use crate::members::{members, members_of};
use crate::reading::storable;

/// How much of each text an opening keeps; its length tells the rest apart.
const OPENING_LIMIT: usize = 64 * 1024;

/// A request body that is not a well-formed JSON object. The provider may yet
/// accept it; only nothing is known of it.
#[derive(Debug, thiserror::Error)]
#[error("the request body is not a JSON object: {0}")]
pub struct MalformedBody(#[from] serde_json::Error);

/// What the gateway must know of a request body. A member that is absent, or of
/// a type the provider would refuse, is `None` or `false`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFacts {
    /// The model asked for. Gemini has it in the URL, not here.
    pub model: Option<String>,
    /// Whether a stream is asked for. Gemini has it in the URL, not here.
    pub stream: bool,
    /// The most output tokens the client allows.
    pub max_tokens: Option<u64>,
    /// The end user as the client names it.
    pub user: Option<String>,
    /// The conversation as the client names it.
    pub conversation: Option<String>,
    /// Whether the provider answers at once and works in the background.
    pub background: bool,
    /// What the client says about usage in a chat stream.
    pub include_usage: Option<bool>,
    opening: Vec<Vec<u8>>,
}

impl RequestFacts {
    /// What identifies a conversation that nobody names: the texts of its
    /// system prompt and of its first user message. To be hashed, part by part;
    /// the same conversation gives the same parts on every turn. None if there
    /// is no user message.
    pub fn opening(&self) -> impl Iterator<Item = &[u8]> {
        self.opening.iter().map(Vec::as_slice)
    }
}

/// Reads the facts of a request body.
///
/// # Errors
///
/// [`MalformedBody`] if it is not a well-formed JSON object.
pub fn read_request(api: Api, body: &[u8]) -> Result<RequestFacts, MalformedBody> {
    Ok(match api {
        Api::Messages => messages(body)?,
        Api::ChatCompletions => chat(body)?,
        Api::Responses => responses(body)?,
        Api::Embeddings => {
            let [model, user] = members(body, ["model", "user"])?;
            RequestFacts {
                model: text(model),
                user: text(user),
                ..RequestFacts::default()
            }
        }
        Api::GenerateContent | Api::EmbedContent => gemini(body)?,
        Api::Unmetered => {
            let [model] = members(body, ["model"])?;
            RequestFacts {
                model: text(model),
                ..RequestFacts::default()
            }
        }
    })
}

fn messages(body: &[u8]) -> Result<RequestFacts, MalformedBody> {
    let [model, stream, max_tokens, metadata, system, messages] = members(
        body,
        [
            "model",
            "stream",
            "max_tokens",
            "metadata",
            "system",
            "messages",
        ],
    )?;
    let [user] = members_of(metadata, ["user_id"]);
    Ok(RequestFacts {
        model: text(model),
        stream: flag(stream).unwrap_or(false),
        max_tokens: number(max_tokens),
        user: text(user),
        opening: opening(system, first_of(messages, &["user"])),
        ..RequestFacts::default()
    })
}

fn chat(body: &[u8]) -> Result<RequestFacts, MalformedBody> {
    let [
        model,
        stream,
        options,
        max_completion_tokens,
        max_tokens,
        identifier,
        user,
        messages,
    ] = members(
        body,
        [
            "model",
            "stream",
            "stream_options",
            "max_completion_tokens",
            "max_tokens",
            "safety_identifier",
            "user",
            "messages",
        ],
    )?;
    let [include_usage] = members_of(options, ["include_usage"]);
    let system = first_of(messages, &["system", "developer"]);
    Ok(RequestFacts {
        model: text(model),
        stream: flag(stream).unwrap_or(false),
        max_tokens: number(max_completion_tokens).or_else(|| number(max_tokens)),
        user: text(identifier).or_else(|| text(user)),
        include_usage: flag(include_usage),
        opening: opening(system, first_of(messages, &["user"])),
        ..RequestFacts::default()
    })
}

fn responses(body: &[u8]) -> Result<RequestFacts, MalformedBody> {
    let [
        model,
        stream,
        background,
        max_output_tokens,
        identifier,
        user,
        conversation,
        previous,
        instructions,
        input,
    ] = members(
        body,
        [
            "model",
            "stream",
            "background",
            "max_output_tokens",
            "safety_identifier",
            "user",
            "conversation",
            "previous_response_id",
            "instructions",
            "input",
        ],
    )?;
    let [conversation_id] = members_of(conversation, ["id"]);
    let conversation = text(conversation).or_else(|| text(conversation_id));
    let is_text = input.is_some_and(|input| input.get().starts_with('"'));
    let first = if is_text {
        input
    } else {
        first_of(input, &["user"])
    };
    Ok(RequestFacts {
        model: text(model),
        stream: flag(stream).unwrap_or(false),
        max_tokens: number(max_output_tokens),
        user: text(identifier).or_else(|| text(user)),
        conversation: conversation.or_else(|| text(previous)),
        background: flag(background).unwrap_or(false),
        opening: opening(instructions, first),
        ..RequestFacts::default()
    })
}

/// Gemini takes names in camel case and in snake case.
fn gemini(body: &[u8]) -> Result<RequestFacts, MalformedBody> {
    let [config, config_snake, system, system_snake, contents] = members(
        body,
        [
            "generationConfig",
            "generation_config",
            "systemInstruction",
            "system_instruction",
            "contents",
        ],
    )?;
    let [max_tokens, max_tokens_snake] = members_of(
        config.or(config_snake),
        ["maxOutputTokens", "max_output_tokens"],
    );
    Ok(RequestFacts {
        max_tokens: number(max_tokens.or(max_tokens_snake)),
        opening: opening(system.or(system_snake), first_of(contents, &["user", ""])),
        ..RequestFacts::default()
    })
}

fn text(value: Option<&RawValue>) -> Option<String> {
    let text: String = serde_json::from_str(value?.get()).ok()?;
    storable(&text).is_some().then_some(text)
}

fn number(value: Option<&RawValue>) -> Option<u64> {
    serde_json::from_str(value?.get()).ok()
}

fn flag(value: Option<&RawValue>) -> Option<bool> {
    serde_json::from_str(value?.get()).ok()
}

fn elements(value: Option<&RawValue>) -> Vec<&RawValue> {
    value
        .and_then(|value| serde_json::from_str(value.get()).ok())
        .unwrap_or_default()
}

/// The first message with one of these roles; `""` stands for none stated.
fn first_of<'a>(messages: Option<&'a RawValue>, roles: &[&str]) -> Option<&'a RawValue> {
    elements(messages).into_iter().find(|message| {
        let [role] = members_of(Some(message), ["role"]);
        roles.contains(&text(role).unwrap_or_default().as_str())
    })
}

/// Without a user message there is nothing that tells conversations apart.
fn opening(system: Option<&RawValue>, first: Option<&RawValue>) -> Vec<Vec<u8>> {
    first.map_or_else(Vec::new, |first| {
        vec![system.map_or_else(Vec::new, said), said(first)]
    })
}

/// What a prompt or message says: its texts, without what clients change
/// between turns (cache marks, text as a string or as a block).
fn said(value: &RawValue) -> Vec<u8> {
    let mut texts = Vec::new();
    collect_texts(value, &mut texts);
    if texts.is_empty() {
        texts.push(value);
    }
    let mut said = Vec::new();
    for text in texts {
        let text = text.get().as_bytes();
        said.extend_from_slice(&text[..text.len().min(OPENING_LIMIT.saturating_sub(said.len()))]);
        said.extend_from_slice(&(text.len() as u64).to_be_bytes());
    }
    said
}

/// A text is a string, or is found under `content`, `parts` or `text`, itself
/// or in a list. Four steps lead from a message to its text.
fn collect_texts<'a>(value: &'a RawValue, texts: &mut Vec<&'a RawValue>) {
    let mut level = vec![value];
    for _ in 0..4 {
        let mut below = Vec::new();
        for value in level {
            match value.get().as_bytes().first() {
                Some(b'"') => texts.push(value),
                Some(b'[') => below.extend(elements(Some(value))),
                Some(b'{') => {
                    let inside = members_of(Some(value), ["content", "parts", "text"]);
                    below.extend(inside.into_iter().flatten());
                }
                _ => {}
            }
        }
        level = below;
    }
}
