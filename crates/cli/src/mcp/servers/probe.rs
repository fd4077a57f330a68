//! Asks an MCP server for its tools, in whichever era of the protocol it speaks.

use std::time::{Duration, Instant};

use reqwest::{Client, Response};
use serde::Serialize;
use serde_json::{Value, json};
use systemprompt_config::McpServer;

/// The last revision with a handshake, and the first without.
const LEGACY: &str = "2025-11-25";
const STATELESS: &str = "2026-07-28";
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Pages of tools that are asked for.
const PAGES: usize = 20;

/// What a server says of itself.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    pub(super) protocol: String,
    pub(super) server: String,
    pub(super) latency_ms: u64,
    pub(super) tools: Vec<Tool>,
}

#[derive(Debug, Serialize)]
pub(super) struct Tool {
    pub(super) name: String,
    /// Whether clients of the proxy may call it.
    pub(super) allowed: bool,
}

/// A conversation with a server.
struct Talk<'a> {
    client: &'a Client,
    server: &'a McpServer,
    protocol: String,
    session: Option<String>,
}

/// Asks for the server's tools; a sentence's end if that does not work.
pub(super) async fn probe(client: &Client, server: &McpServer) -> Result<Found, String> {
    let begun = Instant::now();
    let mut talk = Talk {
        client,
        server,
        protocol: STATELESS.to_owned(),
        session: None,
    };
    let found = match talk.ask("server/discover", json!({})).await {
        Ok(found) => found,
        Err(_) => talk.initialize().await?,
    };
    let info = found
        .get("serverInfo")
        .or_else(|| found.pointer("/_meta/io.modelcontextprotocol~1serverInfo"));
    let text = |name: &str| {
        info.and_then(|info| info.get(name)?.as_str())
            .unwrap_or("?")
    };
    let called = format!("{} {}", text("name"), text("version"));
    let mut tools = Vec::new();
    let mut cursor = None;
    for _ in 0..PAGES {
        let params = cursor.map_or_else(|| json!({}), |cursor: Value| json!({"cursor": cursor}));
        let page = talk.ask("tools/list", params).await?;
        let listed = page.get("tools").and_then(Value::as_array);
        let names = listed
            .into_iter()
            .flatten()
            .filter_map(|tool| tool.get("name")?.as_str());
        tools.extend(names.map(|name| Tool {
            name: name.to_owned(),
            allowed: server.admits(name),
        }));
        cursor = page
            .get("nextCursor")
            .filter(|cursor| cursor.is_string())
            .cloned();
        if cursor.is_none() {
            break;
        }
    }
    let latency_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Found {
        protocol: talk.protocol,
        server: called,
        latency_ms,
        tools,
    })
}

impl Talk<'_> {
    async fn initialize(&mut self) -> Result<Value, String> {
        self.protocol = LEGACY.to_owned();
        let info = json!({"name": "systemprompt", "version": env!("CARGO_PKG_VERSION")});
        let params = json!({"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": info});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
        let response = self.send(&message, "initialize").await?;
        let session = response.headers().get("mcp-session-id");
        self.session = session.and_then(|id| id.to_str().ok()).map(str::to_owned);
        let result = result(response).await?;
        if let Some(agreed) = result.get("protocolVersion").and_then(Value::as_str) {
            agreed.clone_into(&mut self.protocol);
        }
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        self.send(&ready, "notifications/initialized").await?;
        Ok(result)
    }

    async fn ask(&self, method: &str, mut params: Value) -> Result<Value, String> {
        if self.protocol == STATELESS {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": STATELESS,
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo":
                    {"name": "systemprompt", "version": env!("CARGO_PKG_VERSION")},
            });
        }
        let message = json!({"jsonrpc": "2.0", "id": 2, "method": method, "params": params});
        result(self.send(&message, method).await?).await
    }

    async fn send(&self, message: &Value, method: &str) -> Result<Response, String> {
        let mut request = self
            .client
            .post(&self.server.url)
            .timeout(PATIENCE)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", &self.protocol)
            .body(message.to_string());
        if self.protocol == STATELESS {
            request = request.header("mcp-method", method);
        }
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
        }
        if let Some(key) = &self.server.key {
            request = match self.server.header.as_str() {
                "authorization" => request.bearer_auth(key.expose()),
                header => request.header(header, key.expose()),
            };
        }
        // The error's text names the address, which may hold a key.
        let sent = request
            .send()
            .await
            .map_err(|error| match error.is_timeout() {
                true => "it took too long".to_owned(),
                false => "it cannot be reached".to_owned(),
            })?;
        match sent.status() {
            status if status.is_success() => Ok(sent),
            status => Err(format!("it answered with HTTP {status}")),
        }
    }
}

/// The result in an answer, which may be one event of a stream.
async fn result(response: Response) -> Result<Value, String> {
    let body = response
        .bytes()
        .await
        .map_err(|_| "its answer broke off".to_owned())?;
    let text = String::from_utf8_lossy(&body);
    let document = serde_json::from_str(&text).ok();
    let events = || text.lines().filter_map(|line| line.strip_prefix("data:"));
    let answer = |value: &Value| value.get("result").is_some() || value.get("error").is_some();
    let answer: Value = document
        .or_else(|| {
            events()
                .filter_map(|data| serde_json::from_str(data).ok())
                .find(answer)
        })
        .ok_or("its answer is no JSON-RPC")?;
    if let Some(error) = answer.get("error") {
        let message = error.get("message").and_then(Value::as_str).unwrap_or("?");
        return Err(format!("it says {message:?}"));
    }
    answer
        .get("result")
        .cloned()
        .ok_or_else(|| "its answer has no result".to_owned())
}
