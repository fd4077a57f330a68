//! One day of a run: one transaction.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::{PgConnection, Row};
use systemprompt_budgets::Rules;
use systemprompt_domain::Nanos;
use systemprompt_domain::period::Interval;
use time::{Date, Duration};
use uuid::Uuid;

use super::rows::{Corrections, Pages, Stored, Texts};
use super::tally::{Left, Models};
use super::{Change, Recompute, start_of};
use crate::audit::{self, Entry};
use crate::budgets;
use crate::writer::conversations::{self, Correction};
use crate::writer::rollups;

/// Two runs at a time would both correct what is wrong now.
const LOCK: i64 = 0x7265_7072_6963_6521;

/// What became of a day.
pub(super) struct Done {
    pub(super) tally: Models,
    /// Set where the day was left as it was.
    pub(super) left: Option<Left>,
}

impl Recompute<'_> {
    pub(super) async fn day(&self, day: Date, run: Uuid) -> Result<Done, sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        if !self.dry_run {
            sqlx::query("select pg_advisory_xact_lock($1)")
                .bind(LOCK)
                .execute(&mut *tx)
                .await?;
        }
        let left = incomplete(&mut tx, day).await?;
        let mut tally = Models::default();
        let mut texts = Texts::default();
        let mut changes = match left {
            Some(_) => Vec::new(),
            None => self.rows(&mut tx, day, run, &mut tally, &mut texts).await?,
        };
        let imported = self.imported(&mut tx, day, run, &mut tally, &mut texts);
        changes.extend(imported.await?);
        if !changes.is_empty() && !self.dry_run {
            settle(&mut tx, self.rules, &changes).await?;
            self.audit(&mut tx, day, run, &tally).await?;
            tx.commit().await?;
        }
        Ok(Done { tally, left })
    }

    /// What of a day is of the period.
    pub(super) fn within(&self, day: Date) -> Interval {
        let (period, start) = (self.selection.period, start_of(day));
        Interval {
            since: period.since.max(start),
            until: period.until.min(start + Duration::DAY),
        }
    }

    /// Prices the day's rows and stores the costs that changed.
    async fn rows(
        &self,
        db: &mut PgConnection,
        day: Date,
        run: Uuid,
        tally: &mut Models,
        texts: &mut Texts,
    ) -> Result<Vec<Change>, sqlx::Error> {
        let Interval { since, until } = self.within(day);
        let mut pages = Pages {
            selection: &self.selection,
            until,
            after: (since, Uuid::nil()),
        };
        let mut changes = Vec::new();
        loop {
            let rows = pages.next(db).await?;
            if rows.is_empty() {
                return Ok(changes);
            }
            let mut corrections = Corrections::default();
            for row in &rows {
                let stored = Stored::read(row)?;
                let cost = stored.price(self.catalogue);
                let old = stored.cost;
                let new = cost.as_ref().map(|cost| cost.total.0);
                tally
                    .of(stored.provider(), stored.model())
                    .note(1, old, new);
                if let Some(cost) = cost.filter(|_| new != old) {
                    changes.push(stored.change(row, &cost, texts)?);
                    corrections.push(stored, cost, self.catalogue);
                }
            }
            if !self.dry_run {
                corrections.store(db, run, self.clock.now()).await?;
            }
        }
    }

    async fn audit(
        &self,
        db: &mut PgConnection,
        day: Date,
        run: Uuid,
        tally: &Models,
    ) -> Result<(), sqlx::Error> {
        let sum = tally.total();
        let changed = tally.0.iter().filter(|(_, tally)| tally.changed > 0);
        let models = changed.map(|((provider, model), tally)| {
            json!({
                "provider": provider,
                "model": model,
                "changed": tally.changed,
                "newly_priced": tally.newly_priced,
                "old_cost_nanos": tally.old.0,
                "new_cost_nanos": tally.new.0,
            })
        });
        let detail = json!({
            "run": run,
            "day": day.to_string(),
            "requests": sum.requests,
            "changed": sum.changed,
            "newly_priced": sum.newly_priced,
            "old_cost_nanos": sum.old.0,
            "new_cost_nanos": sum.new.0,
            "models": models.collect::<Vec<_>>(),
        });
        let entry = Entry {
            by: self.by,
            ..Entry::administration("costs_recomputed", self.clock.now(), &detail)
        };
        audit::append(db, entry).await
    }
}

/// Tells everything that counts these requests what they cost more. Locks are
/// taken in the order in which the writer takes them.
async fn settle(
    db: &mut PgConnection,
    rules: &Rules,
    changes: &[Change],
) -> Result<(), sqlx::Error> {
    rollups::correct(db, changes).await?;
    let mut more: BTreeMap<&str, Correction> = BTreeMap::new();
    for change in changes {
        if let Some(conversation) = &change.conversation {
            let more = more.entry(conversation).or_default();
            more.nanos += change.delta_nanos;
            more.newly_priced += i64::from(change.newly_priced.is_some());
        }
    }
    conversations::correct(db, &more).await?;
    let changes: Vec<_> = changes
        .iter()
        .map(|change| budgets::Change {
            subject: change.subject(),
            created_at: change.created_at,
            delta: Nanos(change.delta_nanos),
        })
        .collect();
    budgets::correct(db, rules, &changes).await
}

/// Whether fewer requests of the day are stored than were counted.
async fn incomplete(db: &mut PgConnection, day: Date) -> Result<Option<Left>, sqlx::Error> {
    let start = start_of(day);
    // One statement, so that both are as of one moment.
    let row = sqlx::query(
        "select \
             (select count(*) from ai_requests where created_at >= $1 and created_at < $2), \
             (select requests from usage_day where cube = 'total' and bucket = $1), \
             (select coalesce(sum(requests), 0)::bigint from imported_hours \
              where at >= $1 and at < $2 \
                and began_at > $1 - interval '24 hours' and began_at < $2)",
    )
    .bind(start)
    .bind(start + Duration::DAY)
    .fetch_one(db)
    .await?;
    let (stored, counted): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
    // Those of imported usage have no detail.
    let counted = counted.unwrap_or(0) - row.try_get::<i64, _>(2)?;
    Ok((stored < counted).then_some(Left {
        day,
        stored,
        counted,
    }))
}
