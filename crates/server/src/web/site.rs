//! Which sites are counted: those of the profile, else the server's own host.

use http::HeaderMap;
use http::header::HOST;

/// The sites of a profile.
#[derive(Debug)]
pub(super) struct Sites {
    /// Hosts, without `www.`.
    exact: Vec<String>,
    /// What follows the `*` of `*.example.com`, dot included.
    below: Vec<String>,
}

impl Sites {
    pub(super) fn new(sites: &[String]) -> Self {
        let mut own = Self {
            exact: Vec::new(),
            below: Vec::new(),
        };
        for site in sites {
            let site = site.to_ascii_lowercase();
            match site.strip_prefix('*') {
                Some(below) => own.below.push(below.to_owned()),
                None => own.exact.push(bare(&site).to_owned()),
            }
        }
        own
    }

    /// Whether pages of `site` are counted by a server that is reached as the
    /// headers say.
    pub(super) fn counts(&self, site: &str, headers: &HeaderMap) -> bool {
        if self.exact.is_empty() && self.below.is_empty() {
            let host = headers.get(HOST).and_then(|host| host.to_str().ok());
            return host.is_some_and(|host| bare(without_port(&host.to_ascii_lowercase())) == site);
        }
        self.exact.iter().any(|exact| exact == site)
            || self.below.iter().any(|below| site.ends_with(&**below))
    }

    /// Whether pages of this origin, such as `https://example.com:8443`, may report.
    pub(super) fn allows(&self, origin: &str, headers: &HeaderMap) -> bool {
        let host = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"));
        host.is_some_and(|host| {
            let host = host.to_ascii_lowercase();
            self.counts(bare(without_port(&host)), headers)
        })
    }
}

/// A host without its `www.`: people take both for one.
fn bare(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached_as(host: &str) -> HeaderMap {
        HeaderMap::from_iter([(HOST, host.parse().expect("a host"))])
    }

    #[test]
    fn sites_of_the_profile_count() {
        let sites = ["www.Example.com", "*.example.org"].map(str::to_owned);
        let sites = Sites::new(&sites);
        let headers = reached_as("stats.example.net");
        for (origin, allowed) in [
            ("https://example.com", true),
            ("https://www.example.com:8443", true),
            ("https://blog.example.org", true),
            ("https://example.org", false),
            ("https://evilexample.org", false),
            ("https://example.com.evil.net", false),
            ("https://stats.example.net", false),
            ("null", false),
            ("file://", false),
            ("", false),
        ] {
            assert_eq!(sites.allows(origin, &headers), allowed, "{origin}");
        }
    }

    #[test]
    fn without_any_the_own_host_counts() {
        let sites = Sites::new(&[]);
        assert!(sites.counts("example.com", &reached_as("www.example.com:8080")));
        assert!(!sites.counts("example.net", &reached_as("www.example.com:8080")));
        assert!(!sites.counts("example.com", &HeaderMap::new()));
        assert!(sites.counts("127.0.0.1", &reached_as("127.0.0.1:8080")));
    }
}
