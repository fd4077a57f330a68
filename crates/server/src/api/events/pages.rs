//! Requests to web sites among the events.

use systemprompt_domain::reported::{PageReport, Source};
use systemprompt_domain::web::{Headers, Hints, Hit, Visit, Visitor, WebEvent};
use systemprompt_web::page::host_of;
use uuid::Uuid;

use super::item::{Fields, Refused, missing};

/// The longest target and referrer, in bytes.
const TARGET: usize = 8 << 10;
/// The longest user agent.
const AGENT: usize = 2 << 10;
/// A language such as `pt-BR`.
const LANGUAGE: usize = 35;
/// The longest client hint.
const HINT: usize = 256;

/// A request to a web site.
pub(super) fn request(fields: &mut Fields<'_>, source: Source) -> Result<PageReport, Refused> {
    let site = fields.needed("site")?;
    let site = host_of(&format!("//{site}"))
        .ok_or_else(|| Refused::of("site", "must be a host, as in example.com"))?;
    let target = plain(fields, "target", TARGET)?;
    if !target.starts_with('/') {
        return Err(Refused::of("target", "must be a path, as in /docs?page=2"));
    }
    let status: f64 = fields
        .take("status", "must be the status of the answer")?
        .ok_or_else(|| missing("status"))?;
    if status.fract() != 0.0 || !(100.0..=599.0).contains(&status) {
        return Err(Refused::of("status", "must be 100 to 599"));
    }
    let status = status as u16;
    let id = "must be a UUID that a keyed hash was made into";
    let today: Option<Uuid> = fields.parsed("visitor", id)?;
    let before = fields.parsed("visitor_before", id)?;
    let country = fields.text("country")?.unwrap_or_default();
    if !country.is_empty() && !is_country(&country) {
        return Err(Refused::of("country", "must be two capital letters"));
    }
    let method = fields.text_of("method", 16)?;
    let hit = Hit {
        id: source.stamp.id.0,
        method: method.unwrap_or_else(|| "GET".to_owned()),
        target,
        referrer: plain(fields, "referrer", TARGET)?,
        status,
    };
    let hints: Option<Hints> = fields.take("hints", "must be an object of client hints")?;
    let hints = hints.unwrap_or_default();
    if [&hints.brands, &hints.mobile, &hints.platform]
        .iter()
        .any(|hint| hint.len() > HINT || hint.chars().any(char::is_control))
    {
        let reason = format!("must be texts of at most {HINT} bytes");
        return Err(Refused::of("hints", reason));
    }
    let headers: Option<Headers> =
        fields.take("headers", "must be an object that says which were there")?;
    let visit = Visit {
        at: source.stamp.at,
        by_address: site.parse::<std::net::IpAddr>().is_ok(),
        site,
        source: systemprompt_domain::web::Source::Server,
        visitor: today.map(|today| Visitor { today, before }),
        user_agent: plain(fields, "user_agent", AGENT)?,
        language: fields.text_of("language", LANGUAGE)?.unwrap_or_default(),
        country,
        region: String::new(),
        headers,
        hints,
        screen: None,
        automated: false,
        events: vec![WebEvent::Hit(hit)],
    };
    Ok(PageReport::new(source, visit))
}

fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Text that is harmless to show.
fn plain(fields: &mut Fields<'_>, name: &str, most: usize) -> Result<String, Refused> {
    let text = fields.text_of(name, most)?.unwrap_or_default();
    Ok(text.chars().filter(|c| !c.is_control()).collect())
}
