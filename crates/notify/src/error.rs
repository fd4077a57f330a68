//! What goes wrong, in words that hold no secret.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::channels::Channel;
use crate::escape::one_line;

/// Settings from which no channel can be made. Texts name the key, never its
/// value where that is a secret.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The mail server's address cannot be used.
    #[error(
        "notifications.email.smtp_url cannot be used; it should look like \
         smtps://user:password@host:465"
    )]
    SmtpUrl,
    /// A sender or recipient that no mail can have.
    #[error("{key} is no e-mail address")]
    Address {
        /// The setting.
        key: String,
    },
    /// The file of additional authorities cannot be read.
    #[error("notifications.email.ca_file: cannot read {}: {source}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file of additional authorities holds none that can be used.
    #[error("notifications.email.ca_file: {} holds no PEM certificate", path.display())]
    CaFileContent {
        /// The file.
        path: PathBuf,
    },
    /// A web hook's address cannot be used.
    #[error("{key} cannot be used; it should be an address that begins with https://")]
    HookUrl {
        /// The setting.
        key: &'static str,
    },
    /// The HTTP client cannot be made.
    #[error("cannot set up the HTTP client")]
    Client(#[source] Box<dyn Error + Send + Sync>),
}

/// A message that was not delivered, and why. The text holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{channel}: {reason}")]
pub struct SendError {
    channel: Channel,
    reason: String,
    retry: Retry,
}

/// Whether sending the same message again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not before the settings, or the other side's, have changed.
    Never,
    /// Later; when is for the sender to choose.
    Later,
    /// After this time, by the other side's own word; at most a day.
    After(Duration),
}

impl SendError {
    pub(crate) fn never(channel: Channel, reason: impl Into<String>) -> Self {
        Self::new(channel, reason, Retry::Never)
    }

    pub(crate) fn later(channel: Channel, reason: impl Into<String>) -> Self {
        Self::new(channel, reason, Retry::Later)
    }

    pub(crate) fn new(channel: Channel, reason: impl Into<String>, retry: Retry) -> Self {
        Self {
            channel,
            reason: reason.into(),
            retry,
        }
    }

    /// Whether sending it again can help.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        self.retry
    }
}

/// The innermost cause in its own words: what wraps it repeats addresses.
pub(crate) fn root_cause(mut error: &(dyn Error + 'static)) -> String {
    while let Some(source) = error.source() {
        error = source;
    }
    one_line(&error.to_string())
}
