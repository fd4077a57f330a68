//! Rows of `ai_requests` as they are priced again: reading them, and storing
//! what changed.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use systemprompt_domain::{TokenClass, Tokens};
use systemprompt_pricing::{Catalogue, Cost};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Change, Selection};
use crate::usage::{StoredUsage, with_price_versions};

/// How many rows are read at a time.
const PAGE: i64 = 5_000;

const READ: &str = include_str!("rows.sql");

/// Texts that occur again and again, each kept once.
#[derive(Default)]
pub(super) struct Texts(HashSet<Arc<str>>);

impl Texts {
    pub(super) fn keep(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

/// Reads the selected rows of a stretch of time, page by page.
pub(super) struct Pages<'a> {
    pub(super) selection: &'a Selection,
    pub(super) until: OffsetDateTime,
    /// The last row that was read.
    pub(super) after: (OffsetDateTime, Uuid),
}

impl Pages<'_> {
    /// The next rows; none at the end.
    pub(super) async fn next(&mut self, db: &mut PgConnection) -> Result<Vec<PgRow>, sqlx::Error> {
        let models = &self.selection.models;
        let rows = sqlx::query(READ)
            .bind(self.after.0)
            .bind(self.after.1)
            .bind(self.until)
            .bind(&self.selection.provider)
            .bind((!models.is_empty()).then_some(models))
            .bind(PAGE)
            .fetch_all(db)
            .await?;
        if let Some(last) = rows.last() {
            self.after = (last.try_get("created_at")?, last.try_get("id")?);
        }
        Ok(rows)
    }
}

/// A stored request and its price.
pub(super) struct Stored {
    id: Uuid,
    created_at: OffsetDateTime,
    provider: String,
    requested_model: Option<String>,
    served_model: Option<String>,
    usage: StoredUsage,
    extra: Option<Value>,
    pub(super) cost: Option<i64>,
    price_version: Option<String>,
}

impl Stored {
    /// Reads a row.
    pub(super) fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        let mut all = Tokens::default();
        for class in TokenClass::ALL {
            *all.get_mut(class) = row.try_get::<i64, _>(class.as_str())?.cast_unsigned();
        }
        let extra: Option<Value> = row.try_get("usage_extra")?;
        let usage = StoredUsage::read(all, row.try_get("service_tier")?, extra.clone())
            .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok(Self {
            id: row.try_get("id")?,
            created_at: row.try_get("created_at")?,
            provider: row.try_get("provider")?,
            requested_model: row.try_get("requested_model")?,
            served_model: row.try_get("served_model")?,
            usage,
            extra,
            cost: row.try_get("cost_nanos")?,
            price_version: row.try_get("price_version")?,
        })
    }

    pub(super) fn provider(&self) -> &str {
        &self.provider
    }

    /// The model that answers group by.
    pub(super) fn model(&self) -> &str {
        let model = self.served_model.as_ref().or(self.requested_model.as_ref());
        model.map_or("", String::as_str)
    }

    /// What it costs by these prices.
    pub(super) fn price(&self, catalogue: &Catalogue) -> Option<Cost> {
        catalogue.cost(
            &self.provider,
            self.served_model.as_deref(),
            self.requested_model.as_deref(),
            self.created_at,
            &self.usage.usage,
        )
    }

    /// What its new cost changes for everything that counts it.
    pub(super) fn change(
        &self,
        row: &PgRow,
        cost: &Cost,
        texts: &mut Texts,
    ) -> Result<Change, sqlx::Error> {
        let mut column = |name| {
            let text: Option<&str> = row.try_get(name)?;
            Ok::<_, sqlx::Error>(text.map(|text| texts.keep(text)))
        };
        let (agent, user) = (column("agent")?, column("user_id")?);
        let conversation = column("conversation_id")?;
        let total = self.usage.usage.total();
        let tokens = total.input_total().saturating_add(total.output_total());
        let mut kept = |text: &Option<String>| text.as_deref().map(|text| texts.keep(text));
        Ok(Change {
            created_at: self.created_at,
            requested_model: kept(&self.requested_model),
            served_model: kept(&self.served_model),
            provider: texts.keep(&self.provider),
            agent,
            user,
            conversation,
            requests: 1,
            delta_nanos: cost.total.0 - self.cost.unwrap_or(0),
            newly_priced: self.cost.is_none().then_some(tokens.cast_signed()),
        })
    }

    /// `usage_extra` with the prices of other models, where there are any.
    fn extra(&self, catalogue: &Catalogue) -> Option<Value> {
        let others = &self.usage.usage.other_models;
        let extra = self.extra.clone().filter(|_| !others.is_empty())?;
        let version = |model: &str| {
            let found = catalogue.find(&self.provider, Some(model), None, self.created_at);
            found.map_or_else(String::new, |version| version.id.clone())
        };
        let versions: Vec<String> = others.iter().map(|other| version(&other.model)).collect();
        Some(with_price_versions(extra, &versions))
    }
}

