//! What can go wrong when a question is asked.

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The question makes no sense as asked; the text says what would. HTTP
    /// 400, exit code 2.
    #[error("{0}")]
    Usage(String),
    /// What was asked for does not exist, or not for this caller. HTTP 404.
    #[error("{0}")]
    NotFound(String),
    /// The database failed. Its text is for the log, not for the caller.
    #[error("the database did not answer")]
    Database(#[from] sqlx::Error),
}

/// The result of asking.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A comparison with a time before the calendar.
    pub(crate) fn nothing_before() -> Self {
        Self::Usage("there is no period of that length before this one".to_owned())
    }
}

impl From<systemprompt_domain::period::InvalidPeriod> for Error {
    fn from(error: systemprompt_domain::period::InvalidPeriod) -> Self {
        Self::Usage(error.to_string())
    }
}
