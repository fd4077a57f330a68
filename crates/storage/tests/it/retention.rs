//! Retention: exactly what is too old goes, whoever else is at work, and what
//! was counted stays counted.
//!
//! Long because one history serves all cases.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use sqlx::{Connection, Executor, PgConnection, PgPool, Row};
use systemprompt_audit::{Frontier, Hash, Head};
use systemprompt_capture::Spool;
use systemprompt_domain::ids::BootId;
use systemprompt_domain::{Event, RequestState};
use systemprompt_storage::audit::{AnchorFile, checkpoint};
use systemprompt_storage::check::check;
use systemprompt_storage::retention::{Occasion, Outcome, Retention, detail_kept_from};
use systemprompt_storage::{AUDIT_PARTITION, Hold, Part, partitions};
use systemprompt_testkit::db::TestDb;
use tempfile::TempDir;
use time::{Date, OffsetDateTime};

use crate::writer::{append, context, count, end, finished, spool, writer};

const KEEP: Retention = Retention {
    detail_days: 90,
    audit_days: None,
    imported_days: None,
};

/// One now for all tests, so that midnight may pass meanwhile.
static NOW: LazyLock<OffsetDateTime> = LazyLock::new(OffsetDateTime::now_utc);

/// A request of so many whole days ago, a minute after midnight, and of that
/// user's conversation.
fn request(days: u32, user: u8) -> Event {
    let at = day(days).midnight().assume_utc() + time::Duration::MINUTE;
    let age = (OffsetDateTime::now_utc() - at).whole_seconds();
    let age = u32::try_from(age).unwrap_or(0);
    let state = if days.is_multiple_of(7) {
        RequestState::Failed
    } else {
        RequestState::Completed
    };
    let mut context = context(age, u8::try_from(days % 3).expect("small"), 1, user);
    context.conversation_id = Some(format!("conversation-{user}-{}", days.div_ceil(10)));
    end(finished(context, state, u64::from(days) + 10, 5))
}

async fn store(db: &TestDb, spool: &Spool, events: &[Event]) {
    let mut writer = writer(db, spool, BootId::new()).await;
    for event in events {
        append(spool, event);
    }
    spool.flush().await;
    writer.drain().await.expect("drains");
}

/// A hundred days, three requests on each, and what grows beside them.
async fn hundred_days() -> (TestDb, Spool, tempfile::TempDir) {
    let db = TestDb::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spool(folder.path());
    let events: Vec<Event> = (0..100)
        .flat_map(|days| (1..=3).map(move |user| request(days, user)))
        .collect();
    store(&db, &spool, &events).await;
    db.pool()
        .execute(
            "insert into dead_letters (created_at, spool_id, lane, segment, position, reason, payload)
                 select now() - n * interval '1 day', gen_random_uuid(), 'gateway', 1, n, 'no', ''
                 from generate_series(0, 99) n;
             insert into budget_periods select 'monthly_cost', d, d + interval '30 days', 1, 1, 0
                 from generate_series(now() - interval '100 days', now(), interval '10 days') d;
             insert into budget_leases select budget, period_start, gen_random_uuid(), 0
                 from budget_periods;
             insert into alert_events select budget, period_start, 1, 'monthly_cost', period_end, 1, 1,
                 period_start from budget_periods;
             insert into outbox (id, created_at, alert, period_start, share, channel, message, state,
                 next_at)
                 select gen_random_uuid(), created_at, alert, period_start, share, channel, '{}',
                     case channel when 'slack' then 'waiting' else 'sent' end, created_at
                 from alert_events, unnest('{email,slack}'::text[]) channel;
             insert into cost_corrections select id, created_at, now(), 1, null, 2, 'v', gen_random_uuid()
                 from ai_requests",
        )
        .await
        .expect("inserted");
    (db, spool, folder)
}

/// By nobody, with an anchor that all these tests write to.
pub(crate) fn on(now: OffsetDateTime) -> Occasion<'static> {
    static ANCHOR: LazyLock<(TempDir, AnchorFile)> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let anchor = AnchorFile::new(folder.path().join("anchor"));
        (folder, anchor)
    });
    Occasion {
        now,
        by: None,
        anchor: &ANCHOR.1,
    }
}

