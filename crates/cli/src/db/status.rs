//! `systemprompt infra db status`: what an operator looks at first.

use serde_json::json;
use systemprompt_config::Config;
use systemprompt_storage::status::{Status, status};

use super::{column, count, failed, minute, stamp, write_json, write_table};
use crate::Outside;
use crate::database;
use crate::failure::Failure;
use crate::human::column::Unit;
use crate::human::{figure, text};

pub(super) fn run(json: bool, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let status = database::with(config, outside, async |storage, _| {
        status(&storage.upkeep_pool()).await.map_err(failed)
    })?;
    if json {
        return write_json(outside, &answer(&status));
    }
    page(&status, outside)
}

fn answer(status: &Status) -> serde_json::Value {
    let migrations = status.migrations.iter().map(|migration| {
        json!({
            "version": migration.version,
            "description": migration.description,
            "applied_at": migration.applied_at.and_then(stamp),
        })
    });
    let spools = status.spools.iter().map(|spool| {
        json!({
            "spool_id": spool.spool_id,
            "lane": spool.lane,
            "segment": spool.segment,
            "position": spool.position,
            "updated_at": stamp(spool.updated_at),
        })
    });
    json!({
        "version": status.version,
        "address": status.address,
        "database": status.database,
        "bytes": status.bytes,
        "migrations": migrations.collect::<Vec<_>>(),
        "detail": {
            "oldest": status.oldest.and_then(stamp),
            "newest": status.newest.and_then(stamp),
            "complete_from": status.kept_from.and_then(stamp),
        },
        "open_requests": status.open_requests,
        "dead_letters": status.dead_letters,
        "spools": spools.collect::<Vec<_>>(),
    })
}

fn page(status: &Status, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let detail = match (status.oldest, status.newest) {
        (Some(oldest), Some(newest)) => format!("{} to {} UTC", minute(oldest), minute(newest)),
        _ => "none yet".to_owned(),
    };
    let removed = status.kept_from.map_or_else(String::new, |from| {
        format!(", complete from {} on", from.date())
    });
    let applied = status.migrations.iter().filter(|m| m.applied_at.is_some());
    let last = applied.clone().next_back();
    let last = last.map_or_else(String::new, |last| {
        format!(", the last {} {}", last.version, last.description)
    });
    for (what, is) in [
        (
            "Server",
            format!(
                "PostgreSQL {} at {}",
                text::clean(&status.version),
                text::clean(&status.address)
            ),
        ),
        (
            "Database",
            format!(
                "{}, {}",
                text::clean(&status.database),
                figure::bytes(status.bytes)
            ),
        ),
        (
            "Migrations",
            format!("{} applied{last}", applied.clone().count()),
        ),
        ("Detail", format!("{detail}{removed}")),
        (
            "Under way",
            format!("{} requests", count(status.open_requests)),
        ),
        (
            "Dead letters",
            match status.dead_letters {
                0 => "none".to_owned(),
                n => outside
                    .look
                    .alarming(&format!("{} (table dead_letters)", count(n))),
            },
        ),
    ] {
        writeln!(outside.out, "{what:<12}  {is}")?;
    }
    if status.spools.is_empty() {
        return Ok(());
    }
    writeln!(outside.out, "\n{}", outside.look.strong("Spools"))?;
    let spools = &status.spools;
    let columns = [
        column("spool", Unit::Id, spools, |s| s.spool_id.to_string()),
        column("lane", Unit::Text, spools, |s| {
            text::clean(&s.lane).into_owned()
        }),
        column("segment", Unit::Count, spools, |s| count(s.segment)),
        column("position", Unit::Count, spools, |s| count(s.position)),
        column("stored_at", Unit::Time, spools, |s| minute(s.updated_at)),
    ];
    write_table(&columns, outside)
}
