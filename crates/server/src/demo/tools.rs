//! The tools of a demonstration's agents: which MCP server has each, how long it
//! takes, and how each call of a request ended.

use rand::RngExt as _;
use rand::rngs::StdRng;
use sha2::{Digest as _, Sha256};
use systemprompt_domain::Event;
use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::ids::ToolCallId;
use systemprompt_domain::tool::{ToolCalled, ToolDefinition, ToolStatus, ToolsListed, Via};
use time::{Duration, OffsetDateTime};

use super::cast::about;
use super::id_at;

/// A tool: its name, its server, its typical milliseconds, and how often it fails.
const TOOLS: [(&str, &str, f64, f64); 14] = [
    ("search_tickets", "helpdesk", 240.0, 0.012),
    ("get_customer", "helpdesk", 90.0, 0.008),
    ("reply_draft", "helpdesk", 130.0, 0.015),
    ("read_file", "workspace", 14.0, 0.03),
    ("run_tests", "workspace", 8_000.0, 0.16),
    ("git_diff", "workspace", 60.0, 0.01),
    ("git_log", "workspace", 45.0, 0.01),
    ("comment", "workspace", 320.0, 0.02),
    ("search_docs", "docs-search", 180.0, 0.01),
    ("run_query", "warehouse", 2_400.0, 0.07),
    ("plot", "warehouse", 900.0, 0.03),
    ("web_search", "browse", 1_100.0, 0.02),
    ("fetch_page", "browse", 1_700.0, 0.09),
    ("open_issue", "workspace", 410.0, 0.02),
];

/// The day on which a server came with another definition of a tool, so many days ago.
const CHANGED: (i64, &str) = (6, "run_query");

/// The calls that a request asked for, right after it.
pub(super) fn calls(random: &mut StdRng, end: &RequestFinished) -> Vec<Event> {
    let call = |tool: &String| {
        let known = TOOLS.iter().find(|(name, ..)| name == tool)?;
        Some(Event::ToolCalled(Box::new(called(random, end, known))))
    };
    end.tool_calls.iter().filter_map(call).collect()
}

fn called(
    random: &mut StdRng,
    end: &RequestFinished,
    (tool, server, typical, failing): &(&str, &str, f64, f64),
) -> ToolCalled {
    let context = &end.context;
    let at = end.finished_at + Duration::milliseconds(random.random_range(5..60));
    let id = ToolCallId(id_at(at));
    let (status, error) = match random.random::<f64>() {
        part if part < *failing => (ToolStatus::Failed, Some("tool_error")),
        part if part < failing * 1.15 => (ToolStatus::Timeout, Some("timeout")),
        part if part < failing * 1.2 => (ToolStatus::Cancelled, Some("cancelled")),
        _ => (ToolStatus::Success, None),
    };
    let latency_us = match status {
        ToolStatus::Timeout => 30_000_000,
        _ => about(random, typical * 1_000.0, 0.5),
    };
    ToolCalled {
        id,
        created_at: id.created_at().unwrap_or(at),
        trace_id: context.trace_id,
        parent_span_id: None,
        request_id: Some(context.id),
        server: (*server).to_owned(),
        tool: (*tool).to_owned(),
        via: Via::Proxy,
        user: context.user.clone(),
        agent: context.agent.clone(),
        token: context.token.clone(),
        session_id: context.session_id.clone(),
        conversation_id: context.conversation_id.clone(),
        call_id: Some(format!("call_{:016x}", random.random::<u64>())),
        rpc_id: Some(random.random_range(1..400).to_string()),
        client_name: Some("acme-agents".to_owned()),
        client_version: Some("3.4.0".to_owned()),
        protocol_version: Some("2025-11-25".to_owned()),
        status,
        error_type: error.map(str::to_owned),
        error_code: None,
        argument_hash: Some(hash(&format!("{:x}", random.random::<u32>()))),
        latency_us,
        ttfb_us: (status != ToolStatus::Timeout).then(|| latency_us * 4 / 5),
        request_bytes: about(random, 420.0, 0.4),
        response_bytes: about(random, 2_600.0, 0.9),
    }
}

/// What servers said their tools are, on the first of the days and when one changed.
pub(super) fn listed(at: OffsetDateTime, ago: i64, first: bool) -> Vec<Event> {
    let (changed, which) = CHANGED;
    let mut servers: Vec<&str> = TOOLS.iter().map(|(_, server, ..)| *server).collect();
    servers.sort_unstable();
    servers.dedup();
    let of = |server: &&str| {
        let tools = TOOLS.iter().filter(|(_, of, ..)| of == server);
        let changes = ago == changed && tools.clone().any(|(name, ..)| *name == which);
        let definition = |(name, ..): &(&str, &str, f64, f64)| ToolDefinition {
            name: (*name).to_owned(),
            hash: match changes && *name == which {
                true => hash(&format!("{name}, with a limit of rows")),
                false => hash(name),
            },
        };
        (first || changes).then(|| ToolsListed {
            at,
            server: (*server).to_owned(),
            tools: tools.map(definition).collect(),
            user: None,
            agent: None,
            token: Some("demo".to_owned()),
        })
    };
    let listed = servers.iter().filter_map(of);
    listed
        .map(|listed| Event::ToolsListed(Box::new(listed)))
        .collect()
}

fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