async fn apply(db: &PgPool) -> Outcome {
    let outcome = KEEP
        .apply(db, on(*NOW), |_| {})
        .await
        .expect("the run succeeds");
    outcome.expect("nobody else is about it")
}

fn rows(outcome: &Outcome) -> Vec<(&str, u32, i64)> {
    let rows = outcome.removed.iter();
    let mut rows: Vec<_> = rows.map(|r| (r.table, r.partitions, r.rows)).collect();
    rows.sort_unstable();
    rows
}

/// The days with a partition that is part of its table, whether or not it may be
/// seen, for as long as the history is.
async fn days(db: &PgPool, table: &str) -> Vec<Date> {
    let today = NOW.date();
    let partitions = partitions(db).await.expect("listed");
    let days = partitions.iter().filter(|p| p.table == table);
    let days = days.filter_map(|partition| match partition.part {
        Part::Day(day) => Some(day),
        Part::Range(_) => None,
    });
    days.filter(|day| *day <= today).collect()
}

fn day(ago: u32) -> Date {
    (*NOW - time::Duration::days(ago.into())).date()
}

/// What all answers over time are made from, added up.
async fn totals(db: &PgPool) -> Vec<String> {
    let mut totals = Vec::new();
    for sql in [
        "select row_to_json(t)::text from (select cube, sum(requests) as requests, \
             sum(cost_nanos) as cost, sum(input + output) as tokens, sum(latency_us) as latency \
             from usage_day group by cube order by cube) t",
        "select row_to_json(t)::text from (select cube, sum(requests) as requests, \
             sum(cost_nanos) as cost from usage_hour group by cube order by cube) t",
        "select sum(n)::text from latency_day",
        "select sum(n)::text from latency_hour",
        "select sum(n)::text from errors_hour",
    ] {
        let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(db).await.expect("runs");
        totals.extend(rows);
    }
    totals
}

#[tokio::test]
async fn exactly_what_is_too_old_goes_and_totals_stay() {
    let (db, _spool, _folder) = hundred_days().await;
    let db = db.pool();
    let before = totals(db).await;
    let audit = count(db, "select count(*) from audit_events").await;
    let now = *NOW;

    let preview = KEEP.preview(db, now).await.expect("counted");
    assert_eq!(days(db, "ai_requests").await.len(), 100);
    assert_eq!(detail_kept_from(db).await.expect("read"), None);
    assert_eq!(count(db, "select count(*) from audit_events").await, audit);

    let begun = Instant::now();
    let outcome = apply(db).await;
    let took = begun.elapsed();
    // A fraction of a second where nothing else runs.
    assert!(took < Duration::from_secs(30), "{took:?}");
    println!("nine days went in {took:?}");
    assert_eq!(rows(&outcome), rows(&preview), "a dry run tells the truth");
    assert_eq!(
        rows(&outcome),
        [
            // Periods of thirty days: of those that began 100 days ago or later,
            // none ended 90 days ago. They last to the end of theirs.
            ("ai_requests", 9, 27),
            ("conversations", 0, 3),
            ("cost_corrections", 0, 27),
            ("dead_letters", 0, 9),
            ("engagement_events", 9, 0),
            ("errors_quarter", 0, 39),
            ("latency_quarter", 0, 78),
            ("logs", 9, 0),
            ("mcp_tool_executions", 9, 0),
            ("outbox", 0, 1),
            ("page_views", 9, 0),
            ("seen_ids", 9, 0),
            ("traces", 0, 18),
            ("usage_quarter", 0, 273),
            ("user_activity", 9, 0),
            ("user_sessions", 9, 0),
        ]
    );
    assert_eq!(outcome.busy, Vec::<String>::new());
    let kept: Vec<Date> = (0..=90).rev().map(day).collect();
    assert_eq!(days(db, "ai_requests").await, kept);
    assert_eq!(days(db, "seen_ids").await, kept);
    assert_eq!(count(db, "select count(*) from ai_requests").await, 91 * 3);
    assert_eq!(
        detail_kept_from(db).await.expect("read"),
        Some(day(90).midnight().assume_utc())
    );

    // What was counted stays counted; what is left agrees with it.
    assert_eq!(totals(db).await, before);
    let checked = check(db).await.expect("checks");
    assert_eq!(checked.differences, []);
    assert_eq!(
        checked.left_out,
        (91..100).rev().map(day).collect::<Vec<_>>()
    );
    assert_eq!(checked.quarters_from, Some(day(8)));

    // Each removal left its event.
    let told = sqlx::query(
        "select detail ->> 'table' as what, sum((detail ->> 'rows')::bigint)::bigint as rows, \
             count(detail ->> 'partition') as partitions \
         from audit_events where event = 'retention_applied' group by 1 order by 1",
    )
    .fetch_all(db)
    .await
    .expect("read");
    let told: Vec<(String, i64, i64)> = told
        .iter()
        .map(|row| (row.get("what"), row.get("partitions"), row.get("rows")))
        .collect();
    let removed = rows(&outcome);
    let removed: Vec<(String, i64, i64)> = removed
        .iter()
        .map(|(table, partitions, rows)| ((*table).to_owned(), i64::from(*partitions), *rows))
        .collect();
    assert_eq!(told, removed);
    let first: (String, String) = sqlx::query_as(
        "select detail ->> 'from', detail ->> 'to' from audit_events \
         where event = 'retention_applied' order by seq limit 1",
    )
    .fetch_one(db)
    .await
    .expect("read");
    let midnight = |day: Date| format!("{day}T00:00:00Z");
    assert_eq!(first, (midnight(day(99)), midnight(day(98))));

    // A second run finds nothing to do.
    let audit = count(db, "select count(*) from audit_events").await;
    assert_eq!(apply(db).await, Outcome::default());
    assert_eq!(count(db, "select count(*) from audit_events").await, audit);
    let preview = KEEP.preview(db, now).await.expect("counted");
    assert_eq!(preview, Outcome::default());
}

