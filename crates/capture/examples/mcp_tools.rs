//! An MCP server whose tool calls are recorded. The protocol is written out here to show
//! that no framework is needed; around one, the layer is the same.
//!
//! ```sh
//! export SYSTEMPROMPT_URL=http://127.0.0.1:8080 SYSTEMPROMPT_TOKEN=sp_…   # scope: ingest
//! cargo run -p systemprompt-capture --features tower,http-sink --example mcp_tools
//! curl -H 'content-type: application/json' http://127.0.0.1:3001/mcp -d '{"jsonrpc": "2.0",
//!   "id": 1, "method": "tools/call", "params": {"name": "add", "arguments": {"a": 1, "b": 2}}}'
//! ```
#![expect(
    clippy::print_stdout,
    reason = "an example talks to whoever started it"
)]

use std::env;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use systemprompt_capture::{Capture, ToolLayer};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // With reqwest's default features there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (url, token) = (
        env::var("SYSTEMPROMPT_URL")?,
        env::var("SYSTEMPROMPT_TOKEN")?,
    );
    let folder = env::var("SYSTEMPROMPT_SPOOL").unwrap_or_else(|_| "mcp-tools-spool".to_owned());
    let capture = Capture::builder(reqwest::Client::new(), &url, token).start(folder)?;

    let server = Router::new()
        .route("/mcp", post(message))
        .layer(ToolLayer::new("calculator", capture.recorder()));

    let listen = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3001".to_owned());
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    axum::serve(listener, server)
        .with_graceful_shutdown(stop)
        .await?;
    println!("{:?}", capture.close(Duration::from_secs(5)).await);
    Ok(())
}

/// Answers a message of JSON-RPC.
async fn message(Json(message): Json<Value>) -> Response {
    let Some(id) = message.get("id") else {
        // A notification has no answer.
        return StatusCode::ACCEPTED.into_response();
    };
    let numbers = json!({"a": {"type": "number"}, "b": {"type": "number"}});
    let tools = ["add", "divide"].map(
        |name| json!({"name": name, "inputSchema": {"type": "object", "properties": numbers}}),
    );
    let result = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "calculator", "version": "1.0.0"},
        }),
        Some("tools/list") => json!({"tools": tools}),
        Some("tools/call") => call(&message["params"]),
        _ => {
            let error = json!({"code": -32601, "message": "method not found"});
            return Json(json!({"jsonrpc": "2.0", "id": id, "error": error})).into_response();
        }
    };
    Json(json!({"jsonrpc": "2.0", "id": id, "result": result})).into_response()
}

/// Calls a tool.
fn call(params: &Value) -> Value {
    let argument = |name: &str| params["arguments"][name].as_f64().unwrap_or(0.0);
    let (a, b) = (argument("a"), argument("b"));
    let (text, failed) = match params["name"].as_str() {
        Some("add") => ((a + b).to_string(), false),
        Some("divide") if b != 0.0 => ((a / b).to_string(), false),
        Some("divide") => ("nothing can be divided by nothing".to_owned(), true),
        _ => ("there is no such tool".to_owned(), true),
    };
    json!({"content": [{"type": "text", "text": text}], "isError": failed})
}
