//! What to do about a tool call that did not succeed.

use crate::rollup::ToolFailures;

/// One sentence that the agent can act on.
pub(super) fn advice(failure: &ToolFailures) -> &'static str {
    match failure.status.as_str() {
        "timeout" => {
            return "the tool took too long: ask it for less at once, or use another one \
                    (`tools list --sort-by avg-time` shows the slow ones)";
        }
        "cancelled" => {
            return "the client left or took the call back before the answer: give it a longer \
                    timeout, or ask the tool for less";
        }
        _ => {}
    }
    let code = failure.error_code.as_deref();
    match (failure.error_type.as_deref(), code) {
        (Some("tool_denied"), _) => {
            "this tool may not be called here: use another one, or ask for it to be allowed \
             (mcp.servers)"
        }
        (Some("tool_error"), _) => {
            "the tool says that it failed: its answer's text says why; change the arguments, \
             repeating the same call is of no use"
        }
        (Some("rpc_error"), Some("-32602")) => {
            "the server knows no such tool, or not with these arguments: list its tools again and \
             follow their schemas"
        }
        (Some("rpc_error"), Some("-32601")) => "the server has no tools: check which server it is",
        (Some("rpc_error"), _) => "the server failed: try again after a pause",
        (Some("http_error"), Some("429")) => {
            "too many calls at once: wait, then send fewer at a time"
        }
        (Some("http_error"), Some("401" | "403")) => {
            "the server refuses the key that it is sent: repeating it is of no use; whoever runs \
             the gateway has to set it (mcp.servers)"
        }
        (Some("http_error"), _) => "the server failed: try again after a pause",
        (Some("upstream_unreachable"), _) => {
            "the server was not reached: check whether it runs and its address (`systemprompt mcp \
             servers test`), then try again"
        }
        _ => "the answer broke off: try again",
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn what_helps_depends_on_what_went_wrong() {
        for (status, kind, code, expected) in [
            ("timeout", "upstream_timeout", None, "too long"),
            ("cancelled", "client_left", None, "longer timeout"),
            ("failed", "tool_error", None, "no use"),
            ("failed", "rpc_error", Some("-32602"), "schemas"),
            ("failed", "rpc_error", Some("-32603"), "after a pause"),
            ("failed", "tool_denied", None, "allowed"),
            ("failed", "http_error", Some("403"), "key"),
            ("failed", "upstream_unreachable", None, "not reached"),
            ("failed", "upstream_eof", None, "broke off"),
        ] {
            let failure = ToolFailures {
                server: "docs".to_owned(),
                tool: "search".to_owned(),
                status: status.to_owned(),
                error_type: Some(kind.to_owned()),
                error_code: code.map(str::to_owned),
                count: 1,
                first_at: datetime!(2026-07-01 12:00 UTC),
                last_at: datetime!(2026-07-01 12:00 UTC),
            };
            let said = advice(&failure);
            assert!(said.contains(expected), "{status} {kind} {code:?}: {said}");
        }
    }
}
