//! What is to be appended to the audit log.

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

/// What happened. Nobody is named for what the program decides by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) category: &'a str,
    pub(crate) event: &'a str,
    /// `success`, `failure`, `denied` or `pending`.
    pub(crate) outcome: &'static str,
    /// A person; the log has their pseudonym.
    pub(crate) by: Option<&'a str>,
    pub(crate) agent: Option<&'a str>,
    pub(crate) token: Option<&'a str>,
    pub(crate) trace: Option<Uuid>,
    pub(crate) subject: Option<Uuid>,
    pub(crate) state: Option<&'a str>,
    pub(crate) at: OffsetDateTime,
    /// Its member `user` is a person, too.
    pub(crate) detail: Option<&'a Value>,
    /// SHA-256 of the row that tells the whole.
    pub(crate) digest: Option<[u8; 32]>,
}

impl<'a> Entry<'a> {
    /// A success of nobody in particular, about nothing that has an id.
    pub(crate) const fn new(
        category: &'a str,
        event: &'a str,
        at: OffsetDateTime,
        detail: &'a Value,
    ) -> Self {
        Self {
            category,
            event,
            outcome: "success",
            by: None,
            agent: None,
            token: None,
            trace: None,
            subject: None,
            state: None,
            at,
            detail: Some(detail),
            digest: None,
        }
    }

    /// An event of the category `administration`, by nobody in particular.
    pub(crate) const fn administration(
        event: &'a str,
        at: OffsetDateTime,
        detail: &'a Value,
    ) -> Self {
        Self::new("administration", event, at, detail)
    }

    /// The people it names: who did it, and whom its detail is about.
    pub(super) fn people(&self) -> impl Iterator<Item = &'a str> {
        let about = self.detail.and_then(|detail| detail.get("user")?.as_str());
        self.by.into_iter().chain(about)
    }
}
