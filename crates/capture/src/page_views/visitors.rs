//! Visitors by a hash of the day.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use systemprompt_domain::web::Visitor;
use time::{Date, UtcOffset};
use uuid::{Builder, Uuid};

use super::{Asked, Client, Identify};

type Key = [u8; 32];

/// Knows visitors by a hash of site, address and user agent under a key of the UTC day.
/// Keys are made of chance and kept in memory alone, for two days: afterwards nobody can
/// tell who a hash stood for. So a service that is restarted sees new visitors, and so
/// does each of several processes; where that matters, write an [`Identify`] with keys
/// of your own.
pub struct DailyVisitors<F> {
    address: F,
    keys: Mutex<Vec<(Date, Key)>>,
}

impl<F> std::fmt::Debug for DailyVisitors<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DailyVisitors").finish_non_exhaustive()
    }
}

impl<F: Fn(&Asked<'_>) -> Option<IpAddr> + Send + Sync + 'static> DailyVisitors<F> {
    /// `address` says where a request comes from: the peer that the server keeps in the
    /// request's extensions, or what a proxy in front of it says in a header.
    #[must_use]
    pub const fn new(address: F) -> Self {
        Self {
            address,
            keys: Mutex::new(Vec::new()),
        }
    }

    /// The key of a day, made when it is first asked for.
    fn key(keys: &mut Vec<(Date, Key)>, day: Date) -> Key {
        if let Some((_, key)) = keys.iter().find(|(of, _)| *of == day) {
            return *key;
        }
        // Each has 74 bits of chance from the system's source.
        let chance = [
            Uuid::now_v7(),
            Uuid::now_v7(),
            Uuid::now_v7(),
            Uuid::now_v7(),
        ];
        let mut hash = Sha256::new();
        for one in chance {
            hash.update(one.as_bytes());
        }
        let key = hash.finalize().into();
        keys.push((day, key));
        key
    }
}

impl<F: Fn(&Asked<'_>) -> Option<IpAddr> + Send + Sync + 'static> Identify for DailyVisitors<F> {
    fn client(&self, asked: Asked<'_>) -> Client {
        let Some(address) = (self.address)(&asked) else {
            return Client::default();
        };
        let day = asked.at.to_offset(UtcOffset::UTC).date();
        let before = day.previous_day().unwrap_or(day);
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|(of, _)| *of >= before);
        let keys = [day, before].map(|day| Self::key(&mut keys, day));
        let [today, before] = keys.map(|key| {
            let mut hash = Sha256::new();
            hash.update(key);
            for part in [
                asked.site.as_bytes(),
                address.to_string().as_bytes(),
                asked.user_agent.as_bytes(),
            ] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
            let hash: [u8; 32] = hash.finalize().into();
            let (half, _) = hash.split_first_chunk::<16>().expect("32 are more than 16");
            Builder::from_custom_bytes(*half).into_uuid()
        });
        Client {
            visitor: Some(Visitor {
                today,
                before: Some(before),
            }),
            country: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{Extensions, HeaderMap};
    use time::macros::datetime;
    use time::{Duration, OffsetDateTime};

    use super::*;

    fn seen(by: &impl Identify, user_agent: &str, at: OffsetDateTime) -> (Uuid, Uuid) {
        let (extensions, headers) = (Extensions::new(), HeaderMap::new());
        let client = by.client(Asked {
            extensions: &extensions,
            headers: &headers,
            site: "example.com",
            user_agent,
            at,
        });
        let visitor = client.visitor.expect("its address is known");
        (
            visitor.today,
            visitor.before.expect("there is a day before"),
        )
    }

    #[test]
    fn a_visitor_is_known_for_a_day_and_over_one_midnight() {
        let by = DailyVisitors::new(|_: &Asked<'_>| Some(IpAddr::from([192, 0, 2, 1])));
        let at = datetime!(2026-11-25 23:59:30 UTC);
        let (today, _) = seen(&by, "a", at);
        assert_eq!(seen(&by, "a", at).0, today);
        assert_ne!(seen(&by, "b", at).0, today);
        let (next, before) = seen(&by, "a", at + Duration::MINUTE);
        assert_eq!(before, today);
        assert_ne!(next, today);
        // Its key is gone with it.
        seen(&by, "a", at + Duration::days(3));
        assert_ne!(seen(&by, "a", at).0, today);
    }
}
