//! Prices in the database: those that operators imported, and every version
//! that costs refer to, so that the arithmetic of a cost can be shown after the
//! catalogue has moved on.

use std::collections::BTreeMap;

use sqlx::types::Json;
use sqlx::{PgConnection, PgPool, Row};
use systemprompt_pricing::{Catalogue, CustomPrice, PriceVersion, PricingError};
use time::OffsetDateTime;

use crate::audit::{self, Entry};

/// The channel on which imports are announced. The message is empty.
pub const CHANNEL: &str = "systemprompt_prices";

/// Why prices cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// The database fails.
    #[error("the prices in the database cannot be read or changed: {0}")]
    Database(#[from] sqlx::Error),
    /// A price of the profile is impossible.
    #[error(transparent)]
    Pricing(#[from] PricingError),
}

/// The prices in force: the profile's over those that were imported over the
/// compiled ones.
///
/// # Errors
/// If the database fails or a price of the profile is impossible.
pub async fn in_force(
    db: &PgPool,
    custom: &BTreeMap<String, CustomPrice>,
) -> Result<Catalogue, PricesError> {
    Ok(listed(db).await?.with_custom(custom)?)
}

/// The prices in force without the profile's: what an import is laid over.
///
/// # Errors
/// If the database fails.
pub async fn listed(db: &PgPool) -> Result<Catalogue, PricesError> {
    // In the order in which they came: where two of them have a name in
    // common, the later one has it.
    let rows = sqlx::query(
        "select version from price_imports order by imported_at, provider, model, valid_from",
    )
    .fetch_all(db)
    .await?;
    let version = |row| {
        let Json(version) = Row::try_get::<Json<PriceVersion>, _>(row, 0)?;
        Ok::<_, sqlx::Error>(version)
    };
    let versions: Vec<PriceVersion> = rows.iter().map(version).collect::<Result<_, _>>()?;
    Ok(Catalogue::builtin().with_versions(versions))
}

/// A text that changes with every import; to see whether to read them again.
///
/// # Errors
/// If the database fails.
pub async fn stamp(db: &PgPool) -> Result<String, PricesError> {
    let stamp = "select concat_ws(' ', count(*), max(imported_at)) from price_imports";
    Ok(sqlx::query_scalar(stamp).fetch_one(db).await?)
}

/// Imports versions, over earlier ones of the same provider, model and date,
/// and announces it to every server. `by` is who does it.
///
/// # Errors
/// If the database fails; then nothing is imported.
pub async fn import(
    db: &PgPool,
    versions: &[PriceVersion],
    by: &str,
    now: OffsetDateTime,
) -> Result<(), PricesError> {
    let mut tx = db.begin().await?;
    // One import after the other, so that stamps rise in the order of commits.
    sqlx::query("lock table price_imports in share row exclusive mode")
        .execute(&mut *tx)
        .await?;
    let columns = Columns::of(versions);
    sqlx::query(
        "insert into price_imports (provider, model, valid_from, version, imported_at) \
         select provider, model, valid_from, version, clock_timestamp() \
         from unnest($1::text[], $2::text[], $3::date[], $4::jsonb[]) \
             as v (provider, model, valid_from, version) \
         on conflict (provider, model, valid_from) do update set \
             version = excluded.version, imported_at = excluded.imported_at",
    )
    .bind(&columns.providers)
    .bind(&columns.models)
    .bind(&columns.from)
    .bind(&columns.versions)
    .execute(&mut *tx)
    .await?;
    columns.keep(&mut tx, now).await?;
    let detail = serde_json::json!({ "source": "import", "versions": columns.ids });
    sqlx::query("select pg_notify($1, '')")
        .bind(CHANNEL)
        .execute(&mut *tx)
        .await?;
    let entry = Entry {
        by: Some(by),
        ..Entry::administration("prices_changed", now, &detail)
    };
    audit::append(&mut tx, entry).await?;
    Ok(tx.commit().await?)
}

/// Adds the catalogue's versions that the database does not have yet.
///
/// # Errors
/// When the database refuses.
pub async fn keep(
    pool: &PgPool,
    catalogue: &Catalogue,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let mut db = pool.acquire().await?;
    Columns::of(catalogue.versions()).keep(&mut db, now).await
}

/// Versions by column.
#[derive(Default)]
struct Columns<'a> {
    ids: Vec<&'a str>,
    providers: Vec<&'a str>,
    models: Vec<&'a str>,
    from: Vec<time::Date>,
    custom: Vec<bool>,
    versions: Vec<Json<&'a PriceVersion>>,
}

impl<'a> Columns<'a> {
    fn of(versions: impl IntoIterator<Item = &'a PriceVersion>) -> Self {
        let mut columns = Self::default();
        for version in versions {
            columns.ids.push(&version.id);
            columns.providers.push(&version.provider);
            columns.models.push(&version.model);
            columns.from.push(version.from);
            columns.custom.push(version.custom);
            columns.versions.push(Json(version));
        }
        columns
    }

    async fn keep(&self, db: &mut PgConnection, now: OffsetDateTime) -> Result<(), sqlx::Error> {
        sqlx::query(
            "insert into price_versions \
                 (id, provider, model, valid_from, custom, version, first_seen) \
             select id, provider, model, valid_from, custom, version, $7 \
             from unnest($1::text[], $2::text[], $3::text[], $4::date[], $5::bool[], $6::jsonb[]) \
                 as v (id, provider, model, valid_from, custom, version) \
             on conflict (id) do nothing",
        )
        .bind(&self.ids)
        .bind(&self.providers)
        .bind(&self.models)
        .bind(&self.from)
        .bind(&self.custom)
        .bind(&self.versions)
        .bind(now)
        .execute(db)
        .await?;
        Ok(())
    }
}
