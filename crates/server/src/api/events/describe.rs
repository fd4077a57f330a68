//! What reporting events is, for the OpenAPI document and the docs page.

use serde_json::{Value, json};
use systemprompt_domain::activity::Category;
use systemprompt_domain::reported::AuditEvent;
use systemprompt_domain::tool::{LONGEST, MOST_TOOLS, ToolStatus};
use systemprompt_domain::usage::INCREDIBLE;
use systemprompt_domain::{Api, RequestState, TokenClass};

use super::requests::{self, APIS, STATES};
use super::tools::MOST;
use crate::api::content::HOST;

/// The operation in the OpenAPI document.
pub(in crate::api) fn operation() -> Value {
    let body = |schema: &Value| json!({ "schema": schema });
    let kinds = [
        activity(),
        audit(),
        request(),
        tool_call(),
        tool_list(),
        page_request(),
    ];
    let event = json!({ "oneOf": kinds, "discriminator": { "propertyName": "type" } });
    let list = json!({ "type": "array", "items": event, "maxItems": super::body::MOST });
    let json_body = json!({ "oneOf": [
        list,
        { "type": "object", "properties": { "events": list }, "required": ["events"] },
    ] });
    json!({
        "operationId": "events_report",
        "tags": ["events"],
        "summary": "Report what happened elsewhere",
        "description": "Takes up to 5,000 events in up to 4 MiB: a JSON array, an object with `events`, or one \
                        event a line. The answer comes when they are stored, and says of each in its order: \
                        `stored`, `duplicate` (its id was there before), `accepted` (an AI request, which is on disk \
                        here and counted in a moment, once) or `refused`, with the field that is to blame. Send a batch again after any error: what has an `id` is stored once. The time of \
                        an event is the one in its id, if that is a UUID of version 7 of the last seven days and \
                        at most five minutes ahead; else it is that of the receipt. Ids that carry no such time \
                        are known for eight days. Null and empty text are taken as fields that are left out. How long \
                        a text may be is counted in bytes of UTF-8.",
        "requestBody": {
            "required": true,
            "content": {
                "application/json": body(&json_body),
                "application/x-ndjson": body(&event),
            },
        },
        "responses": {
            "200": {
                "description": "What became of each event",
                "content": { "application/json": { "schema": receipt() } },
            },
            "400": { "$ref": "#/components/responses/BadRequest" },
            "401": { "$ref": "#/components/responses/Unauthorized" },
            "403": { "$ref": "#/components/responses/Forbidden" },
            "408": response("The body did not arrive in time"),
            "413": response("There are too many events, or they are too large; send fewer at once"),
            "415": response("The body has a content-encoding"),
            "500": { "$ref": "#/components/responses/Failed" },
            "503": { "$ref": "#/components/responses/Unavailable" },
        },
    })
}

fn response(description: &str) -> Value {
    json!({
        "description": description,
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
    })
}

/// Text without NUL, for which PostgreSQL has no place.
const NO_NUL: &str = "^[^\\u0000]*$";
/// Text without control characters.
const NO_CONTROLS: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

fn name(description: &str) -> Value {
    text(256, description)
}

fn text(most: usize, description: &str) -> Value {
    json!({ "type": "string", "maxLength": most, "pattern": NO_NUL, "description": description })
}

/// A name that may not be left empty, as those of servers and tools.
fn whole_name(description: &str) -> Value {
    let mut name = text(LONGEST, description);
    name["minLength"] = json!(1);
    name
}

fn word(description: &str) -> Value {
    json!({ "type": "string", "pattern": "^[a-z][a-z0-9_]{0,31}$", "description": description })
}

fn activity() -> Value {
    json!({
        "type": "object",
        "description": "What a user or an agent did",
        "properties": {
            "type": { "const": "activity" },
            "id": id(),
            "category": { "enum": Category::ALL.map(Category::as_str) },
            "action": word("What was done: created, updated, deleted, executed, succeeded, failed"),
            "entity_type": word("What it was done to: plugin, skill, agent, tool"),
            "entity_name": name("Its name"),
            "user": name("Who did it; a token that stands for a user reports on that one alone"),
            "agent": name("The agent; a token that stands for agents reports on those alone"),
            "session_id": name("The session"),
            "trace_id": trace(),
            "metadata": object(),
        },
        "required": ["type", "category", "action"],
        "additionalProperties": false,
    })
}

