//! Who sends a report: what its headers tell, and a hash in place of its address.

use std::net::IpAddr;

use http::{HeaderMap, header};
use systemprompt_domain::web::{Headers, Hints, Source, Visit, Visitor};
use systemprompt_web::{Country, Place};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Inner;
use crate::door::client::{ClientAddress, ViaProxy};

/// The longest user agent that is kept, in characters.
const AGENT: usize = 512;
/// The longest client hint.
const HINT: usize = 256;
/// Headers in which proxies name the country that an address is in.
const COUNTRY: [&str; 3] = [
    "cf-ipcountry",
    "cloudfront-viewer-country",
    "x-vercel-ip-country",
];

/// A header as text without control characters, cut to so many.
fn text(headers: &HeaderMap, name: impl header::AsHeaderName, most: usize) -> String {
    let value = headers.get(name).map(|value| value.as_bytes());
    let value = String::from_utf8_lossy(value.unwrap_or_default());
    value
        .chars()
        .filter(|c| !c.is_control())
        .take(most)
        .collect()
}

/// Whether a browser asks that nobody follow its user: counted without identity.
fn asks_not_to_be_tracked(headers: &HeaderMap) -> bool {
    ["dnt", "sec-gpc"].into_iter().any(|name| {
        headers
            .get(name)
            .is_some_and(|value| value.as_bytes().trim_ascii() == b"1")
    })
}

/// Whether a page is fetched in case somebody wants it.
pub(super) fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose"].into_iter().any(|name| {
        headers
            .get(name)
            .is_some_and(|value| value.as_bytes().starts_with(b"prefetch"))
    })
}

/// The language that comes first, if it looks like one.
fn language(headers: &HeaderMap) -> String {
    let all = text(headers, header::ACCEPT_LANGUAGE, 200);
    let first = all.split([',', ';']).next().unwrap_or_default().trim();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    match (1..=35).contains(&first.len()) && first.bytes().all(plain) {
        true => first.to_owned(),
        false => String::new(),
    }
}

impl Inner {
    /// A visit without events yet. Without the keys of the day it is nobody's.
    pub(super) fn visit(
        &self,
        site: String,
        source: Source,
        headers: &HeaderMap,
        client: ClientAddress,
        proxied: ViaProxy,
        now: OffsetDateTime,
    ) -> Visit {
        let agent = text(headers, header::USER_AGENT, AGENT);
        let visitor = match asks_not_to_be_tracked(headers) {
            true => None,
            false => self.visitor(&site, client.0, &agent, now),
        };
        let Location { country, region } = self.place(headers, client.0, proxied);
        let has = |name: &str| headers.contains_key(name);
        let value_has = |name: &str, part: &str| text(headers, name, HINT).contains(part);
        Visit {
            at: now,
            by_address: site.parse::<IpAddr>().is_ok(),
            site,
            source,
            visitor,
            user_agent: agent,
            language: language(headers),
            country,
            region,
            headers: Some(Headers {
                https: proxied.0 && value_has("x-forwarded-proto", "https"),
                accept_language: has("accept-language"),
                accept: has("accept"),
                gzip: value_has("accept-encoding", "gzip"),
                sec_fetch: has("sec-fetch-site"),
                client_hints: has("sec-ch-ua"),
                navigating_beacon: source == Source::Tracker
                    && value_has("sec-fetch-mode", "navigate"),
            }),
            hints: Hints {
                brands: text(headers, "sec-ch-ua", HINT),
                mobile: text(headers, "sec-ch-ua-mobile", HINT),
                platform: text(headers, "sec-ch-ua-platform", HINT),
            },
            screen: None,
            automated: false,
            events: Vec::new(),
        }
    }

    fn visitor(
        &self,
        site: &str,
        address: IpAddr,
        agent: &str,
        now: OffsetDateTime,
    ) -> Option<Visitor> {
        let (today, before) = self.salts.of(now)?;
        let hashed = systemprompt_web::Visitor::new(&today, before.as_ref(), site, address, agent);
        let id = |hash: systemprompt_web::VisitorId| Uuid::from_bytes(*hash.as_bytes());
        Some(Visitor {
            today: id(hashed.current),
            before: hashed.previous.map(id),
        })
    }

    fn place(&self, headers: &HeaderMap, address: IpAddr, proxied: ViaProxy) -> Location {
        let named = COUNTRY
            .into_iter()
            .filter(|_| proxied.0)
            .find_map(|name| headers.get(name)?.to_str().ok()?.parse::<Country>().ok());
        let place = match named {
            Some(country) => Some(Place {
                country,
                region: None,
            }),
            None => self.places.of(address),
        };
        let country = place
            .as_ref()
            .map(|place| place.country.as_str().to_owned());
        Location {
            country: country.unwrap_or_default(),
            region: place.and_then(|place| place.region).unwrap_or_default(),
        }
    }
}

/// Country and region; empty where nobody knows.
struct Location {
    country: String,
    region: String,
}
