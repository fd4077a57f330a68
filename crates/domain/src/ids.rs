//! Ids are `UUIDv7` newtypes: they sort by time and carry the moment they were
//! made, so that a look-up by id knows which day partition to read.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// The moment a `UUIDv7` was made, to the millisecond; `None` for other ids.
#[must_use]
pub fn time_of(id: Uuid) -> Option<OffsetDateTime> {
    if id.get_version_num() != 7 {
        return None;
    }
    let millis = i128::from(id.as_u64_pair().0 >> 16);
    OffsetDateTime::from_unix_timestamp_nanos(millis * 1_000_000).ok()
}

macro_rules! uuid_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id, stamped with the machine's clock.
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The moment in the id, to the millisecond.
            #[must_use]
            pub fn created_at(self) -> Option<OffsetDateTime> {
                time_of(self.0)
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map(Self)
            }
        }
    };
}

uuid_id! {
    /// One AI request through the gateway.
    RequestId
}
uuid_id! {
    /// One entry of the audit trail.
    AuditId
}
uuid_id! {
    /// A spool folder: the events of one server, until they are in PostgreSQL.
    SpoolId
}
uuid_id! {
    /// One run of a server process; tells a crashed run's unfinished requests
    /// from those still under way.
    BootId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_carries_its_time() {
        let before = OffsetDateTime::now_utc() - time::Duration::milliseconds(1);
        let at = RequestId::new().created_at().expect("v7 ids carry a time");
        assert!(at >= before && at <= OffsetDateTime::now_utc());
        assert_eq!(time_of(Uuid::from_u128(42)), None);
    }
}
