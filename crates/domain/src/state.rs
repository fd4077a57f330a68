//! How a request ended.

use serde::{Deserialize, Serialize};

/// The final state of an AI request. A request without one is still under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// The provider's answer reached its end.
    Completed,
    /// The provider answered with an error, or its answer broke off.
    Failed,
    /// The client went away before the end of the answer.
    ClientDisconnect,
    /// The provider did not answer in time, or fell silent mid-answer.
    UpstreamTimeout,
    /// A budget refused the request; it never reached the provider.
    Paused,
    /// The server was stopped while the answer was under way.
    Shutdown,
    /// The server died; what the provider billed is not known.
    Lost,
}

impl RequestState {
    /// Every state, in the order answers show them.
    pub const ALL: [Self; 7] = [
        Self::Completed,
        Self::Failed,
        Self::ClientDisconnect,
        Self::UpstreamTimeout,
        Self::Paused,
        Self::Shutdown,
        Self::Lost,
    ];

    /// The name used in answers and in the `state` column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::ClientDisconnect => "client_disconnect",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::Paused => "paused",
            Self::Shutdown => "shutdown",
            Self::Lost => "lost",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    /// Whether the request counts towards the error rate. A client that left
    /// and a request a budget refused are not errors of the service.
    #[must_use]
    pub const fn is_error(self) -> bool {
        matches!(self, Self::Failed | Self::UpstreamTimeout | Self::Lost)
    }
}