fn audit() -> Value {
    let of = |category: &str| {
        let events = AuditEvent::ALL.into_iter();
        let events = events.filter(|event| event.category() == category);
        let events: Vec<_> = events.map(AuditEvent::as_str).collect();
        json!({ "properties": { "category": { "const": category }, "event": { "enum": events } } })
    };
    json!({
        "type": "object",
        "description": "Something for the audit trail. Other categories are this server's own.",
        "properties": {
            "type": { "const": "audit" },
            "id": id(),
            "category": { "enum": ["data_access", "mcp_tools"] },
            "event": { "enum": AuditEvent::ALL.map(AuditEvent::as_str) },
            "user": name("Who did it; a token that stands for a user reports on that one alone"),
            "agent": name("The agent; a token that stands for agents reports on those alone"),
            "trace_id": trace(),
            "detail": object(),
        },
        "required": ["type", "category", "event"],
        "anyOf": [of("data_access"), of("mcp_tools")],
        "additionalProperties": false,
    })
}

fn number(description: &str) -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": MOST, "description": description })
}

fn span(description: &str) -> Value {
    json!({ "type": "string", "pattern": "^[0-9a-fA-F]{16}$", "description": description })
}

fn request() -> Value {
    let flag = |description: &str| json!({ "type": "boolean", "description": description });
    let count = json!({ "type": "integer", "minimum": 0, "maximum": INCREDIBLE - 1, "description": "How many" });
    let counts: serde_json::Map<String, Value> = TokenClass::ALL
        .iter()
        .map(|class| (class.as_str().to_owned(), count.clone()))
        .collect();
    let tokens = json!({
        "type": "object",
        "properties": counts,
        "additionalProperties": false,
        "description": "Tokens by class. The classes are disjoint: what was read from a cache is no input",
    });
    let usage = json!({
        "type": "object",
        "properties": {
            "tokens": tokens,
            "other_models": {
                "type": "array",
                "maxItems": requests::MOST,
                "items": {
                    "type": "object",
                    "properties": { "model": whole_name("The model"), "tokens": tokens },
                    "required": ["model", "tokens"],
                    "additionalProperties": false,
                },
                "description": "What was used of other models than the one that served it",
            },
            "calls": {
                "type": "object",
                "maxProperties": requests::MOST,
                "additionalProperties": count,
                "description": "Calls that are billed apart: web_search, …",
            },
            "service_tier": name("The tier that was really used"),
            "speed": name("Anthropic's speed"),
            "region": name("Where inference ran"),
        },
        "additionalProperties": false,
        "description": "What it used, as the provider said; left out where it said nothing, which is not zero. Less than a thousand million tokens in all, and as many calls",
    });
    json!({
        "type": "object",
        "description": "A request to an AI provider that was made past the gateway. It costs what the prices here say for its time. Its prompt and its answer are not told. Its id here is another one, made of the sender's.",
        "properties": {
            "type": { "const": "request" },
            "id": { "type": "string", "format": "uuid", "description": "The sender's id: a UUID of version 7 that was made when the request began, within the last seven days" },
            "provider": whole_name("The provider, as prices know it: anthropic, openai, gemini"),
            "api": { "enum": APIS.map(Api::as_str) },
            "state": { "enum": STATES.map(RequestState::as_str) },
            "requested_model": name("The model that was asked for"),
            "served_model": name("The model that answered"),
            "streamed": flag("Whether the answer was to be streamed"),
            "usage": usage,
            "raw_usage": { "type": "object", "description": "The provider's own usage object, up to 8 KiB" },
            "usage_injected": flag("Whether usage was asked for on the caller's behalf"),
            "http_status": { "type": "integer", "minimum": 100, "maximum": 599, "description": "The provider's status; none if it never answered" },
            "error_type": name("The provider's error type, or a short name for what went wrong"),
            "error_code": name("The short code beside it, never a message"),
            "finish_reason": name("Why the model stopped"),
            "tool_calls": { "type": "array", "maxItems": requests::MOST, "items": name("A tool"), "description": "Tools that the model asked for" },
            "provider_request_id": name("The provider's id of the request"),
            "response_id": name("The provider's id of the answer"),
            "latency_us": number("From the request to the end of its answer, in microseconds"),
            "ttfb_us": number("From the request to the first byte of the answer, in microseconds"),
            "request_bytes": number("Size of the request"),
            "response_bytes": number("Size of the answer"),
            "user": name("Whose request it was; of a token that stands for a user it is that one's"),
            "agent": name("The agent; a token that stands for agents reports on those alone"),
            "session_id": name("The session"),
            "conversation_id": name("The conversation"),
            "trace_id": trace(),
            "span_id": span("The request's span"),
            "parent_span_id": span("The span it was made in"),
        },
        "required": ["type", "provider", "api", "state"],
        "additionalProperties": false,
    })
}

