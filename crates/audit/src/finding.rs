//! What can be wrong with a stored log.

use std::fmt;

use uuid::Uuid;

use crate::note::NoteError;

/// Where a root comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A checkpoint in the database.
    Checkpoint,
    /// A line of the anchor file, outside the database.
    Anchor,
    /// The checkpoint at which retention cut the log.
    Floor,
    /// The head.
    Head,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Checkpoint => "checkpoint",
            Self::Anchor => "anchor",
            Self::Floor => "retention's checkpoint",
            Self::Head => "head",
        })
    }
}

/// The first thing that is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {seq}: {kind}")]
pub struct Finding {
    /// The event it was found at. For what is about the log as a whole, the
    /// number of events that the faulty part speaks of.
    pub seq: u64,
    /// What is wrong.
    pub kind: Kind,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Kind {
    /// The text is no canonical JSON.
    #[error("its text is not one that was ever written")]
    BodyUnreadable,
    /// The text's format is of another version.
    #[error("its text has version {found}, which this program does not know")]
    VersionUnknown {
        /// The version, as JSON.
        found: String,
    },
    /// The text is sound but a column says something else.
    #[error("the column of `{column}` was changed: it differs from the text that was hashed")]
    ColumnDiffers {
        /// The member of the text.
        column: String,
    },
    /// Events are missing.
    #[error("events are missing: the next one is {found}")]
    Gap {
        /// The number that was found.
        found: u64,
    },
    /// A number came again.
    #[error("event {found} is there again, or out of order")]
    Repeated {
        /// The number that was found.
        found: u64,
    },
    /// Events were changed, swapped, put in or taken out.
    #[error("events {from} to {} are not those that the {source_of} covers", to.saturating_sub(1))]
    RootDiffers {
        /// The first event that nothing before it vouches for.
        from: u64,
        /// The size at which the root differs.
        to: u64,
        /// What states the root.
        source_of: Source,
    },
    /// The last events are missing.
    #[error("the last events are missing: the log has {size}")]
    EndsEarly {
        /// The head's size.
        size: u64,
    },
    /// There are events that the head does not know.
    #[error("the log ends before this event: its head has {size} events")]
    PastHead {
        /// The head's size.
        size: u64,
    },
    /// A signed root covers more events than the head.
    #[error(
        "the {source_of} covers {covers} events, the log has {size}: an older state was put in its place"
    )]
    RolledBack {
        /// What states the size.
        source_of: Source,
        /// How many events it covers.
        covers: u64,
        /// The head's size.
        size: u64,
    },
    /// There is no head, though there is a log.
    #[error("the log has no head")]
    HeadMissing,
    /// The head's hashes do not fit its size.
    #[error("the head's hashes do not fit its size")]
    HeadMisshapen,
    /// Somebody without the key wrote the head.
    #[error("the head was not written with the log's key")]
    HeadForged,
    /// The keys are of another log.
    #[error("the database has the log {found}, which the key file is not of")]
    OtherLog {
        /// The log's id.
        found: Uuid,
    },
    /// A checkpoint says nothing.
    #[error("the {source_of} {error}")]
    Note {
        /// Where it was.
        source_of: Source,
        /// What is wrong with it.
        error: NoteError,
    },
    /// A checkpoint is stored under another size than it states.
    #[error("the checkpoint stored for {stored} events is one for {stated}")]
    Misfiled {
        /// The size it is stored under.
        stored: u64,
        /// The size it states.
        stated: u64,
    },
    /// The key vouched for two different logs.
    #[error("the {one} and the {other} state two roots for one size")]
    Fork {
        /// What states one root.
        one: Source,
        /// What states another.
        other: Source,
    },
    /// The first events are gone and no checkpoint has their root.
    #[error("the events before it are gone, and no checkpoint covers them")]
    FloorUnsigned,
    /// The hashes kept for dropped events do not fit their number.
    #[error("the hashes kept for the events before it do not fit their number")]
    FloorMisshapen,
    /// The hashes kept for dropped events have another root than was signed.
    #[error("the hashes kept for the events before it have another root than was signed")]
    FloorForged,
    /// The first events are gone and the log does not tell of it.
    #[error(
        "the events before it are gone, and no event of the log says that retention dropped them"
    )]
    FloorUnexplained,
}

impl Kind {
    /// The kind's name, for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::BodyUnreadable => "body_unreadable",
            Self::VersionUnknown { .. } => "version_unknown",
            Self::ColumnDiffers { .. } => "column_differs",
            Self::Gap { .. } => "gap",
            Self::Repeated { .. } => "repeated",
            Self::RootDiffers { .. } => "root_differs",
            Self::EndsEarly { .. } => "ends_early",
            Self::PastHead { .. } => "past_head",
            Self::RolledBack { .. } => "rolled_back",
            Self::HeadMissing => "head_missing",
            Self::HeadMisshapen => "head_misshapen",
            Self::HeadForged => "head_forged",
            Self::OtherLog { .. } => "other_log",
            Self::Note { error, .. } => match error {
                NoteError::Unreadable => "checkpoint_unreadable",
                NoteError::Forged => "checkpoint_forged",
                NoteError::OtherKey => "checkpoint_other_key",
                NoteError::OtherLog => "checkpoint_other_log",
            },
            Self::Misfiled { .. } => "checkpoint_misfiled",
            Self::Fork { .. } => "fork",
            Self::FloorUnsigned => "floor_unsigned",
            Self::FloorMisshapen => "floor_misshapen",
            Self::FloorForged => "floor_forged",
            Self::FloorUnexplained => "floor_unexplained",
        }
    }

    pub(crate) const fn at(self, seq: u64) -> Finding {
        Finding { seq, kind: self }
    }
}
