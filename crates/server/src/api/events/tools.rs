//! Tool calls and lists of tools among the events.

use serde::Deserialize;
use systemprompt_domain::json::Object;
use systemprompt_domain::reported::{Source, ToolReport, ToolsReport};
use systemprompt_domain::tool::{
    LONGEST, MOST_TOOLS, ToolCalled, ToolDefinition, ToolStatus, ToolsListed, Via,
};
use systemprompt_domain::{SpanId, ToolCallId, TraceId};

use super::item::{Fields, Refused, missing};

/// Longer than anything has run: numbers beyond it are no durations and no sizes.
pub(super) const MOST: u64 = 1 << 52;

/// A tool call.
pub(super) fn call(fields: &mut Fields<'_>, source: Source) -> Result<ToolReport, Refused> {
    let status = fields.needed("status")?;
    let status = ToolStatus::named(&status).ok_or_else(|| {
        let known = ToolStatus::ALL.map(ToolStatus::as_str).join(", ");
        Refused::of("status", format!("must be one of {known}"))
    })?;
    let via = match fields.text("via")?.as_deref() {
        None => Via::Layer,
        // What passed the proxy the proxy tells, spans have a route of their own.
        Some(name) => Via::named(name)
            .filter(|via| matches!(via, Via::Stdio | Via::Layer))
            .ok_or_else(|| Refused::of("via", "must be stdio or layer"))?,
    };
    let call = ToolCalled {
        id: ToolCallId(source.stamp.id.0),
        created_at: source.stamp.at,
        trace_id: TraceId(source.stamp.id.0),
        parent_span_id: span(fields, "parent_span_id")?,
        request_id: None,
        server: name(fields, "server")?,
        tool: name(fields, "tool")?,
        via,
        user: None,
        agent: None,
        token: None,
        session_id: fields.text("session_id")?,
        conversation_id: fields.text("conversation_id")?,
        call_id: fields.text("call_id")?,
        rpc_id: fields.text("rpc_id")?,
        client_name: fields.text("client_name")?,
        client_version: fields.text("client_version")?,
        protocol_version: fields.text("protocol_version")?,
        status,
        error_type: fields.text("error_type")?,
        error_code: fields.text("error_code")?,
        argument_hash: fields.text("argument_hash")?,
        latency_us: number(fields, "latency_us")?.ok_or_else(|| missing("latency_us"))?,
        ttfb_us: number(fields, "ttfb_us")?,
        request_bytes: number(fields, "request_bytes")?.unwrap_or(0),
        response_bytes: number(fields, "response_bytes")?.unwrap_or(0),
    };
    Ok(ToolReport::new(source, call))
}

/// A list of tools.
pub(super) fn list(fields: &mut Fields<'_>, source: Source) -> Result<ToolsReport, Refused> {
    /// A tool, as it is sent.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Tool {
        name: String,
        hash: String,
    }
    let server = name(fields, "server")?;
    let tools: Vec<Object<Tool>> = fields
        .take("tools", "must be a list of objects with name and hash")?
        .ok_or_else(|| missing("tools"))?;
    if tools.len() > MOST_TOOLS {
        return Err(Refused::of(
            "tools",
            format!("must be at most {MOST_TOOLS}"),
        ));
    }
    let sound = |text: &str| !text.is_empty() && text.len() <= LONGEST && !text.contains('\0');
    if tools
        .iter()
        .any(|Object(tool)| !sound(&tool.name) || !sound(&tool.hash))
    {
        let text = format!("must have names and hashes of 1 to {LONGEST} bytes without NUL");
        return Err(Refused::of("tools", text));
    }
    let tools = tools
        .into_iter()
        .map(|Object(Tool { name, hash })| ToolDefinition { name, hash });
    let listed = ToolsListed {
        at: source.stamp.at,
        server,
        tools: tools.collect(),
        user: None,
        agent: None,
        token: None,
    };
    Ok(ToolsReport::new(source, listed))
}

pub(super) fn name(fields: &mut Fields<'_>, field: &str) -> Result<String, Refused> {
    let name = fields.needed(field)?;
    if name.len() > LONGEST {
        let text = format!("must be at most {LONGEST} bytes long");
        return Err(Refused::of(field, text));
    }
    Ok(name)
}

/// A span, as in `traceparent`.
pub(super) fn span(fields: &mut Fields<'_>, field: &str) -> Result<Option<SpanId>, Refused> {
    let span = fields.text(field)?.map(|span| {
        let digits = u64::from_str_radix(&span, 16);
        let digits = digits.ok().filter(|_| span.len() == 16);
        digits.ok_or_else(|| Refused::of(field, "must be 16 hexadecimal digits"))
    });
    Ok(span.transpose()?.map(SpanId))
}

/// A whole number, however it is written: JSON does not tell 5 from 5.0. All of them up
/// to [`MOST`] are exact as floating point.
pub(super) fn number(fields: &mut Fields<'_>, field: &str) -> Result<Option<u64>, Refused> {
    let expected = "must be a whole number, 0 or more";
    match fields.take::<f64>(field, expected)? {
        None => Ok(None),
        Some(number) if number > MOST as f64 => Err(Refused::of(field, "is too large")),
        Some(number) if number >= 0.0 && number.fract() == 0.0 => Ok(Some(number as u64)),
        Some(_) => Err(Refused::of(field, expected)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn whole_numbers_are_taken_however_they_are_written() {
        let read = |text: &str| {
            let raw = RawValue::from_string(text.to_owned()).expect("JSON");
            let mut fields = Fields(BTreeMap::from([("n".to_owned(), &*raw)]));
            number(&mut fields, "n").map_err(drop)
        };
        for (text, expected) in [
            ("0", Ok(Some(0))),
            ("128907.0", Ok(Some(128_907))),
            ("1e3", Ok(Some(1_000))),
            ("4503599627370496", Ok(Some(MOST))),
            ("null", Ok(None)),
            ("4503599627370497", Err(())),
            ("18446744073709551616", Err(())),
            ("0.5", Err(())),
            ("-1", Err(())),
            ("\"5\"", Err(())),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
