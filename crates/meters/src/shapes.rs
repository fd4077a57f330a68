//! What is wanted of each provider's answers: one table per interface. A whole
//! document and the events of a stream share a table, for their members differ.

use systemprompt_domain::api::Api;

/// A member with a meaning. One name serves all providers where they mean the
/// same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// What kind of event or document this is.
    Type,
    /// The object a stream opens with (Anthropic): starts everything anew.
    Message,
    /// The response object inside an event (Responses).
    Response,
    Id,
    Model,
    Tier,
    /// The state of a response; the finish reason unless there is a better one.
    Status,
    Finish,
    /// The usage object; replaces what was seen before.
    Usage,
    /// A usage object that updates what was seen before, field by field.
    UsageUpdate,
    Error,
    ErrorKind,
    ErrorCode,
    /// A code that is an error's only if the event is one.
    EventCode,
    /// A content block or output item, of a whole answer or as it begins.
    Item,
    /// An output item in an event of its own.
    StreamedItem,
    ItemType,
    ItemName,
    /// The id of an item or of a call in a choice.
    ItemId,
    /// The id of a call that is not that of its item.
    ItemCallId,
    /// One of several answers to the same prompt.
    Choice,
    ChoiceIndex,
    /// A tool call in a choice.
    Call,
    CallIndex,
    CallName,
    /// The name of a tool that is called, complete in itself.
    Tool,
    /// One piece of a streamed answer, or all of it.
    Chunk,
    /// Where an answer was grounded on a search.
    Grounding,
    Search,
    /// A message of JSON-RPC.
    Rpc,
    RpcId,
    RpcMethod,
    RpcResult,
    /// The result says that the tool failed.
    RpcFailed,
    RpcResultType,
    RpcError,
    RpcErrorCode,
}

/// What is wanted of a value. An array stands for each of its elements.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A string, number or literal.
    Leaf(Field),
    /// The text of an object or a string; a number or literal as it stands.
    Text(Field),
    /// An object's members.
    Object(Option<Field>, &'static [(&'static str, &'static Self)]),
}

impl Shape {
    /// What a scalar found here is called.
    pub(crate) const fn field(&self) -> Option<Field> {
        match self {
            Self::Leaf(field) | Self::Text(field) => Some(*field),
            Self::Object(field, _) => *field,
        }
    }
}

/// The table of an interface.
pub(crate) const fn of(api: Api) -> &'static Shape {
    match api {
        Api::Messages => &MESSAGES,
        Api::ChatCompletions | Api::Embeddings => &CHAT,
        Api::Responses => &RESPONSES,
        Api::GenerateContent | Api::EmbedContent => &GEMINI,
        Api::Unmetered => &NOTHING,
    }
}

use Field as F;
use Shape::{Leaf, Object, Text};

/// Answers of JSON-RPC. Ids are wanted as text: a number is no string.
pub(crate) static RPC: Shape = Object(
    Some(F::Rpc),
    &[
        ("id", &Text(F::RpcId)),
        ("method", &Leaf(F::RpcMethod)),
        (
            "result",
            &Object(
                Some(F::RpcResult),
                &[
                    ("isError", &Leaf(F::RpcFailed)),
                    ("resultType", &Leaf(F::RpcResultType)),
                ],
            ),
        ),
        (
            "error",
            &Object(Some(F::RpcError), &[("code", &Leaf(F::RpcErrorCode))]),
        ),
    ],
);

static NOTHING: Shape = Object(None, &[]);

static ITEM: Shape = Object(Some(F::Item), ITEM_MEMBERS);
static STREAMED_ITEM: Shape = Object(Some(F::StreamedItem), ITEM_MEMBERS);
const ITEM_MEMBERS: &[(&str, &Shape)] = &[
    ("type", &Leaf(F::ItemType)),
    ("name", &Leaf(F::ItemName)),
    ("id", &Leaf(F::ItemId)),
    ("call_id", &Leaf(F::ItemCallId)),
];

static ERROR: Shape = Object(
    Some(F::Error),
    &[("type", &Leaf(F::ErrorKind)), ("code", &Leaf(F::ErrorCode))],
);

