//! Keeps the price versions that costs refer to, so that the arithmetic of a
//! cost can be shown after the catalogue has moved on.

use sqlx::PgPool;
use systemprompt_pricing::Catalogue;
use time::OffsetDateTime;

/// Adds the catalogue's versions that the database does not have yet.
///
/// # Errors
/// When the database refuses.
pub async fn keep(
    pool: &PgPool,
    catalogue: &Catalogue,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let mut ids = Vec::new();
    let mut providers = Vec::new();
    let mut models = Vec::new();
    let mut from = Vec::new();
    let mut custom = Vec::new();
    let mut versions = Vec::new();
    for version in catalogue.versions() {
        ids.push(version.id.as_str());
        providers.push(version.provider.as_str());
        models.push(version.model.as_str());
        from.push(version.from);
        custom.push(version.custom);
        versions.push(serde_json::to_value(version).expect("a price version is plain data"));
    }
    sqlx::query(
        "insert into price_versions (id, provider, model, valid_from, custom, version, first_seen) \
         select id, provider, model, valid_from, custom, version, $7 \
         from unnest($1::text[], $2::text[], $3::text[], $4::date[], $5::bool[], $6::jsonb[]) \
             as v (id, provider, model, valid_from, custom, version) \
         on conflict (id) do nothing",
    )
    .bind(&ids)
    .bind(&providers)
    .bind(&models)
    .bind(&from)
    .bind(&custom)
    .bind(&versions)
    .bind(now)
    .execute(pool)
    .await?;
    Ok(())
}
