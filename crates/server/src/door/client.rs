//! The address behind a request: the peer's, or the one that proxies we trust
//! say they forward for.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use ipnet::IpNet;

/// The client's address, in every request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// Whether a request came through a proxy that is trusted: then what it adds to
/// the headers is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ViaProxy(pub(crate) bool);

impl ClientAddress {
    /// Its network: a /24, or a /48. Neighbours are taken for one, and it names
    /// nobody, so it may be kept.
    pub(crate) fn network(self) -> String {
        let address = self.0.to_canonical();
        let prefix = if address.is_ipv4() { 24 } else { 48 };
        let network = IpNet::new(address, prefix).expect("no longer than an address");
        network.trunc().to_string()
    }
}

/// Proxies whose word counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies(Arc<[IpNet]>);

impl Proxies {
    /// The proxies of a profile, which was checked.
    pub(crate) fn new(trusted: &[String]) -> Self {
        let network = |text: &String| {
            let address = || text.parse::<IpAddr>().map(IpNet::from);
            text.parse().or_else(|_| address()).ok()
        };
        Self(trusted.iter().filter_map(network).collect())
    }

    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address behind a request. Each proxy appends the one it was reached
    /// from, so the list is read from its end, as far as those who wrote it are
    /// trusted: what stands before anybody may have made up.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut client = peer.to_canonical();
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops {
            if !self.trusts(client) {
                break;
            }
            match address(hop) {
                Some(before) => client = before.to_canonical(),
                None => break,
            }
        }
        ClientAddress(client)
    }
}

/// `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::7` or `[2001:db8::7]:4711`.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let with_port = || text.parse().ok().map(|at: std::net::SocketAddr| at.ip());
    bare.unwrap_or(text).parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "2001:db8:1::/48", "192.0.2.99"];
        let proxies = Proxies::new(&trusted.map(str::to_owned));
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().expect("a header value"));
        }
        let peer = peer.parse().expect("an address");
        proxies.client(peer, &headers).0.to_string()
    }

    #[test]
    fn the_last_address_that_is_no_proxy_of_ours_counts() {
        let long = ["203.0.113.1"; 50].join(", ");
        for (peer, forwarded, expected) in [
            ("198.51.100.7", vec![], "198.51.100.7"),
            ("198.51.100.7", vec!["203.0.113.5"], "198.51.100.7"),
            ("10.1.2.3", vec![], "10.1.2.3"),
            ("10.1.2.3", vec!["203.0.113.5"], "203.0.113.5"),
            ("::ffff:10.1.2.3", vec!["::ffff:203.0.113.5"], "203.0.113.5"),
            ("10.1.2.3", vec!["1.1.1.1, 203.0.113.5"], "203.0.113.5"),
            (
                "10.1.2.3",
                vec!["1.1.1.1", "203.0.113.5, 10.9.9.9"],
                "203.0.113.5",
            ),
            ("192.0.2.99", vec!["203.0.113.5,192.0.2.98"], "192.0.2.98"),
            ("10.1.2.3", vec!["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
            ("10.1.2.3", vec!["203.0.113.5:4711"], "203.0.113.5"),
            (
                "2001:db8:1::1",
                vec!["[2001:db8:9::7]:4711"],
                "2001:db8:9::7",
            ),
            ("10.1.2.3", vec!["[2001:db8:9::7]"], "2001:db8:9::7"),
            ("10.1.2.3", vec!["203.0.113.5, unknown"], "10.1.2.3"),
            (
                "10.1.2.3",
                vec!["203.0.113.5, unknown, 10.0.0.1"],
                "10.0.0.1",
            ),
            ("10.1.2.3", vec![""], "10.1.2.3"),
            ("10.1.2.3", vec![&long, "203.0.113.5"], "203.0.113.5"),
        ] {
            assert_eq!(client(peer, &forwarded), expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn a_network_names_nobody() {
        for (address, network) in [
            ("192.0.2.7", "192.0.2.0/24"),
            ("::ffff:192.0.2.7", "192.0.2.0/24"),
            ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ] {
            let address = ClientAddress(address.parse().expect("an address"));
            assert_eq!(address.network(), network);
        }
    }
}
