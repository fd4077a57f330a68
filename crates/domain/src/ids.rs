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

/// The first and the last id that begin with these digits, hyphens or not; `None`
/// for fewer than eight, which would span more than about a minute, and for what
/// is no beginning of an id.
#[must_use]
pub fn beginning_with(digits: &str) -> Option<[Uuid; 2]> {
    let digits: String = digits.chars().filter(|c| *c != '-').collect();
    let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hex || !(8..=32).contains(&digits.len()) {
        return None;
    }
    let first = Uuid::parse_str(&format!("{digits:0<32}")).ok()?;
    let last = Uuid::parse_str(&format!("{digits:f<32}")).ok()?;
    Some([first, last])
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
    /// One tool call over MCP.
    ToolCallId
}
uuid_id! {
    /// One event that another service reports.
    EventId
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
    fn a_beginning_is_a_range_of_ids() {
        let [first, last] = beginning_with("01935e8d-4c").expect("hex");
        assert_eq!(first.to_string(), "01935e8d-4c00-0000-0000-000000000000");
        assert_eq!(last.to_string(), "01935e8d-4cff-ffff-ffff-ffffffffffff");
        for bad in ["01935e8", "01935e8d-xx", "ééééééééé", &"0".repeat(33)] {
            assert_eq!(beginning_with(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_id_carries_its_time() {
        let before = OffsetDateTime::now_utc() - time::Duration::milliseconds(1);
        let at = RequestId::new().created_at().expect("v7 ids carry a time");
        assert!(at >= before && at <= OffsetDateTime::now_utc());
        assert_eq!(time_of(Uuid::from_u128(42)), None);
    }
}