fn tool_call() -> Value {
    let micros = number;
    json!({
        "type": "object",
        "description": "A tool call over MCP that ended. Its arguments and its result are not told.",
        "properties": {
            "type": { "const": "tool_call" },
            "id": id(),
            "server": whole_name("The MCP server"),
            "tool": whole_name("The tool"),
            "status": { "enum": ToolStatus::ALL.map(ToolStatus::as_str) },
            "via": { "enum": ["stdio", "layer"], "default": "layer", "description": "Who saw it: a wrapper around the server, or the server itself" },
            "error_type": name("What went wrong: tool_error for a result with isError, rpc_error for an error of JSON-RPC, or a short name"),
            "error_code": name("The code of JSON-RPC"),
            "latency_us": micros("From the request to its end, in microseconds"),
            "ttfb_us": micros("From the request to the first byte of the answer, in microseconds"),
            "request_bytes": micros("Size of the request"),
            "response_bytes": micros("Size of the answer"),
            "argument_hash": name("A hash of the arguments, never they themselves"),
            "user": name("Whose call it was; a token that stands for a user reports on that one alone"),
            "agent": name("The agent; a token that stands for agents reports on those alone"),
            "session_id": name("The session"),
            "conversation_id": name("The conversation"),
            "call_id": name("The model's id of the call"),
            "rpc_id": name("The id of the JSON-RPC request"),
            "client_name": name("The client's name for itself"),
            "client_version": name("Its version"),
            "protocol_version": name("The protocol's revision"),
            "trace_id": trace(),
            "parent_span_id": span("The caller's span, as in traceparent"),
        },
        "required": ["type", "server", "tool", "status", "latency_us"],
        "additionalProperties": false,
    })
}

fn tool_list() -> Value {
    json!({
        "type": "object",
        "description": "What an MCP server says its tools are. A definition that was not there before is a tool_definition_changed of the audit trail.",
        "properties": {
            "type": { "const": "tool_list" },
            "id": id(),
            "server": whole_name("The MCP server"),
            "tools": {
                "type": "array",
                "maxItems": MOST_TOOLS,
                "items": {
                    "type": "object",
                    "properties": {
                        "name": whole_name("The tool"),
                        "hash": whole_name("A hash of what models are told about it"),
                    },
                    "required": ["name", "hash"],
                    "additionalProperties": false,
                },
            },
            "user": name("Who was told"),
            "agent": name("The agent that was told"),
            "trace_id": trace(),
        },
        "required": ["type", "server", "tools"],
        "additionalProperties": false,
    })
}