/// Accounts and what was told of them stay until their period is as old.
#[tokio::test]
async fn budgets_go_with_their_leases_when_their_period_is_as_old() {
    let (db, _spool, _folder) = hundred_days().await;
    let keep = Retention {
        detail_days: 60,
        audit_days: None,
        imported_days: None,
    };
    let now = *NOW;
    let sql = "update budget_periods set leased_nanos = 5 where period_start < now() - interval '99 days'; \
               update budget_leases set leased_nanos = 5 where period_start < now() - interval '99 days'";
    db.pool().execute(sql).await.expect("updated");
    let outcome = keep
        .apply(db.pool(), on(now), |_| {})
        .await
        .expect("succeeds");
    let outcome = outcome.expect("nobody else is about it");
    let removed = rows(&outcome);
    // Those of 100 and 90 days ago ended; something is still leased of the first.
    for expected in [
        ("alert_events", 0, 1),
        ("budget_leases", 0, 0),
        ("budget_periods", 0, 0),
    ] {
        let found = removed.iter().find(|row| row.0 == expected.0);
        assert_eq!(found.map_or(0, |row| row.2), expected.2, "{expected:?}");
    }
    db.pool()
        .execute(
            "update budget_periods set leased_nanos = 0; update budget_leases set leased_nanos = 0",
        )
        .await
        .expect("updated");
    let keep = Retention {
        detail_days: 55,
        audit_days: None,
        imported_days: None,
    };
    let outcome = keep
        .apply(db.pool(), on(now), |_| {})
        .await
        .expect("succeeds");
    let outcome = outcome.expect("nobody else is about it");
    for table in ["budget_leases", "budget_periods"] {
        let found = rows(&outcome).into_iter().find(|row| row.0 == table);
        assert_eq!(found.map_or(0, |row| row.2), 2, "{table}");
    }
}

#[tokio::test]
async fn a_day_that_somebody_reads_is_left_for_the_next_run() {
    let (db, _spool, _folder) = hundred_days().await;
    let mut reader = PgConnection::connect_with(&db.connect_options())
        .await
        .expect("connects");
    let mut reading = reader.begin().await.expect("begins");
    let suffix = day(95).to_string().replace('-', "");
    let name = format!("ai_requests_{suffix}");
    let sql = format!("select count(*) from {name}");
    let seen: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_one(&mut *reading)
        .await
        .expect("read");
    assert_eq!(seen, 3);

    let outcome = apply(db.pool()).await;
    assert_eq!(outcome.busy, std::slice::from_ref(&name));
    assert_eq!(days(db.pool(), "ai_requests").await.len(), 92);
    let left = partitions(db.pool()).await.expect("listed");
    let left = left.iter().find(|partition| partition.name == name);
    assert_eq!(left.expect("it is there").hold, Hold::Attached);
    assert_eq!(check(db.pool()).await.expect("checks").differences, []);

    reading.rollback().await.expect("ends");
    let outcome = apply(db.pool()).await;
    assert_eq!(rows(&outcome), [("ai_requests", 1, 3)]);
    assert_eq!(outcome.busy, Vec::<String>::new());
    assert_eq!(days(db.pool(), "ai_requests").await.len(), 91);
}

