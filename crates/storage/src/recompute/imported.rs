//! Imported usage as it is priced again: what changes for each of its hours.

use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use systemprompt_domain::period::Interval;
use systemprompt_domain::{TokenClass, Tokens};
use systemprompt_pricing::{Catalogue, Cost};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::rows::{Corrections, Texts};
use super::tally::Models;
use super::{Change, Recompute};
use crate::imported::Part;
use crate::usage::StoredUsage;

/// How many rows are read at a time.
const PAGE: i64 = 1_000;

impl Recompute<'_> {
    /// Prices the usage that began on the day and stores the costs that changed.
    pub(super) async fn imported(
        &self,
        db: &mut PgConnection,
        day: Date,
        run: Uuid,
        tally: &mut Models,
        texts: &mut Texts,
    ) -> Result<Vec<Change>, sqlx::Error> {
        let Interval { since, until } = self.within(day);
        let models = &self.selection.models;
        let mut changes = Vec::new();
        let mut after = Uuid::nil();
        loop {
            let rows = sqlx::query(include_str!("imported.sql"))
                .bind(since)
                .bind(until)
                .bind(after)
                .bind(&self.selection.provider)
                .bind((!models.is_empty()).then_some(models))
                .bind(PAGE)
                .fetch_all(&mut *db)
                .await?;
            let Some(last) = rows.last() else {
                return Ok(changes);
            };
            after = last.try_get("id")?;
            let mut corrections = Corrections::default();
            for row in &rows {
                let stored = Stored::read(row)?;
                let cost = stored.price(self.catalogue);
                let (old, new) = (stored.cost, cost.as_ref().map(|cost| cost.total.0));
                tally.of(&stored.provider, &stored.model).note(
                    stored.requests.cast_unsigned().max(1),
                    old,
                    new,
                );
                if let Some(cost) = cost.filter(|_| new != old) {
                    changes.extend(stored.changes(row, &cost, texts)?);
                    let old = (old, row.try_get("price_version")?);
                    corrections.push_imported(stored.id, stored.period.since, old, cost);
                }
            }
            if !self.dry_run {
                corrections
                    .store_imported(db, run, self.clock.now())
                    .await?;
            }
        }
    }
}

/// Stored usage and its price.
struct Stored {
    id: Uuid,
    period: Interval,
    provider: String,
    model: String,
    requests: i64,
    prompt: i64,
    usage: StoredUsage,
    cost: Option<i64>,
}

impl Stored {
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        let mut tokens = Tokens::default();
        for class in TokenClass::ALL {
            *tokens.get_mut(class) = row.try_get::<i64, _>(class.as_str())?.cast_unsigned();
        }
        let extra: Option<Value> = row.try_get("usage_extra")?;
        let usage = StoredUsage::read(tokens, row.try_get("service_tier")?, extra)
            .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok(Self {
            id: row.try_get("id")?,
            period: Interval {
                since: row.try_get::<OffsetDateTime, _>("began_at")?,
                until: row.try_get::<OffsetDateTime, _>("ended_at")?,
            },
            provider: row.try_get("provider")?,
            model: row.try_get("model")?,
            requests: row.try_get("requests")?,
            prompt: row.try_get("prompt_tokens")?,
            usage,
            cost: row.try_get("cost_nanos")?,
        })
    }

    fn price(&self, catalogue: &Catalogue) -> Option<Cost> {
        catalogue.cost_of_many(
            &self.provider,
            &self.model,
            self.period.since,
            &self.usage.usage,
            self.prompt.cast_unsigned(),
        )
    }

    /// What the new cost changes, hour by hour: totals got each hour's part of the old.
    fn changes<'a>(
        &'a self,
        row: &PgRow,
        cost: &Cost,
        texts: &mut Texts,
    ) -> Result<impl Iterator<Item = Change> + 'a, sqlx::Error> {
        let mut column = |name| {
            let text: Option<&str> = row.try_get(name)?;
            Ok::<_, sqlx::Error>(text.map(|text| texts.keep(text)))
        };
        let (agent, user) = (column("agent")?, column("user_id")?);
        let (provider, model) = (texts.keep(&self.provider), texts.keep(&self.model));
        let (old, new) = (self.cost, cost.total.0);
        let tokens = self.usage.usage.tokens;
        Ok(Part::all(self.period).map(move |part| Change {
            created_at: part.at,
            provider: provider.clone(),
            requested_model: None,
            served_model: Some(model.clone()),
            agent: agent.clone(),
            user: user.clone(),
            conversation: None,
            requests: part.of(self.requests),
            delta_nanos: part.of(new) - part.of(old.unwrap_or(0)),
            newly_priced: old.is_none().then(|| {
                let of = |class| part.of(tokens.get(class).cast_signed());
                TokenClass::ALL.into_iter().map(of).sum()
            }),
        }))
    }
}
