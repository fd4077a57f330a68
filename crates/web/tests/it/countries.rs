//! Where addresses are, by both kinds of database.

use std::collections::BTreeSet;
use std::net::IpAddr;

use systemprompt_web::log::parse;
use systemprompt_web::{Country, NoCountry, Places, PlacesError};

use crate::shared;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn country(places: &Places, address: &str) -> Option<String> {
    places
        .of(ip(address))
        .map(|place| place.country.to_string())
}

#[test]
fn codes() {
    assert_eq!("de".parse::<Country>().expect("one").as_str(), "DE");
    for none in ["", "D", "DEU", "XX", "ZZ", "T1", "d\u{e9}"] {
        assert_eq!(none.parse::<Country>(), Err(NoCountry), "{none}");
    }
}

#[test]
fn the_built_in_database() {
    let places = Places::BuiltIn;
    assert_eq!(country(&places, "8.8.8.8").as_deref(), Some("US"));
    assert_eq!(country(&places, "::ffff:8.8.8.8").as_deref(), Some("US"));
    assert_eq!(
        country(&places, "2001:4860:4860::8888").as_deref(),
        Some("US")
    );
    for nowhere in [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "::1",
        "fe80::1",
        "203.0.113.9",
    ] {
        assert_eq!(country(&places, nowhere), None, "{nowhere}");
    }
}

#[test]
fn a_database_file_of_the_flat_layout() {
    let places = Places::database(shared::bytes("geo/iptoasn-country.mmdb")).expect("a database");
    assert_eq!(country(&places, "8.8.8.8").as_deref(), Some("US"));
    assert_eq!(country(&places, "127.0.0.1"), None);
}

/// A database in MaxMind's own layout, made here: country and region.
#[test]
fn a_database_file_of_maxminds_layout() {
    let places = Places::database(database()).expect("a database");
    let place = places.of(ip("81.2.69.142")).expect("a place");
    assert_eq!(place.country.as_str(), "GB");
    assert_eq!(place.region.as_deref(), Some("ENG"));
}

#[test]
fn what_is_no_database_is_named() {
    assert!(matches!(
        Places::database(Vec::new()),
        Err(PlacesError::Format(_))
    ));
    assert!(matches!(
        Places::database(vec![0xab; 5_000]),
        Err(PlacesError::Format(_))
    ));
}

/// On the addresses of a real log, the built-in database knows all but a few,
/// and says what another says in 95 of 100 cases at least.
#[test]
fn both_databases_agree() {
    let file = Places::database(shared::bytes("geo/iptoasn-country.mmdb")).expect("a database");
    let log = shared::text("logs/elastic-apache_logs.log");
    let addresses: BTreeSet<IpAddr> = log
        .lines()
        .filter_map(|line| parse(line).ok()?.address())
        .collect();
    let (mut same, mut both) = (0, 0);
    for address in &addresses {
        if let (Some(a), Some(b)) = (Places::BuiltIn.of(*address), file.of(*address)) {
            both += 1;
            same += usize::from(a.country == b.country);
        }
    }
    println!("{same} of {both}, {} addresses", addresses.len());
    let known = addresses
        .iter()
        .filter(|address| Places::BuiltIn.of(**address).is_some());
    assert!(known.count() * 100 >= addresses.len() * 99);
    // The other one leaves out networks that nobody announces.
    assert!(both * 100 >= addresses.len() * 90);
    assert!(same * 100 >= both * 95, "{same} of {both}");
}

/// The smallest database in MaxMind's format: one record, found under every
/// address, with a country and a region.
fn database() -> Vec<u8> {
    fn text(out: &mut Vec<u8>, text: &str) {
        out.push(0x40 | u8::try_from(text.len()).expect("short"));
        out.extend(text.bytes());
    }
    fn map(out: &mut Vec<u8>, pairs: u8) {
        out.push(0xe0 | pairs);
    }
    let mut out = Vec::new();
    // One node, both of whose branches lead to the record: 1 node + 16 + 0.
    for _ in 0..2 {
        out.extend([0, 0, 17]);
    }
    out.extend([0; 16]);
    map(&mut out, 2);
    text(&mut out, "country");
    map(&mut out, 1);
    text(&mut out, "iso_code");
    text(&mut out, "GB");
    text(&mut out, "subdivisions");
    out.extend([0x01, 0x04]); // an array of one
    map(&mut out, 1);
    text(&mut out, "iso_code");
    text(&mut out, "ENG");
    out.extend(b"\xab\xcd\xefMaxMind.com");
    map(&mut out, 9);
    for (key, value) in [
        ("binary_format_major_version", 2),
        ("binary_format_minor_version", 0),
        ("record_size", 24),
        ("ip_version", 4),
    ] {
        text(&mut out, key);
        out.extend([0xa1, value]); // a 16-bit number in one byte
    }
    text(&mut out, "node_count");
    out.extend([0xc1, 1]); // a 32-bit number in one byte
    text(&mut out, "build_epoch");
    out.extend([0x01, 0x02, 1]); // a 64-bit number in one byte
    text(&mut out, "database_type");
    text(&mut out, "Test");
    text(&mut out, "description");
    map(&mut out, 0);
    text(&mut out, "languages");
    out.extend([0x00, 0x04]); // an array of none
    out
}
