//! What page an address means: one spelling of its path, and what campaign
//! tools hung on it.

use crate::text::{inert, start};

/// The longest path that is kept, in bytes.
const PATH: usize = 1_024;
/// The longest campaign value or click id that is kept, in characters.
const VALUE: usize = 200;
/// Query parameters past these are not looked at.
const PARAMETERS: usize = 64;

/// A page's address, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The host, lower case, without port and credentials; none in a bare path.
    pub host: Option<String>,
    /// The path in its one spelling: see [`path`].
    pub path: String,
    /// What campaign tools added to the address.
    pub campaign: Campaign,
}

/// What campaign tools add to addresses. Empty values count as none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Campaign {
    /// `utm_source`, else `source`, else `ref`, lower case.
    pub source: Option<String>,
    /// `utm_medium`, lower case.
    pub medium: Option<String>,
    /// `utm_campaign`.
    pub campaign: Option<String>,
    /// `utm_term`.
    pub term: Option<String>,
    /// `utm_content`.
    pub content: Option<String>,
    /// `utm_id`.
    pub id: Option<String>,
    /// The first click id, which says that somebody paid.
    pub click: Option<ClickId>,
}

impl Campaign {
    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The mark an advertiser's network puts on a click.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClickId {
    /// The parameter: `gclid`, `msclkid` …
    pub parameter: &'static str,
    /// Its value, opaque.
    pub value: String,
}

/// The click ids that are taken out of addresses and kept.
pub const CLICK_IDS: &[&str] = &[
    "gclid",
    "gbraid",
    "wbraid",
    "dclid",
    "msclkid",
    "fbclid",
    "ttclid",
    "li_fat_id",
    "twclid",
    "yclid",
    "igshid",
    "epik",
    "rdt_cid",
    "sccid",
];

impl Page {
    /// Takes an address or a path apart. Anything gives a page; hostile text
    /// gives a harmless one.
    ///
    /// ```
    /// # use systemprompt_web::Page;
    /// let page = Page::parse("https://Example.com:8443/guide/?utm_source=News&q=1#top");
    /// assert_eq!(page.host.as_deref(), Some("example.com"));
    /// assert_eq!(page.path, "/guide");
    /// assert_eq!(page.campaign.source.as_deref(), Some("news"));
    /// ```
    #[must_use]
    pub fn parse(address: &str) -> Self {
        let address = address.trim();
        let (authority, rest) = split(address);
        Self {
            host: authority.and_then(host),
            path: path(rest),
            campaign: campaign(rest),
        }
    }
}

/// The authority, if there is one, and what follows it.
fn split(address: &str) -> (Option<&str>, &str) {
    let after = match address.find("://") {
        // A scheme is short and comes first; "://" inside a query is no scheme.
        Some(at) if at <= 16 && !address[..at].contains(['/', '?', '#']) => &address[at + 3..],
        _ => match address.strip_prefix("//") {
            Some(after) => after,
            None => return (None, address),
        },
    };
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    (Some(&after[..end]), &after[end..])
}

/// The host of an authority, if it can be one.
fn host(authority: &str) -> Option<String> {
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => host.split(':').next().unwrap_or(host),
    };
    let host = host.trim_end_matches('.');
    let possible = !host.is_empty()
        && host.len() <= 253
        && host
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '_' | ':'));
    possible.then(|| host.to_lowercase())
}

/// The host in an address, lower case, without `www.`; none where there is none.
#[must_use]
pub fn host_of(address: &str) -> Option<String> {
    let host = split(address.trim()).0.and_then(host)?;
    Some(
        host.strip_prefix("www.")
            .map_or(host.clone(), str::to_owned),
    )
}

/// The one spelling of a path: without query, fragment and trailing slash,
/// starting with a slash, at most 1,024 bytes long, without control characters.
///
/// ```
/// # use systemprompt_web::page::path;
/// assert_eq!(path("/guide/?page=2#top"), "/guide");
/// assert_eq!(path("/"), "/");
/// assert_eq!(path(""), "/");
/// ```
#[must_use]
pub fn path(address: &str) -> String {
    let end = address.find(['?', '#']).unwrap_or(address.len());
    // Harmless first: what is taken out must not leave a slash at an end.
    let path = inert(start(&address[..end], 4 * PATH), 4 * PATH);
    let path = start(path.trim_matches(['/', ' ']), PATH);
    format!("/{}", path.trim_end_matches(['/', ' ']))
}

fn campaign(rest: &str) -> Campaign {
    let mut found = Campaign::default();
    let Some(query) = query(rest) else {
        return found;
    };
    let (mut source, mut reference) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()).take(PARAMETERS) {
        let slot = match &*name.to_ascii_lowercase() {
            "utm_source" => &mut found.source,
            "utm_medium" => &mut found.medium,
            "utm_campaign" => &mut found.campaign,
            "utm_term" => &mut found.term,
            "utm_content" => &mut found.content,
            "utm_id" => &mut found.id,
            "source" => &mut source,
            "ref" => &mut reference,
            name => {
                let known = CLICK_IDS.iter().find(|known| **known == name);
                if let (Some(parameter), None) = (known, &found.click) {
                    found.click = kept(&value).map(|value| ClickId { parameter, value });
                }
                continue;
            }
        };
        if slot.is_none() {
            *slot = kept(&value);
        }
    }
    found.source = found.source.or(source).or(reference);
    for value in [&mut found.source, &mut found.medium].into_iter().flatten() {
        *value = value.to_lowercase();
    }
    found
}

fn kept(value: &str) -> Option<String> {
    Some(inert(value, VALUE)).filter(|value| !value.is_empty())
}

/// The query of an address, without its fragment.
fn query(rest: &str) -> Option<&str> {
    let rest = rest.split('#').next().unwrap_or(rest);
    rest.split_once('?').map(|(_, query)| start(query, 8_192))
}
