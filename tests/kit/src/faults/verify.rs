//! The comparison: what clients were told against what is in the database, and
//! the database against itself.

use std::collections::HashMap;

use anyhow::Result;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};
use systemprompt_storage::audit::{self, Options, Verdict};
use systemprompt_storage::check::{Checked, check};
use uuid::Uuid;

use super::ledger::{Entries, Seen};
use super::report::Report;
use crate::db::audit_keys;
use crate::oracle::{Prices, Used, nanos};

/// The states of all stored requests, by id.
pub(super) type States = HashMap<Uuid, String>;

/// Compares a ledger with a database that nobody writes to any more.
pub(super) async fn verify(db: &PgPool, ledger: &Entries, report: &mut Report) -> Result<States> {
    let rows = sqlx::query("select * from ai_requests")
        .fetch_all(db)
        .await?;
    let prices = Prices::read(db).await?;
    let mut stored: HashMap<Uuid, &PgRow> = HashMap::new();
    let mut twice = Vec::new();
    for row in &rows {
        let id = row.try_get("id")?;
        if stored.insert(id, row).is_some() {
            twice.push(id);
        }
    }
    let whole: Vec<&Seen> = ledger.seen.iter().filter(|seen| seen.whole).collect();
    report.figure("answers read to their end", whole.len());
    report.figure("answers cut in the middle", ledger.seen.len() - whole.len());
    report.figure("requests cut before their answer", ledger.unanswered);
    report.figure("requests stored", rows.len());

    let missing = whole.iter().filter(|seen| !stored.contains_key(&seen.id));
    report.check(
        "no acknowledged request is missing",
        missing.map(|seen| seen.id),
    );
    report.check("no request is stored twice", twice);
    let mut wrong = Vec::new();
    for seen in &whole {
        if let Some(row) = stored.get(&seen.id) {
            wrong.extend(
                compare(seen, row, &prices)
                    .err()
                    .map(|e| format!("{}: {e:#}", seen.id)),
            );
        }
    }
    report.check("acknowledged requests are right to the digit", wrong);
    report.check("nothing failed that should not have", &ledger.failures);
    report.check("no request is left open", open(db).await?);
    report.check("nothing is a dead letter", dead_letters(db).await?);
    report.check(
        "the audit trail has each start and end once",
        trail(db).await?,
    );
    report.check("the audit log is sound", unsound(db).await?);
    let Checked {
        differences,
        left_out,
        ..
    } = check(db).await?;
    let left_out = left_out.iter().map(|day| format!("{day} was left out"));
    report.check(
        "every rollup is the sum of its requests",
        differences.iter().map(ToString::to_string).chain(left_out),
    );

    rows.iter()
        .map(|row| Ok((row.try_get("id")?, row.try_get("state")?)))
        .collect()
}

/// Compares one row with what its client asked for.
fn compare(seen: &Seen, row: &PgRow, prices: &Prices) -> Result<()> {
    let asked = &seen.asked;
    let shape = asked.shape;
    let expect = |column: &str, found: String, expected: &str| {
        anyhow::ensure!(
            found == expected,
            "{column} is {found} instead of {expected}"
        );
        Ok(())
    };
    for (column, expected) in [
        ("state", "completed"),
        ("provider", shape.provider),
        ("api", shape.api),
        ("served_model", shape.model),
        ("usage_source", "provider"),
    ] {
        expect(
            column,
            row.try_get::<Option<String>, _>(column)?
                .unwrap_or_default(),
            expected,
        )?;
    }
    for (column, expected) in [
        ("streamed", shape.streamed),
        ("usage_injected", shape.injected),
    ] {
        expect(
            column,
            row.try_get::<bool, _>(column)?.to_string(),
            &expected.to_string(),
        )?;
    }
    let used = Used {
        tokens: [("input", asked.input), ("output", asked.output)].into(),
        ..Used::default()
    };
    for column in CLASSES {
        let expected = used.tokens.get(column).copied().unwrap_or(0);
        expect(
            column,
            row.try_get::<i64, _>(column)?.to_string(),
            &expected.to_string(),
        )?;
    }
    let version: Option<String> = row.try_get("price_version")?;
    let usd = prices.cost(&version.unwrap_or_default(), &used)?;
    let cost: Option<i64> = row.try_get("cost_nanos")?;
    expect(
        "cost_nanos",
        format!("{cost:?}"),
        &format!("{:?}", Some(nanos(usd))),
    )
}

