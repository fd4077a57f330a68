//! `[host:port ]client ident user [time] "request" status bytes["referrer" "agent"]`.

use std::borrow::Cow;

use super::{Hit, LineError, clock};

pub(super) fn parse(line: &str) -> Result<Hit<'_>, LineError> {
    let (before, rest) = line.split_once('[').ok_or(LineError::No("time"))?;
    let (time, rest) = rest.split_once(']').ok_or(LineError::No("time"))?;
    let at = clock::parse(time).ok_or(LineError::No("time"))?;
    let (host, client) = client(before)?;
    let (request, rest) = quoted(rest).ok_or(LineError::No("request"))?;
    let (method, target) = split_request(request);
    let mut words = rest.trim_start().splitn(3, ' ');
    let status = words
        .next()
        .and_then(status)
        .ok_or(LineError::No("status"))?;
    let bytes = words.next().unwrap_or("-");
    let bytes = match bytes {
        "-" => None,
        digits => Some(digits.parse().map_err(|_| LineError::No("size"))?),
    };
    let rest = words.next().unwrap_or("").trim_start();
    let (referrer, agent) = if rest.is_empty() {
        (None, None)
    } else {
        let (referrer, rest) = quoted(rest).ok_or(LineError::No("referrer"))?;
        // What follows the agent (times, forwarded addresses) is others' business.
        let (agent, _) = quoted(rest).ok_or(LineError::No("user agent"))?;
        (sent(referrer), sent(agent))
    };
    Ok(Hit {
        at,
        client: Cow::Borrowed(client),
        host,
        method,
        target,
        status,
        bytes,
        referrer,
        agent,
    })
}

/// The virtual host, if the line begins with one, and the client. A user's name
/// may have spaces in it, so only the first words count: a host is followed by
/// a client and a dash more than usual.
fn client(before: &str) -> Result<(Option<Cow<'_, str>>, &str), LineError> {
    let mut words = before.split_ascii_whitespace();
    let first = words.next().ok_or(LineError::No("client"))?;
    let second = words.next().ok_or(LineError::No("client"))?;
    let (_third, fourth) = (words.next(), words.next());
    let is_address = first.parse::<std::net::IpAddr>().is_ok();
    let has_host = !is_address
        && fourth.is_some()
        && (second.parse::<std::net::IpAddr>().is_ok() || first.contains(':'));
    if !has_host {
        return Ok((None, first));
    }
    let host = first.rsplit_once(':').map_or(first, |(host, port)| {
        if port.bytes().all(|b| b.is_ascii_digit()) {
            host
        } else {
            first
        }
    });
    let host = if host.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    };
    Ok((Some(host), second))
}

/// The text between the next two quotes, and what follows. Servers escape
/// quotes, backslashes and control bytes inside.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let text = text.trim_start().strip_prefix('"')?;
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut escaped = false;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            break;
        }
        escaped = true;
        at += 2;
    }
    let inside = &text[..at];
    let inside = if escaped {
        Cow::Owned(unescape(inside))
    } else {
        Cow::Borrowed(inside)
    };
    Some((inside, &text[at + 1..]))
}

/// `\"`, `\\`, `\n` and its like, `\xhh`. Bytes that are no UTF-8 together show
/// as replacement characters.
fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'x') => {
                let mut ahead = bytes.clone();
                let digits = [ahead.next(), ahead.next()]
                    .map(|digit| digit.and_then(|digit| char::from(digit).to_digit(16)));
                if let [Some(high), Some(low)] = digits {
                    out.push(u8::try_from(high * 16 + low).expect("two hex digits are a byte"));
                    bytes = ahead;
                } else {
                    out.extend(b"\\x");
                }
            }
            Some(b'n') => out.push(b'\n'),
            Some(b'r') => out.push(b'\r'),
            Some(b't') => out.push(b'\t'),
            Some(other) => out.push(other),
            None => out.push(b'\\'),
        }
    }
    String::from_utf8(out)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Method and target. What is no HTTP request (TLS to a plain port, nonsense)
/// has no method, and all of it is the target.
fn split_request(request: Cow<'_, str>) -> (Cow<'_, str>, Cow<'_, str>) {
    fn parts(request: &str) -> (&str, &str) {
        let Some((method, rest)) = request.split_once(' ') else {
            return ("", request);
        };
        let is_method = (1..=20).contains(&method.len())
            && method
                .bytes()
                .all(|b| b.is_ascii_uppercase() || matches!(b, b'-' | b'_'));
        if !is_method {
            return ("", request);
        }
        let target = match rest.rsplit_once(' ') {
            Some((target, version)) if version.starts_with("HTTP/") => target,
            _ => rest,
        };
        (method, target)
    }
    match request {
        Cow::Borrowed(request) => {
            let (method, target) = parts(request);
            (Cow::Borrowed(method), Cow::Borrowed(target))
        }
        Cow::Owned(request) => {
            let (method, target) = parts(&request);
            (Cow::Owned(method.to_owned()), Cow::Owned(target.to_owned()))
        }
    }
}

fn status(text: &str) -> Option<u16> {
    let status = text.parse().ok()?;
    (100..=999).contains(&status).then_some(status)
}

/// A header that was sent: servers write a dash for one that was not.
fn sent(value: Cow<'_, str>) -> Option<Cow<'_, str>> {
    (!value.is_empty() && value != "-").then_some(value)
}