/// Rows with another cost, column by column.
#[derive(Default)]
pub(super) struct Corrections {
    ids: Vec<Uuid>,
    created_at: Vec<OffsetDateTime>,
    old: Vec<Option<i64>>,
    old_versions: Vec<Option<String>>,
    new: Vec<i64>,
    new_versions: Vec<String>,
    extras: Vec<Option<Value>>,
}

impl Corrections {
    pub(super) fn push(&mut self, stored: Stored, cost: Cost, catalogue: &Catalogue) {
        self.extras.push(stored.extra(catalogue));
        self.add(
            stored.id,
            stored.created_at,
            (stored.cost, stored.price_version),
            cost,
        );
    }

    /// That of imported usage, which begins then.
    pub(super) fn push_imported(
        &mut self,
        id: Uuid,
        began_at: OffsetDateTime,
        old: (Option<i64>, Option<String>),
        cost: Cost,
    ) {
        self.extras.push(None);
        self.add(id, began_at, old, cost);
    }

    fn add(
        &mut self,
        id: Uuid,
        at: OffsetDateTime,
        (old, old_version): (Option<i64>, Option<String>),
        cost: Cost,
    ) {
        self.ids.push(id);
        self.created_at.push(at);
        self.old.push(old);
        self.old_versions.push(old_version);
        self.new.push(cost.total.0);
        self.new_versions.push(cost.price_version);
    }

    /// Gives the rows their new costs and keeps the old ones.
    pub(super) async fn store(
        &self,
        db: &mut PgConnection,
        run: Uuid,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        let (Some(first), Some(last)) = (self.created_at.first(), self.created_at.last()) else {
            return Ok(());
        };
        sqlx::query(
            "update ai_requests r set \
                 cost_nanos = c.cost_nanos, price_version = c.price_version, \
                 usage_extra = coalesce(c.usage_extra, r.usage_extra) \
             from unnest($1::timestamptz[], $2::uuid[], $3::bigint[], $4::text[], $5::jsonb[]) \
                 as c (created_at, id, cost_nanos, price_version, usage_extra) \
             where r.created_at = c.created_at and r.id = c.id \
                 and r.created_at between $6 and $7",
        )
        .bind(&self.created_at)
        .bind(&self.ids)
        .bind(&self.new)
        .bind(&self.new_versions)
        .bind(&self.extras)
        .bind(first)
        .bind(last)
        .execute(&mut *db)
        .await?;
        self.keep_old(db, run, now).await
    }

    /// The same for imported usage.
    pub(super) async fn store_imported(
        &self,
        db: &mut PgConnection,
        run: Uuid,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "update imported_usage u set cost_nanos = c.cost_nanos, price_version = c.price_version \
             from unnest($1::uuid[], $2::bigint[], $3::text[]) as c (id, cost_nanos, price_version) \
             where u.id = c.id",
        )
        .bind(&self.ids)
        .bind(&self.new)
        .bind(&self.new_versions)
        .execute(&mut *db)
        .await?;
        self.keep_old(db, run, now).await
    }

    async fn keep_old(
        &self,
        db: &mut PgConnection,
        run: Uuid,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "insert into cost_corrections \
                 (request_id, created_at, corrected_at, old_cost_nanos, old_price_version, \
                  new_cost_nanos, new_price_version, run_id) \
             select id, created_at, $7, old, old_version, new, new_version, $8 \
             from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::text[], $5::bigint[], \
                         $6::text[]) as c (id, created_at, old, old_version, new, new_version)",
        )
        .bind(&self.ids)
        .bind(&self.created_at)
        .bind(&self.old)
        .bind(&self.old_versions)
        .bind(&self.new)
        .bind(&self.new_versions)
        .bind(now)
        .bind(run)
        .execute(db)
        .await?;
        Ok(())
    }
}
