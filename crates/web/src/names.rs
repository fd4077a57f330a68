//! How closed lists of names become enums that answers, columns and tables
//! spell alike.

/// Declares an enum whose variants have one name each: `ALL`, `as_str`,
/// `Display`, `FromStr`, and serde by that name.
macro_rules! names {
    (
        $(#[$meta:meta])*
        pub enum $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)+ }
    ) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        pub enum $type { $($(#[$doc])* #[serde(rename = $name)] $variant,)+ }

        impl $type {
            /// Every value, in the order answers show them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name used in answers, columns and tables.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::names::UnknownName;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|value| value.as_str() == name)
                    .ok_or_else(|| $crate::names::UnknownName {
                        name: name.chars().take(64).collect(),
                        known: &[$($name),+],
                    })
            }
        }
    };
}
pub(crate) use names;

/// A name that a closed list does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is none of {}", known.join(", "))]
pub struct UnknownName {
    pub(crate) name: String,
    pub(crate) known: &'static [&'static str],
}
