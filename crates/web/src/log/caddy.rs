//! Caddy's JSON access log, of which a few members are read.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Hit, LineError};

#[derive(Deserialize)]
struct Line<'a> {
    ts: Stamp,
    #[serde(borrow)]
    request: Request<'a>,
    status: u16,
    size: Option<u64>,
}

/// Seconds since 1970 by default, text by configuration.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stamp {
    Seconds(f64),
    Text(String),
}

#[derive(Deserialize)]
struct Request<'a> {
    /// Whom Caddy believes to be the client, behind trusted proxies.
    #[serde(borrow)]
    client_ip: Option<Cow<'a, str>>,
    #[serde(borrow)]
    remote_ip: Option<Cow<'a, str>>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    host: Option<Cow<'a, str>>,
    #[serde(borrow)]
    uri: Cow<'a, str>,
    #[serde(default)]
    headers: HashMap<String, Vec<String>>,
}

pub(super) fn parse(line: &str) -> Result<Hit<'_>, LineError> {
    let line: Line<'_> = serde_json::from_str(line).map_err(|_| LineError::Json)?;
    let Line {
        ts,
        mut request,
        status,
        size,
    } = line;
    if !(100..=999).contains(&status) {
        return Err(LineError::No("status"));
    }
    let at = ts.time().ok_or(LineError::No("time"))?;
    let client = request.client_ip.or(request.remote_ip);
    let mut header = |name: &str| {
        let found = request
            .headers
            .iter_mut()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        let value = std::mem::take(found?.1.first_mut()?);
        (!value.is_empty()).then_some(Cow::Owned(value))
    };
    let (referrer, agent) = (header("referer"), header("user-agent"));
    let host = request.host.filter(|host| !host.is_empty());
    Ok(Hit {
        at,
        client: client.ok_or(LineError::No("client"))?,
        host: host.map(|host| {
            let name = host.rsplit_once(':').map_or(&*host, |(name, _)| name);
            Cow::Owned(name.to_ascii_lowercase())
        }),
        method: request.method,
        target: request.uri,
        status,
        bytes: size,
        referrer,
        agent,
    })
}

impl Stamp {
    fn time(self) -> Option<OffsetDateTime> {
        match self {
            Self::Seconds(seconds) => (0.0..=253_402_300_799.0)
                .contains(&seconds)
                .then(|| (seconds * 1e6) as i128 * 1_000)
                .and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()),
            Self::Text(text) => OffsetDateTime::parse(&text, &Rfc3339)
                .ok()?
                .checked_to_offset(time::UtcOffset::UTC),
        }
    }
}
