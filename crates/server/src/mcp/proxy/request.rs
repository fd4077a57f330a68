//! What a message must not be: from a page of another site, or different from
//! what its headers say, which others on the way may have gone by.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};
use systemprompt_mcp::Hosts;
use systemprompt_meters::rpc::Message;

use super::errors::ProxyError;

/// Headers and body differ.
const MISMATCH: i32 = -32020;

/// Names of this machine.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Whether no page of another site sends it: one that this machine alone can
/// reach answers under its own names, and to its own pages.
pub(super) fn comes_from_here(headers: &HeaderMap, hosts: Hosts) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let origin = text(header::ORIGIN);
    match hosts {
        Hosts::Any => origin.is_none(),
        Hosts::Loopback => {
            let host = text(header::HOST).is_some_and(is_local);
            let site = |origin: &str| {
                let host = origin.strip_prefix("http://");
                host.or_else(|| origin.strip_prefix("https://"))
                    .is_some_and(is_local)
            };
            host && origin.is_none_or(site)
        }
    }
}

/// Whether `host` or `host:port` is this machine.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    LOCAL.iter().any(|local| name.eq_ignore_ascii_case(local))
}

/// Refuses a message whose headers say something else than its body. What other
/// methods, of extensions, are about is between client and server.
pub(super) fn headers_agree(headers: &HeaderMap, message: &Message) -> Result<(), ProxyError> {
    let names = ["tools/call", "prompts/get", "resources/read"];
    let method = message.method.as_deref();
    let extension = method.is_some_and(|method| !names.contains(&method));
    for (name, said) in [("mcp-method", &message.method), ("mcp-name", &message.name)] {
        if name == "mcp-name" && extension {
            continue;
        }
        let mut values = headers.get_all(name).iter();
        let Some(value) = values.next() else { continue };
        let value = value.to_str().ok().and_then(decoded);
        if values.next().is_some() || value.is_none() || value.as_deref() != said.as_deref() {
            let text = format!("the header {name} is not what the message says");
            return Err(ProxyError::new(StatusCode::BAD_REQUEST, MISMATCH, text));
        }
    }
    Ok(())
}

/// A header's text, which may be written as `=?base64?…?=`.
fn decoded(value: &str) -> Option<String> {
    let value = value.trim_matches([' ', '\t']);
    let encoded = value
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="));
    match encoded {
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok(),
        None => Some(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, &str)| {
            let name = http::HeaderName::from_static(name);
            (name, value.parse().expect("a header value"))
        };
        pairs.iter().map(header).collect()
    }

    #[test]
    fn pages_of_others_are_refused() {
        let here = |pairs: &[(&'static str, &str)], hosts| comes_from_here(&headers(pairs), hosts);
        for host in ["localhost:8080", "127.0.0.1", "[::1]:8080", "LOCALHOST"] {
            assert!(here(&[("host", host)], Hosts::Loopback), "{host}");
        }
        assert!(
            !here(&[("host", "evil.example")], Hosts::Loopback),
            "DNS rebinding"
        );
        assert!(!here(
            &[("host", "localhost.evil.example:80")],
            Hosts::Loopback
        ));
        let local = ("host", "localhost:8080");
        assert!(here(
            &[local, ("origin", "http://localhost:6274")],
            Hosts::Loopback
        ));
        for origin in [
            "https://evil.example",
            "null",
            "http://localhost.evil.example",
        ] {
            assert!(
                !here(&[local, ("origin", origin)], Hosts::Loopback),
                "{origin}"
            );
            assert!(!here(
                &[("host", "x.example"), ("origin", origin)],
                Hosts::Any
            ));
        }
        assert!(here(&[("host", "analytics.example")], Hosts::Any));
    }

    #[test]
    fn headers_say_what_the_message_says() {
        let message = Message {
            method: Some("tools/call".to_owned()),
            name: Some("größe".to_owned()),
            ..Message::default()
        };
        let agree =
            |pairs: &[(&'static str, &str)]| headers_agree(&headers(pairs), &message).is_ok();
        assert!(agree(&[]));
        assert!(agree(&[
            ("mcp-method", "tools/call"),
            ("mcp-name", "=?base64?Z3LDtsOfZQ==?="),
        ]));
        assert!(!agree(&[("mcp-method", "tools/list")]));
        assert!(!agree(&[("mcp-name", "other")]));
        assert!(!agree(&[("mcp-name", "=?base64?!?=")]));
        let tasks = Message {
            method: Some("tasks/get".to_owned()),
            ..Message::default()
        };
        assert!(headers_agree(&headers(&[("mcp-name", "task-1")]), &tasks).is_ok());
        let batch = Message::default();
        assert!(headers_agree(&headers(&[("mcp-method", "tools/call")]), &batch).is_err());
    }
}
