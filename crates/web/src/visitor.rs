//! Who comes back, without cookies and without keeping addresses: a keyed hash
//! that nobody can turn back once the day's salt is deleted.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The random key of one UTC day. Keep two, delete older ones: that is what
/// makes yesterday's visitors unknowable.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt([u8; 32]);

impl Salt {
    /// A salt of these random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// A salt is a secret: it is never shown.
impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(***)")
    }
}

/// A visitor of one site on one day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VisitorId([u8; 16]);

impl VisitorId {
    /// The visitor behind a request. The address is cut to its network (/24,
    /// /48) first, so that not even the salt's holder can find one household.
    ///
    /// ```
    /// # use systemprompt_web::{Salt, VisitorId};
    /// let salt = Salt::new([7; 32]);
    /// let of = |ip: &str| VisitorId::new(&salt, "example.com", ip.parse().unwrap(), "Firefox");
    /// assert_eq!(of("198.51.100.7"), of("198.51.100.200"));
    /// assert_ne!(of("198.51.100.7"), of("198.51.101.7"));
    /// ```
    #[must_use]
    pub fn new(salt: &Salt, site: &str, address: IpAddr, agent: &str) -> Self {
        match network(address) {
            IpAddr::V4(ip) => Self::keyed(salt, site, &ip.octets(), agent),
            IpAddr::V6(ip) => Self::keyed(salt, site, &ip.octets(), agent),
        }
    }

    /// The visitor behind a request of a client that is known by a name only.
    #[must_use]
    pub fn named(salt: &Salt, site: &str, client: &str, agent: &str) -> Self {
        Self::keyed(salt, site, client.as_bytes(), agent)
    }

    fn keyed(salt: &Salt, site: &str, network: &[u8], agent: &str) -> Self {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&salt.0).expect("HMAC takes keys of any length");
        // Lengths first: no two (site, network, agent) run together into one text.
        for part in [site.as_bytes(), network] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.update(agent.as_bytes());
        let hash = mac.finalize().into_bytes();
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        Self(id)
    }

    /// The id as stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The id as read back.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

/// 32 lower-case hex digits.
impl fmt::Display for VisitorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for VisitorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VisitorId({self})")
    }
}

/// The visitor under today's and under yesterday's salt.
///
/// Look up the current one first, then the previous one; a session found under
/// the previous one goes on with it, so that midnight makes nobody two people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// Under the salt of the day.
    pub current: VisitorId,
    /// Under the salt of the day before; none in the first day's life.
    pub previous: Option<VisitorId>,
}

impl Visitor {
    /// The visitor behind a request, under both salts.
    #[must_use]
    pub fn new(
        current: &Salt,
        previous: Option<&Salt>,
        site: &str,
        address: IpAddr,
        agent: &str,
    ) -> Self {
        Self {
            current: VisitorId::new(current, site, address, agent),
            previous: previous.map(|salt| VisitorId::new(salt, site, address, agent)),
        }
    }
}

/// An address cut to its /24 or /48, in which form alone it may be kept.
///
/// An IPv4 address in IPv6 clothes (`::ffff:a.b.c.d`) counts as the IPv4
/// address it is.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            Ipv4Addr::new(a, b, c, 0).into()
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into()
        }
    }
}
