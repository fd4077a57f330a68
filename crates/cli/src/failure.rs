//! Why a command has no answer, and the exit code that says so.

use std::error::Error as _;
use std::io::{self, Write};
use std::path::PathBuf;

use systemprompt_config::ConfigError;
use systemprompt_reporting as reporting;
use systemprompt_storage::OpenError;
use systemprompt_storage::prices::PricesError;
use systemprompt_storage::recompute::RecomputeError;

use crate::export::ExportError;
use crate::human::text;

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    CommandLine(clap::Error),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Database(#[from] OpenError),
    #[error(transparent)]
    Question(#[from] reporting::Error),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Channels(#[from] systemprompt_notify::NotifyError),
    #[error(transparent)]
    Prices(#[from] PricesError),
    #[error(transparent)]
    Recompute(#[from] RecomputeError),
    #[error("{}: {reason}", file.display())]
    PriceFile { file: PathBuf, reason: String },
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Refused(String),
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// 2 for what cannot be asked, 1 for what is not found or failed.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::CommandLine(_)
            | Self::Usage(_)
            | Self::Question(reporting::Error::Usage(_))
            | Self::Export(ExportError::Format(_)) => 2,
            _ => 1,
        }
    }

    /// Says it: what went wrong, and the causes that the operator can act on.
    pub(crate) fn report(&self, err: &mut dyn Write) -> io::Result<()> {
        if let Self::CommandLine(error) = self {
            return write!(err, "{}", error.render());
        }
        // Lines are kept, as a configuration has one for each fault; what they
        // quote may come from anywhere.
        for line in self.to_string().lines() {
            writeln!(err, "error: {}", text::clean(line))?;
        }
        let mut cause = self.source();
        while let Some(error) = cause {
            writeln!(err, "  because: {}", text::clean(&error.to_string()))?;
            cause = error.source();
        }
        Ok(())
    }
}
