//! Why a command has no answer, and the exit code that says so.

use std::error::Error as _;
use std::io::{self, Write};
use std::path::PathBuf;

use systemprompt_config::ConfigError;
use systemprompt_reporting as reporting;
use systemprompt_storage::OpenError;
use systemprompt_storage::agents::AgentsError;
use systemprompt_storage::jobs::JobsError;
use systemprompt_storage::prices::PricesError;
use systemprompt_storage::recompute::RecomputeError;
use systemprompt_storage::tokens::TokensError;
use systemprompt_storage::users::UsersError;

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
    Logs(#[from] systemprompt_storage::logs::LogsError),
    #[error(transparent)]
    Recompute(#[from] RecomputeError),
    #[error(transparent)]
    Users(#[from] UsersError),
    #[error(transparent)]
    Tokens(#[from] TokensError),
    #[error(transparent)]
    Agents(#[from] AgentsError),
    #[error(transparent)]
    Prove(#[from] systemprompt_storage::audit::ProveError),
    #[error(transparent)]
    Checkpoint(#[from] systemprompt_storage::audit::CheckpointError),
    #[error(transparent)]
    Jobs(#[from] JobsError),
    #[error(transparent)]
    Distribute(#[from] systemprompt_storage::distribute::DistributeError),
    #[error(transparent)]
    Writer(#[from] systemprompt_storage::WriterError),
    #[error(transparent)]
    Spool(#[from] systemprompt_capture::SpoolError),
    #[error(transparent)]
    Mcp(#[from] systemprompt_mcp::StdioError),
    #[error("{}: {reason}", file.display())]
    PriceFile { file: PathBuf, reason: String },
    #[error("{}: {reason}", file.display())]
    TrafficFile { file: PathBuf, reason: String },
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Refused(String),
    #[error("the export was not made: {0}")]
    Exports(#[from] systemprompt_storage::exports::ExportsError),
    /// Nothing went wrong here: a wrapped server ended with this code.
    #[error("the server ended with {0}")]
    Exit(u8),
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// 2 for what cannot be asked, 1 for what is not found or failed.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Exit(code) => *code,
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
        if let Self::Exit(_) = self {
            return Ok(());
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
