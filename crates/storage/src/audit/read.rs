//! Reading the log fast: rows come by `COPY` in its binary format and are read
//! where they lie. Nothing of them is believed: whatever somebody wrote into a
//! column ends as an event that the verifier can judge.

use std::future::poll_fn;

use sqlx::PgConnection;
use systemprompt_audit::{Event, Row};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// What is read of an event, in the order in which [`Fields`] takes it.
const COLUMNS: &str = "seq, id, created_at, category, event, outcome, user_id, agent, token, \
     trace_id, subject_id, state, detail::text, digest, body";

/// The beginning of what `COPY` writes in its binary format.
const HEADER: usize = 19;
/// Midnight of 2000-01-01, from which PostgreSQL counts.
const EPOCH: OffsetDateTime = time::macros::datetime!(2000-01-01 0:00 UTC);

/// Reads the events from `from` on, in order, until `each` has enough. Answers
/// whether it went to the end.
pub(super) async fn rows(
    db: &mut PgConnection,
    from: u64,
    mut each: impl FnMut(&Row<'_>) -> bool,
) -> Result<bool, sqlx::Error> {
    copy(
        db,
        format!(
            "copy (select {COLUMNS} from audit_events where seq >= {from} order by seq) \
             to stdout (format binary)"
        ),
        |fields| each(&fields.row()),
    )
    .await
}

/// Reads number and text of the events from `from` up to `until`.
pub(super) async fn texts(
    db: &mut PgConnection,
    from: u64,
    until: u64,
    mut each: impl FnMut(u64, &str) -> bool,
) -> Result<bool, sqlx::Error> {
    copy(
        db,
        format!(
            "copy (select seq, body from audit_events where seq >= {from} and seq < {until} \
             order by seq) to stdout (format binary)"
        ),
        |mut fields| {
            let seq = fields.number();
            each(seq, fields.text().unwrap_or_default())
        },
    )
    .await
}

/// Runs a `COPY … to stdout (format binary)` whose parts are all ours.
async fn copy(
    db: &mut PgConnection,
    statement: String,
    mut each: impl FnMut(Fields<'_>) -> bool,
) -> Result<bool, sqlx::Error> {
    let mut chunks = db.copy_out_raw(&statement).await?;
    // A row may lie across the ends of chunks, though PostgreSQL sends one each.
    let mut rest: Vec<u8> = Vec::new();
    let mut begun = false;
    while let Some(chunk) = poll_fn(|cx| chunks.as_mut().poll_next(cx)).await {
        let chunk = chunk?;
        let joined;
        let mut bytes: &[u8] = if rest.is_empty() {
            &chunk
        } else {
            rest.extend_from_slice(&chunk);
            joined = std::mem::take(&mut rest);
            &joined
        };
        if !begun {
            if bytes.len() < HEADER {
                rest = bytes.to_vec();
                continue;
            }
            bytes = &bytes[HEADER..];
            begun = true;
        }
        while let Some(length) = whole(bytes) {
            let (row, more) = bytes.split_at(length);
            bytes = more;
            if row.len() > 2 && !each(Fields(&row[2..])) {
                return Ok(false);
            }
        }
        rest = bytes.to_vec();
    }
    Ok(true)
}

/// How long the first row is, if it is all there. The end of all is a row of -1
/// fields.
fn whole(bytes: &[u8]) -> Option<usize> {
    let (fields, _) = bytes.split_first_chunk::<2>()?;
    let mut at = 2;
    for _ in 0..i16::from_be_bytes(*fields).max(0) {
        let (length, _) = bytes.get(at..)?.split_first_chunk::<4>()?;
        at += 4 + usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
    }
    (at <= bytes.len()).then_some(at)
}

/// What is left of a row's fields.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            self.0 = rest;
            return None;
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(value)
    }

    fn number(&mut self) -> u64 {
        let bytes = self.bytes().and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u64::from_be_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn uuid(&mut self) -> Option<Uuid> {
        Uuid::from_slice(self.bytes()?).ok()
    }

    /// A moment that no event has stands for those that PostgreSQL knows and we
    /// do not: infinity, and the years after 9999.
    fn moment(&mut self) -> OffsetDateTime {
        let bytes = self.bytes().and_then(|bytes| bytes.try_into().ok());
        let micros = bytes.map(i64::from_be_bytes);
        let moment = micros.and_then(|micros| EPOCH.checked_add(Duration::microseconds(micros)));
        moment.unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    fn row(mut self) -> Row<'a> {
        let seq = self.number();
        let id = self.uuid().unwrap_or_default();
        let at = self.moment();
        let category = self.text().unwrap_or_default();
        let event = self.text().unwrap_or_default();
        let outcome = self.text().unwrap_or_default();
        let (user, agent, token) = (self.text(), self.text(), self.text());
        let (trace, subject) = (self.uuid(), self.uuid());
        let (state, detail) = (self.text(), self.text());
        // A digest of another length is none that was ever written.
        let digest = self
            .bytes()
            .map(|bytes| bytes.try_into().unwrap_or([0; 32]));
        let body = self.text().unwrap_or_default();
        Row {
            seq,
            body,
            columns: Event {
                id,
                at,
                category,
                event,
                outcome,
                user,
                agent,
                token,
                trace,
                subject,
                state,
                detail,
                digest,
            },
        }
    }
}
