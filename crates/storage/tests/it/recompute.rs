//! Pricing stored requests again: whatever was written, by whatever prices,
//! ends up as if it had been priced right at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use systemprompt_budgets::Rules;
use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::ids::BootId;
use systemprompt_domain::period::Interval;
use systemprompt_domain::usage::OtherModel;
use systemprompt_domain::{Clock, RequestState, Tokens, Usage, UsageSource};
use systemprompt_pricing::Catalogue;
use systemprompt_storage::check::check;
use systemprompt_storage::recompute::{DayDone, Outcome, Recompute, Selection};
use systemprompt_testkit::db::TestDb;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::prices::versions;
use crate::writer::{append, assert_exact, context, count, end, spool, writer};

/// Five days, with some room.
const PERIOD: Duration = Duration::from_secs(6 * 86_400);

const MODELS: [&str; 4] = [
    "claude-haiku-4-5",
    "claude-opus-4-5",
    "house",
    "claude-sonnet-4-5-20250929",
];

/// Prices under which Haiku costs more, Opus is what it is, and `house` has a
/// price at all.
fn mended() -> Catalogue {
    Catalogue::builtin().with_versions(versions(
        "{model: claude-haiku-4-5, source: single 2026-11-24, versions: [
            {rates: {input: 7.0001, output: 5}, service_tiers: {batch: {times: 0.5}},
             calls: {web_search: 0.02}}]},
         {model: house, source: single 2026-11-24, versions: [{rates: {input: 1, output: 2}}]}",
    ))
}

/// The nth request of a history: all kinds of usage, spread over five days.
fn request(n: u32, catalogue: &Catalogue) -> RequestFinished {
    let small = |modulus: u32| u8::try_from(n % modulus).expect("small");
    let mut context = context(n * 7_919 % 432_000, 1, small(3), small(5));
    context.provider = "anthropic".into();
    context.requested_model = Some(MODELS[(n % 4) as usize].into());
    let tokens = Tokens {
        input: u64::from(n * 31),
        cache_read: u64::from(n % 17),
        cache_write_1h: u64::from(n % 3),
        output: u64::from(n * 7 + 1),
        ..Tokens::default()
    };
    let usage = Usage {
        tokens,
        other_models: (n % 9 == 4)
            .then(|| OtherModel {
                model: "claude-haiku-4-5".into(),
                tokens,
            })
            .into_iter()
            .collect(),
        calls: (n % 6 == 1)
            .then(|| ("web_search".to_owned(), u64::from(n % 4)))
            .into_iter()
            .collect(),
        service_tier: n.is_multiple_of(8).then(|| "batch".to_owned()),
        speed: n.is_multiple_of(11).then(|| "standard".to_owned()),
        region: (n % 10 == 1).then(|| "us".to_owned()),
    };
    let state = if n % 13 == 12 {
        RequestState::Failed
    } else {
        RequestState::Completed
    };
    let mut event = RequestFinished {
        state,
        http_status: Some(200),
        error_type: None,
        error_code: None,
        finish_reason: None,
        tool_calls: Vec::new(),
        served_model: n.is_multiple_of(2).then(|| MODELS[(n % 4) as usize].into()),
        provider_request_id: None,
        response_id: None,
        usage_source: UsageSource::Provider,
        usage_injected: false,
        usage,
        raw_usage: None,
        cost: None,
        price_version: None,
        other_price_versions: Vec::new(),
        latency_us: Some(10),
        ttfb_us: Some(5),
        response_bytes: 10,
        finished_at: OffsetDateTime::now_utc(),
        context,
    };
    price(&mut event, catalogue);
    event
}

fn price(event: &mut RequestFinished, catalogue: &Catalogue) {
    let cost = catalogue.cost(
        &event.context.provider,
        event.served_model.as_deref(),
        event.context.requested_model.as_deref(),
        event.context.created_at,
        &event.usage,
    );
    event.price_version = cost.as_ref().map(|cost| cost.price_version.clone());
    event.cost = cost.map(|cost| cost.total);
}

