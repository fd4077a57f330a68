//! Who comes back, and what nobody can learn from an id.

use std::net::IpAddr;

use systemprompt_web::{Salt, Visitor, VisitorId, network};

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0";

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn id(site: &str, address: &str, agent: &str) -> VisitorId {
    VisitorId::new(&Salt::new([1; 32]), site, ip(address), agent)
}

#[test]
fn addresses_are_cut_before_anything_else() {
    for (address, cut) in [
        ("198.51.100.77", "198.51.100.0"),
        ("::ffff:198.51.100.77", "198.51.100.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
    ] {
        assert_eq!(network(ip(address)), ip(cut));
    }
    assert_eq!(
        id("a", "198.51.100.1", AGENT),
        id("a", "198.51.100.254", AGENT)
    );
    assert_eq!(
        id("a", "198.51.100.1", AGENT),
        id("a", "::ffff:198.51.100.1", AGENT)
    );
    assert_eq!(
        id("a", "2001:db8:1:2::1", AGENT),
        id("a", "2001:db8:1:3::9", AGENT)
    );
}

#[test]
fn everything_else_tells_visitors_apart() {
    let one = id("a", "198.51.100.1", AGENT);
    assert_ne!(one, id("b", "198.51.100.1", AGENT));
    assert_ne!(one, id("a", "198.51.101.1", AGENT));
    assert_ne!(one, id("a", "198.51.100.1", "other"));
    assert_ne!(
        one,
        VisitorId::new(&Salt::new([2; 32]), "a", ip("198.51.100.1"), AGENT)
    );
    // No two parts run together.
    assert_ne!(id("ab", "198.51.100.1", "c"), id("a", "198.51.100.1", "bc"));
}

/// The construction is fixed: ids that a database holds must stay findable.
#[test]
fn the_same_id_in_every_release() {
    assert_eq!(
        id("example.com", "198.51.100.1", AGENT).to_string(),
        "68f0cfb7d8de671dec9deaea6da68d12"
    );
    let id = id("example.com", "198.51.100.1", AGENT);
    assert_eq!(VisitorId::from_bytes(*id.as_bytes()), id);
}

#[test]
fn yesterdays_salt_is_looked_up_too() {
    let (old, new) = (Salt::new([1; 32]), Salt::new([2; 32]));
    let before = Visitor::new(&old, None, "a", ip("198.51.100.1"), AGENT);
    let after = Visitor::new(&new, Some(&old), "a", ip("198.51.100.1"), AGENT);
    assert_eq!(before.previous, None);
    assert_eq!(after.previous, Some(before.current));
    assert_ne!(after.current, before.current);
}

#[test]
fn a_salt_is_never_shown() {
    assert_eq!(format!("{:?}", Salt::new([0xab; 32])), "Salt(***)");
}
