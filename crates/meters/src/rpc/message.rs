//! What a client sends: requests whose end is worth knowing, and what takes them
//! back. Messages are there in full.

use std::time::Duration;

use serde_json::value::RawValue;
use systemprompt_domain::ToolCallId;
use systemprompt_domain::text::bounded;
use systemprompt_domain::tool::{ToolCalled, ToolStatus, Via};
use systemprompt_domain::trace::{TraceId, TraceParent};
use time::OffsetDateTime;

use super::RpcId;
use super::canonical::hash_text;
use crate::members::{members, members_of};

/// Most messages of a batch that are read.
const BATCH: usize = 1_000;

/// What is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message of JSON-RPC")]
pub struct MalformedMessage;

/// What was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// What matters of it: one, or those of a batch.
    pub sent: Vec<Sent>,
    /// The id of the only message.
    pub id: Option<RpcId>,
    /// The method of the only message.
    pub method: Option<String>,
    /// What it is about: a tool or a prompt by its name, a resource by its address.
    pub name: Option<String>,
}

/// A message that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A tool is called.
    Call(Box<Call>),
    /// The tools are asked for.
    List(RpcId),
    /// The client says who it is.
    Initialize(Client),
    /// A request is taken back.
    Cancelled(RpcId),
}

/// A client, as it calls itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Its name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The protocol's revision that it asks for.
    pub protocol: Option<String>,
}

/// A tool that is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The request's id.
    pub id: RpcId,
    /// The tool.
    pub tool: String,
    /// A hash of the arguments, if there are any.
    pub argument_hash: Option<String>,
    /// The trace it belongs to, where the message says.
    pub trace: Option<TraceParent>,
    /// The model's id of the call, where the client passes it on.
    pub call_id: Option<String>,
    /// Who calls, where the message says.
    pub client: Client,
    /// The size of the message.
    pub bytes: u64,
}

/// How a call ended, and what was seen meanwhile.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its id; when it began is the time in it.
    pub id: ToolCallId,
    /// Who saw it.
    pub via: Via,
    /// The MCP server.
    pub server: String,
    /// How it ended.
    pub status: ToolStatus,
    /// What went wrong.
    pub error_type: Option<&'static str>,
    /// The code of it.
    pub error_code: Option<String>,
    /// From its beginning to its end.
    pub latency: Duration,
    /// From its beginning to the first byte of the answer.
    pub ttfb: Option<Duration>,
    /// The size of the answer.
    pub response_bytes: u64,
}

impl Call {
    /// The event of its end. Whose call it was is not known here. Without a trace
    /// it has one of its own.
    #[must_use]
    pub fn called(self, seen: Seen) -> ToolCalled {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let own = TraceId(seen.id.0);
        ToolCalled {
            id: seen.id,
            created_at: seen.id.created_at().unwrap_or(OffsetDateTime::UNIX_EPOCH),
            trace_id: self.trace.map_or(own, |trace| trace.trace_id),
            parent_span_id: self.trace.map(|trace| trace.parent),
            request_id: None,
            server: seen.server,
            tool: self.tool,
            via: seen.via,
            user: None,
            agent: None,
            token: None,
            session_id: None,
            conversation_id: None,
            call_id: self.call_id,
            rpc_id: Some(bounded(&self.id.to_string())),
            client_name: self.client.name,
            client_version: self.client.version,
            protocol_version: self.client.protocol,
            status: seen.status,
            error_type: seen.error_type.map(str::to_owned),
            error_code: seen.error_code,
            argument_hash: self.argument_hash,
            latency_us: micros(seen.latency),
            ttfb_us: seen.ttfb.map(micros),
            request_bytes: self.bytes,
            response_bytes: seen.response_bytes,
        }
    }
}

/// Reads a message, or a batch of them.
///
/// # Errors
/// What is no JSON object, nor an array of objects.
pub fn read_message(json: &[u8]) -> Result<Message, MalformedMessage> {
    let first = json.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        let batch: Vec<&RawValue> = serde_json::from_slice(json).map_err(|_| MalformedMessage)?;
        let read = batch.into_iter().take(BATCH);
        let read = read.map(|one| Read::of(one.get().as_bytes()));
        let mut message = Message::default();
        for read in read {
            message.sent.extend(read?.sent());
        }
        return Ok(message);
    }
    let read = Read::of(json)?;
    Ok(Message {
        id: read.id.clone(),
        name: read.name(),
        sent: read.sent().into_iter().collect(),
        method: read.method,
    })
}

/// One message, taken apart.
struct Read<'a> {
    id: Option<RpcId>,
    method: Option<String>,
    params: Option<&'a RawValue>,
    bytes: u64,
}

fn text(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(value?.get()).ok()
}

/// A name; one that is empty is none.
fn name(value: Option<&RawValue>) -> Option<String> {
    let name = bounded(&text(value)?);
    (!name.is_empty()).then_some(name)
}

impl<'a> Read<'a> {
    fn of(json: &'a [u8]) -> Result<Self, MalformedMessage> {
        let [id, method, params] =
            members(json, ["id", "method", "params"]).map_err(|_| MalformedMessage)?;
        Ok(Self {
            id: id.and_then(|id| RpcId::read(id.get().as_bytes())),
            method: text(method),
            params,
            bytes: json.len() as u64,
        })
    }

    fn name(&self) -> Option<String> {
        let [name, uri] = members_of(self.params, ["name", "uri"]);
        match self.method.as_deref()? {
            "tools/call" | "prompts/get" => text(name),
            "resources/read" => text(uri),
            _ => None,
        }
    }

    fn sent(&self) -> Option<Sent> {
        match self.method.as_deref()? {
            "tools/call" => self.call().map(|call| Sent::Call(Box::new(call))),
            "tools/list" => self.id.clone().map(Sent::List),
            "initialize" => {
                let [info, protocol] = members_of(self.params, ["clientInfo", "protocolVersion"]);
                Some(Sent::Initialize(client(info, protocol)))
            }
            "notifications/cancelled" => {
                let [id] = members_of(self.params, ["requestId"]);
                RpcId::read(id?.get().as_bytes()).map(Sent::Cancelled)
            }
            _ => None,
        }
    }

    fn call(&self) -> Option<Call> {
        let [tool, arguments, meta] = members_of(self.params, ["name", "arguments", "_meta"]);
        let [parent, claude, given, info, protocol] = members_of(
            meta,
            [
                "traceparent",
                "claudecode/toolUseId",
                "gen_ai.tool.call.id",
                "io.modelcontextprotocol/clientInfo",
                "io.modelcontextprotocol/protocolVersion",
            ],
        );
        Some(Call {
            id: self.id.clone()?,
            // A call that names no tool is one all the same: the server refuses it.
            tool: name(tool).unwrap_or_default(),
            argument_hash: arguments.map(|arguments| hash_text(arguments.get())),
            trace: text(parent).and_then(|parent| parent.parse().ok()),
            call_id: name(given).or_else(|| name(claude)),
            client: client(info, protocol),
            bytes: self.bytes,
        })
    }
}

fn client(info: Option<&RawValue>, protocol: Option<&RawValue>) -> Client {
    let [called, version] = members_of(info, ["name", "version"]);
    Client {
        name: name(called),
        version: name(version),
        protocol: name(protocol),
    }
}