/// What requests cost by these prices, by id.
fn costs(history: &[RequestFinished], catalogue: &Catalogue) -> BTreeMap<Uuid, Option<i64>> {
    let cost = |event: &RequestFinished| {
        let mut event = event.clone();
        price(&mut event, catalogue);
        (event.context.id.0, event.cost.map(|cost| cost.0))
    };
    history.iter().map(cost).collect()
}

async fn stored_costs(db: &PgPool) -> BTreeMap<Uuid, Option<i64>> {
    let rows: Vec<(Uuid, Option<i64>)> = sqlx::query_as("select id, cost_nanos from ai_requests")
        .fetch_all(db)
        .await
        .expect("the query runs");
    rows.into_iter().collect()
}

/// A database with a history that was priced by the compiled catalogue.
async fn history(requests: u32) -> (TestDb, Vec<RequestFinished>) {
    let db = TestDb::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spool(folder.path());
    let mut writer = writer(&db, &spool, BootId::new()).await;
    let history: Vec<_> = (0..requests)
        .map(|n| request(n, Catalogue::builtin()))
        .collect();
    for event in &history {
        append(&spool, &end(event.clone()));
    }
    spool.flush().await;
    writer.drain().await.expect("drains");
    (db, history)
}

fn selection() -> Selection {
    let now = OffsetDateTime::now_utc();
    Selection {
        period: Interval {
            since: now - PERIOD,
            until: now,
        },
        models: Vec::new(),
        provider: None,
    }
}

async fn recompute(
    db: &TestDb,
    catalogue: &Catalogue,
    selection: Selection,
    dry_run: bool,
    progress: impl FnMut(DayDone),
) -> Outcome {
    let run = Recompute {
        pool: db.pool(),
        catalogue,
        rules: &Rules::default(),
        selection,
        dry_run,
        by: Some("cli:ada"),
        clock: Clock::System,
    };
    run.run(progress).await.expect("runs")
}

async fn all(db: &TestDb, catalogue: &Catalogue) -> Outcome {
    recompute(db, catalogue, selection(), false, |_| ()).await
}

#[tokio::test]
async fn the_same_prices_change_nothing() {
    let (db, history) = history(400).await;
    let outcome = all(&db, Catalogue::builtin()).await;
    let total = outcome.models.total();
    assert_eq!((total.requests, total.changed, total.kept), (400, 0, 0));
    assert_eq!(total.old, total.new);
    assert_eq!(
        stored_costs(db.pool()).await,
        costs(&history, Catalogue::builtin())
    );
}

