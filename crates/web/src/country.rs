//! Where an address is: a country, and a region where the database has one.

use std::net::IpAddr;
use std::str::FromStr;

use maxminddb::{Reader, path};
use serde::{Deserialize, Serialize};

/// An ISO 3166-1 country by its two letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

/// Not the two letters of a country. Proxies write `XX` for one they do not
/// know, and `T1` for Tor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the two letters of a country")]
pub struct NoCountry;

impl Country {
    /// The two letters, upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("two ASCII letters")
    }
}

impl FromStr for Country {
    type Err = NoCountry;

    fn from_str(text: &str) -> Result<Self, NoCountry> {
        match text.trim().as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                let letters = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
                // "ZZ" is how registries write that nobody has it.
                if matches!(&letters, b"XX" | b"ZZ") {
                    return Err(NoCountry);
                }
                Ok(Self(letters))
            }
            _ => Err(NoCountry),
        }
    }
}

impl TryFrom<String> for Country {
    type Error = NoCountry;

    fn try_from(text: String) -> Result<Self, NoCountry> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.as_str().to_owned()
    }
}

impl std::fmt::Display for Country {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where an address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The country.
    pub country: Country,
    /// The region's ISO 3166-2 code within it (`CA`, `BY`), where the database
    /// has regions.
    pub region: Option<String>,
}

/// A database of places.
#[derive(Debug)]
pub enum Places {
    /// The registries' statistics, compiled in: whom a network was given to.
    /// Countries only.
    BuiltIn,
    /// A database file in MaxMind's format, in any of the known layouts.
    Database(Box<Reader<Vec<u8>>>),
}

/// A file that is no database of places.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// Not in MaxMind's format.
    #[error("not a MaxMind database: {0}")]
    Format(#[from] maxminddb::MaxMindDbError),
    /// In the format, but about something else.
    #[error(
        "a database of type {0:?} holds no countries: neither country.iso_code nor country_code"
    )]
    NoCountries(String),
}

impl Places {
    /// The database in these bytes.
    ///
    /// # Errors
    /// They are no database, or none that knows countries.
    pub fn database(bytes: Vec<u8>) -> Result<Self, PlacesError> {
        let reader = Reader::from_source(bytes)?;
        // Addresses that every such database knows: one has to have a country.
        let places = Self::Database(Box::new(reader));
        let known = [
            "8.8.8.8",
            "1.1.1.1",
            "9.9.9.9",
            "81.2.69.142",
            "2.125.160.216",
        ];
        let known = known.map(|address| address.parse().expect("an address"));
        let Self::Database(reader) = &places else {
            unreachable!("made above")
        };
        if known.iter().all(|address| places.of(*address).is_none()) {
            let kind = crate::text::inert(&reader.metadata().database_type, 60);
            return Err(PlacesError::NoCountries(kind));
        }
        Ok(places)
    }

    /// Where an address is; none where nobody knows, and for addresses that are
    /// nowhere: private, loopback, documentation.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        match self {
            Self::BuiltIn => {
                let country = iptocc::country_code(address)?.parse().ok()?;
                Some(Place {
                    country,
                    region: None,
                })
            }
            Self::Database(reader) => {
                let found = reader.lookup(address).ok()?;
                let text = |path: &[maxminddb::PathElement<'_>]| {
                    found.decode_path::<&str>(path).ok().flatten()
                };
                let country = text(&path!["country", "iso_code"])
                    .or_else(|| text(&path!["country_code"]))
                    // One flat layout has the two letters right there.
                    .or_else(|| text(&path!["country"]))
                    .or_else(|| text(&path!["registered_country", "iso_code"]))?;
                let region = text(&path!["subdivisions", 0, "iso_code"])
                    .or_else(|| text(&path!["region_code"]))
                    .or_else(|| text(&path!["region"]));
                Some(Place {
                    country: country.parse().ok()?,
                    region: region
                        .map(|region| crate::text::inert(region, 40))
                        .filter(|region| !region.is_empty()),
                })
            }
        }
    }
}
