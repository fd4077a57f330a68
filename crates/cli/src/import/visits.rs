//! From lines of a log to visits: addresses become hashes and countries here.

use systemprompt_domain::web::{Hints, Source, Visit, Visitor, WebEvent};
use systemprompt_storage::web::Salts;
use systemprompt_web::{Cut, Places, VisitorId, page};
use time::{Time, UtcOffset};
use uuid::Uuid;

use super::lines::{Batch, Line};

/// Makes visits of lines.
#[derive(Debug)]
pub(super) struct Converter {
    /// The site of lines that name none.
    site: String,
    places: Places,
}

impl Converter {
    pub(super) fn new(site: &str) -> Self {
        let host = page::host_of(&format!("//{site}"));
        Self {
            site: host.unwrap_or_else(|| site.to_lowercase()),
            places: Places::BuiltIn,
        }
    }

    pub(super) fn convert(&self, batch: Batch, salts: &Salts) -> Vec<Visit> {
        let lines = batch.hits.into_iter();
        lines.map(|line| self.visit(line, salts)).collect()
    }

    fn visit(&self, line: Line, salts: &Salts) -> Visit {
        let host = line
            .host
            .and_then(|host| page::host_of(&format!("//{host}")));
        let site = host.unwrap_or_else(|| self.site.clone());
        let address = line.client.parse::<std::net::IpAddr>().ok();
        let hash = |salt: &systemprompt_web::Salt| {
            let id = match address {
                Some(address) => VisitorId::new(salt, &site, address, &line.agent),
                None => VisitorId::named(salt, &site, &line.client, &line.agent),
            };
            Uuid::from_bytes(*id.as_bytes())
        };
        // Whoever goes on from the day before does so before a session's gap is over, and is
        // known from then on; twice that, for lines that come late.
        let since_midnight = line.at.to_offset(UtcOffset::UTC).time() - Time::MIDNIGHT;
        let goes_on = since_midnight < Cut::default().gap * 2;
        let visitor = salts.of(line.at).map(|(today, before)| Visitor {
            today: hash(&today),
            before: before.as_ref().filter(|_| goes_on).map(hash),
        });
        let place = address.and_then(|address| self.places.of(address));
        let country = place
            .as_ref()
            .map(|place| place.country.as_str().to_owned());
        Visit {
            at: line.at,
            source: Source::Log,
            visitor,
            user_agent: line.agent,
            language: String::new(),
            country: country.unwrap_or_default(),
            region: place.and_then(|place| place.region).unwrap_or_default(),
            headers: None,
            hints: Hints::default(),
            screen: None,
            automated: false,
            by_address: false,
            site,
            events: vec![WebEvent::Hit(line.hit)],
        }
    }
}