#[tokio::test]
async fn other_prices_change_rows_rollups_and_conversations_once() {
    let (db, history) = history(400).await;
    let catalogue = mended();
    let (old, new) = (
        costs(&history, Catalogue::builtin()),
        costs(&history, &catalogue),
    );
    let differ = old.iter().filter(|(id, cost)| new[*id] != **cost).count();

    let shown = recompute(&db, &catalogue, selection(), true, |_| ()).await;
    assert_eq!(
        stored_costs(db.pool()).await,
        old,
        "a dry run changes nothing"
    );
    let corrections = "select count(*) from cost_corrections";
    assert_eq!(count(db.pool(), corrections).await, 0);

    let mut days = Vec::new();
    let outcome = recompute(&db, &catalogue, selection(), false, |day| days.push(day)).await;
    assert_eq!(outcome, shown);
    assert_eq!(stored_costs(db.pool()).await, new);
    assert_exact(&db).await;
    let total = outcome.models.total();
    let sum = |costs: &BTreeMap<Uuid, Option<i64>>| costs.values().flatten().sum::<i64>();
    assert_eq!((total.old.0, total.new.0), (sum(&old), sum(&new)));
    assert_eq!(usize::try_from(total.changed).expect("few"), differ);
    let unpriced = old.values().filter(|cost| cost.is_none()).count();
    assert_eq!(usize::try_from(total.newly_priced).expect("few"), unpriced);
    assert!(unpriced > 50 && differ > unpriced);
    assert_eq!((days.len(), outcome.days), (days[0].days, days[0].days));

    let kept: Vec<(Uuid, Option<i64>, i64)> = sqlx::query_as(
        "select c.request_id, c.old_cost_nanos, c.new_cost_nanos from cost_corrections c \
         join ai_requests r on (r.created_at, r.id, r.price_version) \
             = (c.created_at, c.request_id, c.new_price_version) \
         join price_versions v on v.id = c.new_price_version",
    )
    .fetch_all(db.pool())
    .await
    .expect("the query runs");
    assert_eq!(kept.len(), differ);
    for (id, was, is) in kept {
        assert_eq!((was, Some(is)), (old[&id], new[&id]));
    }
    let others = "select count(*) from ai_requests where usage_extra->'other_models' is not null \
        and usage_extra->'other_models'->0->>'price_version' in (select id from price_versions)";
    assert!(count(db.pool(), others).await > 20);
    let audited = "select count(*) from audit_events where event = 'costs_recomputed' \
        and category = 'administration'";
    let changed_days = days.iter().filter(|day| day.changed > 0).count();
    assert_eq!(
        count(db.pool(), audited).await,
        i64::try_from(changed_days).expect("few")
    );
    let difference = "select sum((detail->>'new_cost_nanos')::bigint \
        - (detail->>'old_cost_nanos')::bigint)::bigint from audit_events";
    assert_eq!(count(db.pool(), difference).await, sum(&new) - sum(&old));

    let again = all(&db, &catalogue).await.models.total();
    assert_eq!((again.requests, again.changed), (total.requests, 0));
    assert_eq!(count(db.pool(), corrections).await as usize, differ);
}

#[tokio::test]
async fn a_selection_leaves_the_rest_alone() {
    let (db, history) = history(200).await;
    let catalogue = mended();
    let chosen = Selection {
        models: vec!["house".into()],
        provider: Some("anthropic".into()),
        ..selection()
    };
    let outcome = recompute(&db, &catalogue, chosen, false, |_| ()).await;
    let models: Vec<_> = outcome
        .models
        .0
        .keys()
        .map(|(_, model)| model.as_str())
        .collect();
    assert_eq!(models, ["house"]);
    let (old, new) = (
        costs(&history, Catalogue::builtin()),
        costs(&history, &catalogue),
    );
    let house: BTreeSet<Uuid> = history
        .iter()
        .filter(|event| event.model() == Some("house"))
        .map(|event| event.context.id.0)
        .collect();
    for (id, cost) in stored_costs(db.pool()).await {
        assert_eq!(
            cost,
            if house.contains(&id) {
                new[&id]
            } else {
                old[&id]
            }
        );
    }
    let elsewhere = Selection {
        provider: Some("openai".into()),
        ..selection()
    };
    let outcome = recompute(&db, &catalogue, elsewhere, false, |_| ()).await;
    assert_eq!(outcome.models.total().requests, 0);
    assert_exact(&db).await;
}

