//! Whole tables, row by row: what is too much for an answer. A cursor on the server
//! keeps both ends small, however many rows there are.

use serde_json::Value;
use sqlx::{PgPool, Postgres, Transaction};
use time::OffsetDateTime;

/// Rows that are fetched at once.
const ROWS: &str = "fetch forward 2000 from rows";

/// What can be read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Requests that have their detail.
    Requests,
    /// Sessions of web sites that are over.
    Sessions,
    /// Tool calls that have their detail.
    Tools,
    /// The audit trail, with the names of people.
    Audit,
}

/// The rows of a period, in the order in which they happened.
#[derive(Debug)]
pub struct Cursor(Transaction<'static, Postgres>);

impl Cursor {
    /// Opens the rows of `[since, until)`, all as of this moment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open(
        pool: &PgPool,
        table: Table,
        since: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Self, sqlx::Error> {
        let declare = match table {
            Table::Requests => include_str!("cursor/requests.sql"),
            Table::Sessions => include_str!("cursor/sessions.sql"),
            Table::Tools => include_str!("cursor/tools.sql"),
            Table::Audit => include_str!("cursor/audit.sql"),
        };
        let mut tx = pool.begin().await?;
        sqlx::query(declare)
            .bind(since)
            .bind(until)
            .execute(&mut *tx)
            .await?;
        Ok(Self(tx))
    }

    /// The next rows; none at the end.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next(&mut self) -> Result<Vec<Value>, sqlx::Error> {
        let rows: Vec<String> = sqlx::query_scalar(ROWS).fetch_all(&mut *self.0).await?;
        let parsed = rows.iter().map(|row| serde_json::from_str(row));
        parsed
            .collect::<Result<_, _>>()
            .map_err(|error| sqlx::Error::Decode(error.into()))
    }
}
