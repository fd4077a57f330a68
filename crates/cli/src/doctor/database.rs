//! The database: whether it answers, in which state it is, and what waits for it.

use sqlx::PgPool;
use systemprompt_config::Config;
use systemprompt_storage::{Storage, audit, status};
use time::{Duration, OffsetDateTime};

use super::Findings;
use crate::Outside;
use crate::database;
use crate::failure::Failure;
use crate::human::figure;

/// Clocks that differ by more make times of events doubtful.
const APART: Duration = Duration::seconds(2);
/// Servers make checkpoints of the audit log much more often.
const UNCOVERED: Duration = Duration::HOUR;

pub(super) fn look(config: &Config, findings: &mut Findings, outside: &mut Outside<'_>) {
    let looked = database::with(config, outside, async |storage, _| {
        examine(config, storage, findings).await?;
        Ok(())
    });
    let Err(failure) = looked else {
        return;
    };
    let mut said = Vec::new();
    let _ = failure.report(&mut said);
    let said = String::from_utf8_lossy(&said);
    let said = said.trim_start_matches("error: ").trim_end().to_owned();
    let advice = match &config.profile.database.url {
        Some(_) => "check DATABASE_URL or database.url, and that PostgreSQL 15 or newer runs there",
        None => {
            "the embedded database needs PostgreSQL's programs (Debian: apt install postgresql), or name a server with DATABASE_URL"
        }
    };
    findings.fail("database", said, advice);
}

async fn examine(
    config: &Config,
    storage: &Storage,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let failed = |error: sqlx::Error| Failure::Question(error.into());
    let pool = storage.upkeep_pool();
    let is = status::status(&pool).await.map_err(failed)?;
    findings.ok(
        "database",
        format!(
            "PostgreSQL {} at {}, {}",
            is.version,
            is.address,
            figure::bytes(is.bytes)
        ),
    );
    clock(&pool, findings).await.map_err(failed)?;
    let applied = is.migrations.iter().filter(|m| m.applied_at.is_some());
    findings.ok(
        "migrations",
        format!("{} of {} applied", applied.count(), is.migrations.len()),
    );
    match is.dead_letters {
        0 => findings.ok("quarantine", "no record was refused by the database"),
        n => findings.warn(
            "quarantine",
            format!("{n} records could not be stored as what they claim to be"),
            "they are kept in the table dead_letters, each with its reason; report them as a bug",
        ),
    }
    if is.spools.is_empty() {
        findings.ok("spools", "no server has stored anything yet");
    }
    for spool in &is.spools {
        let at = figure::moment(spool.updated_at, figure::Precision::Minute);
        let says = format!(
            "{} of {}: stored up to segment {}, byte {}, last at {at} UTC",
            spool.lane, spool.spool_id, spool.segment, spool.position
        );
        findings.ok("spools", says);
    }
    if let Err(error) = storage.log() {
        let keys = config.profile.audit_keys();
        let advice = format!(
            "servers do not start without: restore {} from the backup, or see docs/audit-log.md",
            keys.display()
        );
        findings.fail("audit keys", error.to_string(), advice);
    }
    let log = audit::status(&pool).await.map_err(failed)?;
    let (covered, at) = match log.checkpoint {
        Some((covered, at)) => (covered, Some(at)),
        None => (log.dropped, None),
    };
    let open = log.size.saturating_sub(covered);
    let says = format!(
        "{} events, {open} of them after the last checkpoint",
        log.size
    );
    let old = at.is_some_and(|at| OffsetDateTime::now_utc() - at > UNCOVERED);
    if open > 0 && (old || at.is_none()) {
        let advice =
            "servers cover them while they run; `systemprompt infra audit checkpoint` does now";
        findings.warn("audit head", says, advice);
    } else {
        findings.ok("audit head", says);
    }
    Ok(())
}

/// Compares the two clocks that events are stamped by.
async fn clock(pool: &PgPool, findings: &mut Findings) -> Result<(), sqlx::Error> {
    let before = OffsetDateTime::now_utc();
    let theirs: OffsetDateTime = sqlx::query_scalar("select clock_timestamp()")
        .fetch_one(pool)
        .await?;
    let after = OffsetDateTime::now_utc();
    // Whatever lies between the two moments may be right.
    let apart = if theirs < before {
        before - theirs
    } else if theirs > after {
        theirs - after
    } else {
        Duration::ZERO
    };
    let says = format!("{apart:.3} between this machine's clock and the database's");
    if apart > APART {
        let advice = "keep both by NTP: budgets, sessions and day borders depend on them";
        findings.warn("clock", says, advice);
    } else {
        findings.ok("clock", says);
    }
    Ok(())
}