#[tokio::test]
async fn a_run_that_was_killed_is_finished_by_the_next() {
    let (db, history) = history(300).await;
    let catalogue = mended();
    let (first_day, done) = tokio::sync::oneshot::channel();
    let mut first_day = Some(first_day);
    let killed = recompute(&db, &catalogue, selection(), false, |_| {
        if let Some(first_day) = first_day.take() {
            first_day.send(()).expect("somebody waits");
        }
    });
    tokio::select! {
        biased;
        _ = done => {}
        _ = killed => panic!("there are more days than one"),
    }
    assert_exact(&db).await;
    let first = count(db.pool(), "select count(*) from cost_corrections").await;
    let outcome = all(&db, &catalogue).await.models.total();
    assert!(first > 0 && outcome.changed > 0);
    assert_eq!(stored_costs(db.pool()).await, costs(&history, &catalogue));
    let runs = "select count(distinct run_id) from cost_corrections";
    assert_eq!(count(db.pool(), runs).await, 2);
    let twice = "select count(*) - count(distinct request_id) from cost_corrections";
    assert_eq!(count(db.pool(), twice).await, 0);
    assert_exact(&db).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_and_two_runs_at_the_same_time_keep_every_sum() {
    let db = TestDb::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spool(folder.path());
    let mut writer = writer(&db, &spool, BootId::new()).await;
    let history: Vec<_> = (0..1_200)
        .map(|n| request(n, Catalogue::builtin()))
        .collect();
    let catalogue = mended();
    let written = AtomicBool::new(false);
    let writing = async {
        for part in history.chunks(60) {
            for event in part {
                append(&spool, &end(event.clone()));
            }
            spool.flush().await;
            writer.drain().await.expect("drains");
        }
        written.store(true, Ordering::Release);
    };
    let correcting = async || {
        let mut changed = 0;
        loop {
            let last = written.load(Ordering::Acquire);
            changed += all(&db, &catalogue).await.models.total().changed;
            if last {
                return changed;
            }
        }
    };
    let ((), first, second) = tokio::join!(writing, correcting(), correcting());
    let new = costs(&history, &catalogue);
    let old = costs(&history, Catalogue::builtin());
    let differ = old.iter().filter(|(id, cost)| new[*id] != **cost).count();
    assert_eq!(
        usize::try_from(first + second).expect("few"),
        differ,
        "each once"
    );
    assert_eq!(writer.stats().retries.load(Ordering::Relaxed), 0);
    assert_exact(&db).await;
    assert_eq!(stored_costs(db.pool()).await, new);
    let twice = "select count(*) - count(distinct request_id) from cost_corrections";
    assert_eq!(count(db.pool(), twice).await, 0);
}

#[tokio::test]
async fn a_price_that_is_gone_takes_no_cost_away() {
    let (db, history) = history(100).await;
    let nothing = Catalogue::default();
    let total = all(&db, &nothing).await.models.total();
    assert_eq!((total.changed, total.old), (0, total.new));
    assert_eq!(total.kept + total.unpriced, total.requests);
    let old = costs(&history, Catalogue::builtin());
    assert_eq!(stored_costs(db.pool()).await, old);
}

#[tokio::test]
async fn a_day_without_all_its_detail_is_left_as_it_was() {
    let (db, history) = history(300).await;
    sqlx::query("delete from ai_requests where id = $1")
        .bind(history[150].context.id.0)
        .execute(db.pool())
        .await
        .expect("deletes");
    let day = history[150].context.created_at.date();
    let before = check(db.pool()).await.expect("checks");
    let outcome = all(&db, &mended()).await;
    let [left] = outcome.left.as_slice() else {
        panic!("{:?}", outcome.left)
    };
    assert_eq!((left.day, left.counted - left.stored), (day, 1));
    assert_eq!(check(db.pool()).await.expect("checks"), before);
    let (old, new) = (
        costs(&history, Catalogue::builtin()),
        costs(&history, &mended()),
    );
    let stored = stored_costs(db.pool()).await;
    assert_eq!(stored.len(), 299);
    for event in history
        .iter()
        .filter(|event| stored.contains_key(&event.context.id.0))
    {
        let expected = if event.context.created_at.date() == day {
            &old
        } else {
            &new
        };
        let id = event.context.id.0;
        assert_eq!(stored[&id], expected[&id]);
    }
}

#[tokio::test]
async fn rollups_that_are_no_longer_kept_do_not_come_back() {
    let (db, _) = history(200).await;
    let gone = count(
        db.pool(),
        "with gone as (delete from usage_quarter where bucket < now() - interval '2 days' \
         returning 1) select count(*) from gone",
    )
    .await;
    all(&db, &mended()).await;
    let differences = check(db.pool()).await.expect("checks").differences;
    assert!(
        differences.iter().all(|one| one.found.is_none()),
        "{differences:?}"
    );
    assert_eq!(i64::try_from(differences.len()).expect("few"), gone);
}