/// A detach that has begun waits for whoever used the table before; the next run
/// ends it.
#[tokio::test]
async fn a_detach_that_has_to_wait_is_finished_later() {
    let (db, spool, _folder) = hundred_days().await;
    let mut reader = PgConnection::connect_with(&db.connect_options())
        .await
        .expect("connects");
    let mut reading = reader.begin().await.expect("begins");
    reading
        .execute("lock table only ai_requests in access share mode")
        .await
        .expect("locked");
    let outcome = apply(db.pool()).await;
    assert_eq!(outcome.busy.len(), 9, "{:?}", outcome.busy);
    assert_eq!(rows(&outcome).iter().find(|r| r.0 == "ai_requests"), None);
    let left = partitions(db.pool()).await.expect("listed");
    let waiting = left.iter().filter(|p| p.hold == Hold::Detaching);
    let waiting: Vec<&str> = waiting.map(|p| p.name.as_str()).collect();
    assert_eq!(waiting, [outcome.busy[0].as_str()]);

    // An event of that very day is not lost meanwhile: it waits.
    let late = tokio::spawn({
        let (pool, spool) = (db.pool().clone(), spool.clone());
        async move {
            let mut writer = systemprompt_storage::Writer::start(
                pool,
                spool.clone(),
                systemprompt_domain::Clock::System,
                BootId::new(),
                systemprompt_domain::Sampling::ALL,
                false,
            )
            .await
            .expect("the writer starts");
            append(&spool, &request(99, 1));
            spool.flush().await;
            writer.drain().await.expect("drains");
        }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!late.is_finished());
    reading.rollback().await.expect("ends");
    let outcome = apply(db.pool()).await;
    assert_eq!(outcome.busy, Vec::<String>::new());
    late.await.expect("the event is stored");
    for (figure, expected) in [
        (
            "select sum(requests)::bigint from usage_day where cube = 'total'",
            301,
        ),
        ("select count(*) from dead_letters where reason <> 'no'", 0),
    ] {
        assert_eq!(count(db.pool(), figure).await, expected, "{figure}");
    }
    // Its day is there again, and goes again.
    assert_eq!(check(db.pool()).await.expect("checks").differences, []);
    let again = apply(db.pool()).await;
    let again = rows(&again).into_iter().find(|row| row.0 == "ai_requests");
    assert_eq!(again, Some(("ai_requests", 1, 1)));
}

/// Events of a day that was dropped under a running writer find a new partition.
#[tokio::test]
async fn a_writer_makes_a_dropped_day_again() {
    let db = TestDb::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spool(folder.path());
    let mut writer = writer(&db, &spool, BootId::new()).await;
    for turn in 1..=2 {
        append(&spool, &request(95, 1));
        append(&spool, &request(0, 2));
        spool.flush().await;
        writer.drain().await.expect("drains");
        assert_eq!(
            count(db.pool(), "select count(*) from ai_requests").await,
            turn + 1
        );
        apply(db.pool()).await;
        assert_eq!(
            count(db.pool(), "select count(*) from ai_requests").await,
            turn
        );
    }
    let counted = "select sum(requests)::bigint from usage_day where cube = 'total'";
    assert_eq!(count(db.pool(), counted).await, 4);
    assert_eq!(
        count(db.pool(), "select count(*) from dead_letters").await,
        0
    );
    assert_eq!(check(db.pool()).await.expect("checks").differences, []);
}

#[tokio::test]
async fn of_two_servers_one_is_about_it() {
    let (db, _spool, _folder) = hundred_days().await;
    let now = *NOW;
    let (one, other) = tokio::join!(
        KEEP.apply(db.pool(), on(now), |_| {}),
        KEEP.apply(db.pool(), on(now), |_| {})
    );
    let outcomes = [one.expect("succeeds"), other.expect("succeeds")];
    let dropped: u32 = outcomes
        .iter()
        .flatten()
        .flat_map(|outcome| &outcome.removed)
        .filter(|removed| removed.table == "ai_requests")
        .map(|removed| removed.partitions)
        .sum();
    assert_eq!(dropped, 9);
    assert_eq!(days(db.pool(), "ai_requests").await.len(), 91);
    // Held by one, it is not to be had by the other.
    let mut held = PgConnection::connect_with(&db.connect_options())
        .await
        .expect("connects");
    held.execute("select pg_advisory_lock(x'72657461696e6564'::bigint)")
        .await
        .expect("locked");
    let third = KEEP
        .apply(db.pool(), on(now), |_| {})
        .await
        .expect("succeeds");
    assert_eq!(third, None);
}

/// A table that looks like ours is none of ours.
#[tokio::test]
async fn what_somebody_else_keeps_under_such_a_name_stays() {
    let (db, _spool, _folder) = hundred_days().await;
    db.pool()
        .execute("create table ai_requests_20200101 as select * from ai_requests")
        .await
        .expect("copied");
    apply(db.pool()).await;
    let kept = "select count(*) from ai_requests_20200101";
    assert_eq!(count(db.pool(), kept).await, 300);
}

/// The log as if it had filled its first partition but for some events.
async fn almost_full(db: &TestDb, left: u64) {
    let keys = db.audit_keys();
    let size = AUDIT_PARTITION.unsigned_abs() - left;
    let hashes = vec![Hash::leaf(b"long ago"); size.count_ones() as usize];
    let tree = Frontier::new(size, hashes).expect("they fit");
    let head = Head::seal(&keys, &tree);
    let frontier: Vec<&[u8]> = head.frontier.iter().map(|hash| hash.0.as_slice()).collect();
    sqlx::query("update audit_head set size = $1, frontier = $2, mac = $3")
        .bind(head.size.cast_signed())
        .bind(frontier)
        .bind(&head.mac)
        .execute(db.pool())
        .await
        .expect("moved");
}

#[tokio::test]
async fn the_audit_trail_ends_at_a_checkpoint_or_stays() {
    let (db, spool, _folder) = hundred_days().await;
    let keep = Retention {
        detail_days: 90,
        audit_days: Some(30),
        imported_days: None,
    };
    let now = *NOW;
    let folder = tempfile::tempdir().expect("a folder");
    let anchor = AnchorFile::new(folder.path().join("anchor"));
    let occasion = Occasion {
        now,
        by: Some("cli:ada"),
        anchor: &anchor,
    };
    let audit = async || {
        let outcome = keep
            .apply(db.pool(), occasion, |_| {})
            .await
            .expect("succeeds");
        let outcome = outcome.expect("nobody else is about it");
        let trail = outcome
            .removed
            .into_iter()
            .find(|r| r.table == "audit_events");
        trail.map(|removed| (removed.partitions, removed.rows))
    };
    let age = "set session_replication_role = replica; \
               update audit_events set created_at = now() - interval '40 days'; \
               reset session_replication_role";
    db.pool().execute(age).await.expect("aged");
    assert_eq!(
        audit().await,
        None,
        "without a checkpoint at its end it stays"
    );
    // What is recorded now fills the partition, which makes one.
    almost_full(&db, 1).await;
    store(&db, &spool, &[request(0, 1)]).await;
    db.pool().execute(age).await.expect("aged");
    store(&db, &spool, &[request(0, 2)]).await;
    let (partitions, rows) = audit().await.expect("the first partition goes");
    assert_eq!(partitions, 1);
    assert!(rows >= 300, "{rows}");
    let first = count(db.pool(), "select min(seq) from audit_events").await;
    assert_eq!(first, 10_000_000);
    // Its end is told before it goes, and what is left is sound.
    let told = "select count(*) from audit_events where event = 'retention_applied' \
                and detail -> 'audit_floor' = '10000000'";
    assert_eq!(count(db.pool(), told).await, 1);
    // And by whom; it is covered, outside the database too, before it goes.
    let told = "select count(*) from audit_trail \
                where event = 'retention_applied' and user_id = 'cli:ada'";
    assert!(count(db.pool(), told).await >= 2);
    let covered = "select count(*) from audit_checkpoints c, audit_events e \
                   where e.detail -> 'audit_floor' = '10000000' and c.size = e.seq + 1";
    assert_eq!(count(db.pool(), covered).await, 1);
    let size = count(db.pool(), "select max(size) from audit_checkpoints").await;
    let lines = anchor.lines().expect("read");
    assert!(
        lines.len() == 1 && lines[0].contains(&format!(" {size} ")),
        "{lines:?}"
    );
    let summary = crate::audit::assert_sound(&db).await;
    assert_eq!(summary.dropped, 10_000_000);
    assert_eq!(audit().await, None, "there is no more");
    crate::audit::assert_sound(&db).await;
}

/// What was recorded before there was a log goes when it is old enough.
#[tokio::test]
async fn what_is_older_than_the_log_goes_without_a_proof() {
    let db = TestDb::new().await;
    db.pool()
        .execute(
            "create table audit_events_old partition of audit_events \
                 for values from (minvalue) to (0); \
             insert into audit_events (seq, created_at, category, event) \
                 select -n, now() - interval '40 days', 'administration', 'config_changed' \
                 from generate_series(1, 5) n",
        )
        .await
        .expect("made");
    let keep = Retention {
        imported_days: None,
        detail_days: 90,
        audit_days: Some(30),
    };
    let outcome = keep
        .apply(db.pool(), on(*NOW), |_| {})
        .await
        .expect("succeeds");
    let outcome = outcome.expect("nobody else is about it");
    assert_eq!(rows(&outcome), [("audit_events", 1, 5)]);
    assert_eq!(crate::audit::assert_sound(&db).await.dropped, 0);
}

#[tokio::test]
async fn of_old_checkpoints_one_a_day_stays() {
    let (db, folder) = (TestDb::new().await, tempfile::tempdir().expect("a folder"));
    let spool = spool(&folder.path().join("spool"));
    let keys = db.audit_keys();
    let anchor = AnchorFile::new(folder.path().join("anchor"));
    for n in 0..6 {
        store(&db, &spool, &[request(0, n)]).await;
        let made = checkpoint(db.pool(), &keys, &anchor).await.expect("made");
        assert!(made.is_some_and(|made| made.new));
    }
    // Two of one day long ago, three of another, and one of today.
    db.pool()
        .execute(
            "set session_replication_role = replica; \
             update audit_checkpoints c set created_at = \
                 date_trunc('day', now()) - interval '40 days' + n * interval '8 hours' \
                 from (select size, row_number() over (order by size) as n from audit_checkpoints) r \
                 where r.size = c.size and n < 6; \
             reset session_replication_role",
        )
        .await
        .expect("aged");
    let sizes: Vec<i64> = sqlx::query_scalar("select size from audit_checkpoints order by size")
        .fetch_all(db.pool())
        .await
        .expect("read");
    // Nobody else may, and retention no more than that.
    let refused = db.pool().execute("delete from audit_checkpoints").await;
    assert!(
        refused
            .expect_err("refused")
            .to_string()
            .contains("insert-only")
    );
    let preview = KEEP.preview(db.pool(), *NOW).await.expect("counted");
    let of = |outcome: &Outcome| {
        let removed = outcome.removed.iter();
        let removed = removed.filter(|removed| removed.table == "audit_checkpoints");
        removed.map(|removed| removed.rows).sum::<i64>()
    };
    assert_eq!(of(&preview), 3);
    assert_eq!(of(&apply(db.pool()).await), 3);
    let kept: Vec<i64> = sqlx::query_scalar("select size from audit_checkpoints order by size")
        .fetch_all(db.pool())
        .await
        .expect("read");
    assert_eq!(kept, [sizes[1], sizes[4], sizes[5]]);
    assert_eq!(of(&apply(db.pool()).await), 0);
    assert_eq!(crate::audit::assert_sound(&db).await.checkpoints, 3);
    // Even all at once the last of a day cannot be deleted.
    let old = "delete from audit_checkpoints where created_at < now() - interval '31 days'";
    let refused = db.pool().execute(old).await.expect_err("refused");
    assert!(refused.to_string().contains("insert-only"), "{refused}");
}