const CLASSES: [&str; 9] = [
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "audio_input",
    "tool_input",
    "output",
    "reasoning",
    "audio_output",
];

async fn open(db: &PgPool) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar("select id from open_requests")
        .fetch_all(db)
        .await?)
}

async fn dead_letters(db: &PgPool) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar("select reason from dead_letters")
        .fetch_all(db)
        .await?)
}

/// Requests whose audit events are not one start and one end; what was refused never
/// started.
async fn trail(db: &PgPool) -> Result<Vec<String>> {
    let wrong = sqlx::query_scalar(
        "with events as ( \
             select subject_id as id, \
                 count(*) filter (where event = 'request_started') as starts, \
                 count(*) filter (where event in ('request_completed', 'request_failed')) as ends \
             from audit_events \
             where category = 'ai_operations' \
                 and event in ('request_started', 'request_completed', 'request_failed') \
             group by subject_id \
         ) \
         select concat(id, ': ', coalesce(starts, 0), ' starts, ', coalesce(ends, 0), ' ends, ', \
             case when r.id is null then 'no' else 'a' end, ' row') \
         from events e full join ai_requests r using (id) \
         where starts is distinct from case r.state when 'paused' then 0 else 1 end \
             or ends is distinct from 1 or r.id is null",
    );
    Ok(wrong.fetch_all(db).await?)
}

/// What is wrong with the audit log, and with the rows that it has digests of.
async fn unsound(db: &PgPool) -> Result<Vec<String>> {
    let options = Options {
        rows: true,
        ..Options::default()
    };
    let verdict = audit::verify(db, &audit_keys(), options, |_, _| {}).await?;
    Ok(match verdict {
        Verdict::Sound { .. } => Vec::new(),
        Verdict::Unsound(faults) => {
            let findings = faults.findings.iter().map(ToString::to_string);
            let rows = faults.rows.iter();
            let rows = rows.map(|(seq, id)| format!("event {seq}: another row of {id}"));
            findings.chain(rows).chain(faults.people.clone()).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use sqlx::Executor;

    use super::*;
    use crate::db::TestDb;
    use crate::faults::shapes::{Asked, PLAIN};

    #[tokio::test]
    async fn what_is_wrong_is_found() {
        let db = TestDb::new().await;
        let ledger = Entries {
            seen: vec![Seen {
                id: Uuid::from_u128(1),
                asked: Asked {
                    shape: &PLAIN[0],
                    input: 1,
                    output: 1,
                },
                head: Instant::now(),
                whole: true,
            }],
            unanswered: 0,
            failures: vec!["refused".to_owned()],
        };
        for wrong in [
            "insert into open_requests values (gen_random_uuid(), now(), gen_random_uuid(), \
                 gen_random_uuid(), gen_random_uuid(), '{}')",
            "insert into dead_letters \
                 (created_at, spool_id, lane, segment, position, reason, payload) \
                 values (now(), gen_random_uuid(), 'gateway', 1, 64, 'damaged', '')",
            "insert into audit_events (seq, created_at, category, event, subject_id) \
                 values (0, now(), 'ai_operations', 'request_started', gen_random_uuid())",
            "insert into conversations values ('c', false, null, null, now(), now(), 1, 1, 1, 1)",
        ] {
            db.pool().execute(wrong).await.unwrap();
        }
        let mut report = Report::new("a database with everything wrong".to_owned());
        verify(db.pool(), &ledger, &mut report).await.unwrap();
        let shown = report.to_string();
        // Missing, failed, open, a dead letter, the audit trail and log, a rollup; what
        // is not stored cannot be stored twice or with wrong figures.
        assert_eq!((report.passed(), report.failed()), (2, 7), "{shown}");
        assert!(shown.ends_with("2 passed, 7 failed"), "{shown}");
    }
}