fn page_request() -> Value {
    let uuid = |description: &str| json!({ "type": "string", "format": "uuid", "description": description });
    let hint = |description: &str| json!({ "type": "string", "maxLength": 256, "pattern": NO_CONTROLS, "description": description });
    let target = "Path and query, as they were asked for";
    let flags = [
        "https",
        "accept_language",
        "accept",
        "gzip",
        "sec_fetch",
        "client_hints",
    ];
    let flags: serde_json::Map<String, Value> = flags
        .iter()
        .map(|flag| ((*flag).to_owned(), json!({ "type": "boolean" })))
        .collect();
    json!({
        "type": "object",
        "description": "A request to a web site that another server answered: a page, or what crawlers fetch that run no script. No address is told.",
        "properties": {
            "type": { "const": "page_request" },
            "id": id(),
            "site": { "type": "string", "pattern": HOST, "description": "The site's host" },
            "target": { "type": "string", "maxLength": 8_192, "pattern": "^/[^\\u0000]*$", "description": target },
            "method": text(16, "The method; GET if it is left out"),
            "status": { "type": "integer", "minimum": 100, "maximum": 599, "description": "The status of the answer" },
            "referrer": text(8_192, "The header referer"),
            "user_agent": text(2_048, "The header user-agent"),
            "language": text(35, "The preferred language"),
            "country": { "type": "string", "pattern": "^[A-Z]{2}$", "description": "The country of the client" },
            "visitor": uuid("The visitor: a hash with a key of the day. None for who asks not to be tracked"),
            "visitor_before": uuid("The same with the key of the day before, by which a visit past midnight is known"),
            "headers": { "type": "object", "properties": flags, "description": "Which headers were there" },
            "hints": {
                "type": "object",
                "properties": {
                    "brands": hint("Sec-CH-UA"),
                    "mobile": hint("Sec-CH-UA-Mobile"),
                    "platform": hint("Sec-CH-UA-Platform"),
                },
                "description": "Client hints, as they were sent",
            },
            "user": name("Left out as a rule"),
            "agent": name("Left out as a rule"),
            "trace_id": trace(),
        },
        "required": ["type", "site", "target", "status"],
        "additionalProperties": false,
    })
}

fn id() -> Value {
    json!({ "type": "string", "format": "uuid", "description": "The sender's id, best a UUID of version 7" })
}

fn trace() -> Value {
    json!({ "type": "string", "pattern": "^[0-9a-fA-F]{32}$", "description": "The trace, as in traceparent" })
}

fn object() -> Value {
    json!({ "type": "object", "description": "More about it, up to 16 KiB" })
}

fn receipt() -> Value {
    let count = |description: &str| json!({ "type": "integer", "description": description });
    json!({
        "type": "object",
        "properties": {
            "stored": count("Events that were stored"),
            "duplicates": count("Events that were there before"),
            "accepted": count("AI requests that are on disk here, and counted in a moment if they were not before"),
            "refused": count("Events that were refused"),
            "results": {
                "type": "array",
                "description": "What became of each event, in the order of the events",
                "items": {
                    "type": "object",
                    "properties": {
                        "id": { "type": "string", "format": "uuid", "description": "The event's id; made here if it had none, or is an AI request" },
                        "result": { "enum": ["stored", "duplicate", "accepted", "refused"] },
                        "field": { "type": "string", "description": "The field that is to blame" },
                        "reason": { "type": "string", "description": "What is wrong with it" },
                    },
                    "required": ["result"],
                },
            },
        },
        "required": ["stored", "duplicates", "accepted", "refused", "results"],
    })
}

/// The section of the docs page.
pub(in crate::api) fn section() -> &'static str {
    "<h2>events</h2>\n\
     <section id=\"events\">\n<h3>Report events</h3>\n\
     <p>Other services report here what their users and agents did (<code>activity</code>), and what \
     belongs into the audit trail (<code>audit</code>: data access and MCP tools), the AI requests \
     that they made past the gateway (<code>request</code>), the tool calls \
     that they saw over MCP (<code>tool_call</code>, <code>tool_list</code>), and the requests to web \
     sites that they answered (<code>page_request</code>). Up to 5,000 events \
     in up to 4 MiB, as a JSON array, as <code>{\"events\": […]}</code> or one a line. The answer \
     comes when they are stored, and says what became of each. Give events an <code>id</code>, best \
     a UUID of version 7: a batch that is sent again is then stored once. This needs a token with the \
     scope <code>ingest</code>.</p>\n\
     <pre><code>curl -H \"Authorization: Bearer $SYSTEMPROMPT_TOKEN\" \\\n  \
     -d '[{\"type\": \"activity\", \"category\": \"marketplace_edit\", \"action\": \"updated\", \
     \"entity_type\": \"skill\", \"entity_name\": \"summarise\", \"user\": \"ada@example.com\"}]' \\\n  \
     http://127.0.0.1:8080/api/v1/events</code></pre>\n</section>\n"
}