static MESSAGES: Shape = Object(
    None,
    &[
        ("type", &Leaf(F::Type)),
        ("message", &MESSAGE_START),
        ("delta", &Object(None, &[("stop_reason", &Leaf(F::Finish))])),
        ("content_block", &ITEM),
        ("usage", &Text(F::UsageUpdate)),
        ("error", &ERROR),
        ("id", &Leaf(F::Id)),
        ("model", &Leaf(F::Model)),
        ("stop_reason", &Leaf(F::Finish)),
        ("content", &ITEM),
    ],
);
static MESSAGE_START: Shape = Object(
    Some(F::Message),
    &[
        ("id", &Leaf(F::Id)),
        ("model", &Leaf(F::Model)),
        ("stop_reason", &Leaf(F::Finish)),
        ("usage", &Text(F::Usage)),
        ("content", &ITEM),
    ],
);

static CHAT: Shape = Object(
    None,
    &[
        ("id", &Leaf(F::Id)),
        ("model", &Leaf(F::Model)),
        ("service_tier", &Leaf(F::Tier)),
        ("choices", &CHOICE),
        ("usage", &Text(F::Usage)),
        ("error", &ERROR),
    ],
);
static CHOICE: Shape = Object(
    Some(F::Choice),
    &[
        ("index", &Leaf(F::ChoiceIndex)),
        ("finish_reason", &Leaf(F::Finish)),
        ("delta", &ASSISTANT),
        ("message", &ASSISTANT),
    ],
);
static ASSISTANT: Shape = Object(
    None,
    &[
        (
            "tool_calls",
            &Object(
                Some(F::Call),
                &[
                    ("index", &Leaf(F::CallIndex)),
                    ("id", &Leaf(F::ItemId)),
                    ("function", &Object(None, &[("name", &Leaf(F::CallName))])),
                    ("custom", &Object(None, &[("name", &Leaf(F::CallName))])),
                ],
            ),
        ),
        (
            "function_call",
            &Object(Some(F::Call), &[("name", &Leaf(F::CallName))]),
        ),
    ],
);

static RESPONSES: Shape = Object(
    None,
    &[
        ("type", &Leaf(F::Type)),
        ("response", &Object(Some(F::Response), RESPONSE_MEMBERS)),
        ("item", &STREAMED_ITEM),
        ("code", &Leaf(F::EventCode)),
        RESPONSE_MEMBERS[0],
        RESPONSE_MEMBERS[1],
        RESPONSE_MEMBERS[2],
        RESPONSE_MEMBERS[3],
        RESPONSE_MEMBERS[4],
        RESPONSE_MEMBERS[5],
        RESPONSE_MEMBERS[6],
        RESPONSE_MEMBERS[7],
    ],
);
const RESPONSE_MEMBERS: &[(&str, &Shape)] = &[
    ("id", &Leaf(F::Id)),
    ("model", &Leaf(F::Model)),
    ("service_tier", &Leaf(F::Tier)),
    ("status", &Leaf(F::Status)),
    (
        "incomplete_details",
        &Object(None, &[("reason", &Leaf(F::Finish))]),
    ),
    ("output", &ITEM),
    ("usage", &Text(F::Usage)),
    ("error", &ERROR),
];

static GEMINI: Shape = Object(
    Some(F::Chunk),
    &[
        ("responseId", &Leaf(F::Id)),
        ("modelVersion", &Leaf(F::Model)),
        ("candidates", &CANDIDATE),
        (
            "promptFeedback",
            &Object(None, &[("blockReason", &Leaf(F::Finish))]),
        ),
        ("usageMetadata", &Text(F::Usage)),
        (
            "error",
            &Object(
                Some(F::Error),
                &[
                    ("status", &Leaf(F::ErrorKind)),
                    ("code", &Leaf(F::ErrorCode)),
                ],
            ),
        ),
    ],
);
static CANDIDATE: Shape = Object(
    None,
    &[
        ("finishReason", &Leaf(F::Finish)),
        ("content", &Object(None, &[("parts", &PART)])),
        (
            "groundingMetadata",
            &Object(
                Some(F::Grounding),
                &[("webSearchQueries", &Leaf(F::Search))],
            ),
        ),
    ],
);
static PART: Shape = Object(
    None,
    &[("functionCall", &Object(None, &[("name", &Leaf(F::Tool))]))],
);
