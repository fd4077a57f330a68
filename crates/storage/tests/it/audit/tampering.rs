//! Whatever is done to the stored log by somebody who may do everything in the
//! database but has no key, the verifier says so, and says what it was.
//! `AUDIT_TAMPERINGS=10000` is the long run.
//!
//! Long because each of the ways to tamper is written out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use systemprompt_audit::{Checkpoint, Event, Frontier, Hash, Head, Keys, canon};
use systemprompt_storage::audit::{AnchorFile, Options, Verdict, checkpoint, verify_in};
use systemprompt_testkit::db::TestDb;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{names, record};

/// Where partitions of the tests' logs end.
const END: u64 = 40;
/// How many events they have, but for retention's.
const SIZE: u64 = 110;

/// A stored log, and what an honest observer remembers of it.
struct Stored {
    db: TestDb,
    keys: Keys,
    anchors: Vec<String>,
    bodies: Vec<String>,
    trees: Vec<Frontier>,
    checkpoints: Vec<(u64, String)>,
    first: u64,
}

/// What somebody does.
struct Attack {
    sql: String,
    anchors: Option<Vec<String>>,
    keys: Option<Keys>,
    /// Names that faults may have.
    names: &'static [&'static str],
}

fn sql(sql: impl Into<String>, names: &'static [&'static str]) -> Option<Attack> {
    Some(Attack {
        sql: sql.into(),
        anchors: None,
        keys: None,
        names,
    })
}

/// One way to tamper with a log; `None` where this log has nothing to do it to.
type Tamper = fn(&Stored, &mut StdRng) -> Option<Attack>;

const WAYS: &[(&str, Tamper)] = &[
    ("an event changed, column and text alike", change_event),
    ("a text changed", change_text),
    ("a text made unreadable", garble_text),
    ("a text of another version", change_version),
    ("a column changed", change_column),
    ("an event deleted", delete),
    ("an event deleted, the rest renumbered", delete_and_renumber),
    (
        "an event deleted, renumbered, head rebuilt",
        delete_and_rebuild,
    ),
    ("the last events deleted", cut_tail),
    (
        "the last events deleted, head rebuilt",
        cut_tail_and_rebuild,
    ),
    (
        "everything after a moment deleted, head rebuilt",
        cut_all_and_rebuild,
    ),
    ("an event put in, the rest renumbered", insert),
    ("an event added at the end", add),
    ("two events swapped", swap),
    ("a checkpoint's signature changed", forge_signature),
    ("a checkpoint about another root", forge_root),
    ("a checkpoint by another key", sign_with_other_key),
    ("a checkpoint of another log", sign_for_other_log),
    ("a checkpoint made unreadable", garble_checkpoint),
    ("a checkpoint under another size", misfile),
    ("a checkpoint's hashes changed", change_hashes),
    ("two logs signed with a stolen key", fork),
    ("an old head", old_head),
    ("a head made unfit", unfit_head),
    ("a head's hash changed", change_head),
    ("no head", no_head),
    ("a partition dropped", drop_partition),
    ("a partition truncated", truncate_partition),
    ("an old copy of everything, but for the anchor", roll_back),
    ("the anchor changed", change_anchor),
    ("another key", other_key),
    ("another log in place of this", other_log),
];

#[tokio::test]
async fn every_tampering_is_found_and_named() {
    let runs: u64 = std::env::var("AUDIT_TAMPERINGS").map_or(400, |n| n.parse().expect("a number"));
    let logs = [stored(1, false).await, stored(2, true).await];
    for log in &logs {
        let mut tx = log.db.pool().begin().await.expect("begins");
        let verdict = verdict(&mut tx, log, None).await;
        let Verdict::Sound { summary, .. } = verdict else {
            panic!("an honest log: {verdict:?}");
        };
        assert_eq!(summary.size, log.bodies.len() as u64);
        assert_eq!(summary.dropped, log.first);
    }
    let mut found: BTreeMap<&str, u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    for seed in 0..runs {
        let rng = &mut StdRng::seed_from_u64(seed);
        let log = &logs[usize::from(rng.random_bool(0.5))];
        let (way, attack) = loop {
            let (way, tamper) = WAYS.choose(rng).expect("there are some");
            if let Some(attack) = tamper(log, rng) {
                break (way, attack);
            }
        };
        // After a finding rows may be on their way: the connection is not used again.
        let mut db = PgConnection::connect_with(&log.db.connect_options())
            .await
            .expect("connects");
        let mut tx = db.begin().await.expect("begins");
        let harm = format!(
            "set local session_replication_role = replica; {}",
            attack.sql
        );
        let done = tx.execute(AssertSqlSafe(harm)).await;
        done.unwrap_or_else(|error| panic!("seed {seed}, {way}: {error}: {}", attack.sql));
        match verdict(&mut tx, log, Some(&attack)).await {
            Verdict::Unsound(faults)
                if names(&faults)
                    .iter()
                    .all(|name| attack.names.contains(name)) => {}
            other => wrong.push(format!(
                "seed {seed}, {way}: {:?} expected, {other:?} found; {}",
                attack.names, attack.sql
            )),
        }
        drop(tx);
        let _ = db.close_hard().await;
        *found.entry(way).or_default() += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Chance leaves none out.
    let missing: Vec<_> = WAYS
        .iter()
        .filter(|(way, _)| !found.contains_key(way))
        .collect();
    assert!(missing.is_empty(), "never tried: {missing:?}");
    println!("{runs} tamperings, {} ways, 0 undetected", found.len());
}

async fn verdict(db: &mut sqlx::PgConnection, log: &Stored, attack: Option<&Attack>) -> Verdict {
    let anchors = attack.and_then(|attack| attack.anchors.as_ref());
    let keys = attack.and_then(|attack| attack.keys.as_ref());
    let options = Options {
        anchors: anchors.unwrap_or(&log.anchors),
        ..Options::default()
    };
    verify_in(db, keys.unwrap_or(&log.keys), options, |_, _| {})
        .await
        .expect("the database answers")
}

/// A log in partitions of its own, with checkpoints and an anchor; with its first
/// partition dropped as retention does it.
async fn stored(seed: u64, retention: bool) -> Stored {
    let rng = &mut StdRng::seed_from_u64(seed);
    let db = TestDb::new().await;
    let keys = db.audit_keys();
    let folder = tempfile::tempdir().expect("a folder");
    let anchor = AnchorFile::new(folder.path().join("anchor"));
    db.pool()
        .execute(AssertSqlSafe(format!(
            "drop table audit_events_p0; \
             create table audit_events_a partition of audit_events for values from (0) to ({END}); \
             create table audit_events_b partition of audit_events \
                 for values from ({END}) to ({}); \
             create table audit_events_c partition of audit_events \
                 for values from ({}) to (10000000)",
            2 * END,
            2 * END
        )))
        .await
        .expect("other partitions");
    for n in 1..=SIZE {
        record(
            db.pool(),
            &format!("agent \"{n}\""),
            &format!("person-{}", n % 7),
        )
        .await;
        if n == END || n % 13 == 0 || n == SIZE || rng.random_bool(0.05) {
            let made = checkpoint(db.pool(), &keys, &anchor).await.expect("made");
            made.expect("nobody else is about it");
        }
    }
    let read = "select body from audit_events order by seq";
    let mut bodies: Vec<String> = sqlx::query_scalar(read)
        .fetch_all(db.pool())
        .await
        .expect("read");
    let mut trees = vec![Frontier::default()];
    for body in &bodies {
        let mut tree = trees[trees.len() - 1].clone();
        tree.push(Hash::leaf(body.as_bytes()));
        trees.push(tree);
    }
    if retention {
        let detail = canon::text(&json!({ "audit_floor": END, "table": "audit_events" }));
        let event = Event {
            id: Uuid::now_v7(),
            at: canon::moment(OffsetDateTime::now_utc()),
            category: "administration",
            event: "retention_applied",
            outcome: "success",
            user: None,
            agent: None,
            token: None,
            trace: None,
            subject: None,
            state: None,
            detail: Some(&detail),
            digest: None,
        };
        let body = event.text();
        let mut tree = trees[trees.len() - 1].clone();
        tree.push(Hash::leaf(body.as_bytes()));
        sqlx::query(
            "insert into audit_events (seq, id, created_at, category, event, outcome, detail, body) \
             values ($1, $2, $3, 'administration', 'retention_applied', 'success', $4::jsonb, $5)",
        )
        .bind(tree.size().cast_signed() - 1)
        .bind(event.id)
        .bind(event.at)
        .bind(&detail)
        .bind(&body)
        .execute(db.pool())
        .await
        .expect("told");
        let drop = format!(
            "{}; drop table audit_events_a",
            head(&Head::seal(&keys, &tree))
        );
        db.pool()
            .execute(AssertSqlSafe(drop))
            .await
            .expect("dropped");
        trees.push(tree);
        bodies.push(body);
    }
    let checkpoints: Vec<(i64, String)> =
        sqlx::query_as("select size, note from audit_checkpoints order by size")
            .fetch_all(db.pool())
            .await
            .expect("read");
    Stored {
        anchors: anchor.lines().expect("read"),
        keys,
        bodies,
        trees,
        checkpoints: checkpoints
            .into_iter()
            .map(|(size, note)| (size.unsigned_abs(), note))
            .collect(),
        first: if retention { END } else { 0 },
        db,
    }
}

impl Stored {
    fn size(&self) -> u64 {
        self.bodies.len() as u64
    }

    /// Some event's number.
    fn some(&self, rng: &mut StdRng) -> u64 {
        rng.random_range(self.first..self.size())
    }

    /// Some event's number but the first there is, whose loss looks like
    /// retention's work, and the last, which nothing follows.
    fn inner(&self, rng: &mut StdRng) -> u64 {
        rng.random_range(self.first + 1..self.size() - 1)
    }

    /// Some checkpoint that is not where retention cut the log.
    fn covered(&self, rng: &mut StdRng) -> (u64, &str) {
        let above: Vec<_> = self
            .checkpoints
            .iter()
            .filter(|(size, _)| *size > self.first)
            .collect();
        let (size, note) = above.choose(rng).expect("there are some");
        (*size, note)
    }

    /// The tree without some events.
    fn without(&self, gone: std::ops::Range<u64>) -> Frontier {
        let mut tree = Frontier::default();
        for (n, body) in self.bodies.iter().enumerate() {
            if !gone.contains(&(n as u64)) {
                tree.push(Hash::leaf(body.as_bytes()));
            }
        }
        tree
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::from("'\\x");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text + "'::bytea"
}

fn hexes(hashes: &[Hash]) -> String {
    let hashes: Vec<String> = hashes.iter().map(|hash| hex(&hash.0)).collect();
    format!("array[{}]::bytea[]", hashes.join(","))
}

/// Puts a head in place.
fn head(head: &Head) -> String {
    format!(
        "update audit_head set log_id = '{}', size = {}, frontier = {}, mac = {}",
        head.log,
        head.size,
        hexes(&head.frontier),
        hex(&head.mac)
    )
}

/// A head for a tree, as well as one can make it without the key.
fn rebuilt(tree: &Frontier) -> String {
    format!(
        "update audit_head set size = {}, frontier = {}",
        tree.size(),
        hexes(tree.hashes())
    )
}

/// Moves the events from `from` on by `by`.
fn shift(from: u64, by: i64) -> String {
    format!(
        "create temp table moved on commit drop as select * from audit_events where seq >= {from}; \
         delete from audit_events where seq >= {from}; update moved set seq = seq + {by}; \
         insert into audit_events select * from moved;"
    )
}

fn change_event(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let seq = log.some(rng);
    sql(
        format!(
            "update audit_events set event = 'mallory', \
                 body = regexp_replace(body, '\"event\":\"[a-z_]*\"', '\"event\":\"mallory\"') \
             where seq = {seq}"
        ),
        &["root_differs"],
    )
}

fn change_text(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let seq = log.some(rng);
    let change = "update audit_events set body = replace(body, '\"event\":\"', '\"event\":\"not ')";
    sql(format!("{change} where seq = {seq}"), &["root_differs"])
}

fn garble_text(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let seq = log.some(rng);
    let texts = [
        "null",
        "''",
        "replace(body, ',', ', ')",
        "replace(body, '\"v\":1}', '\"v\":1.0}')",
        "substr(body, 2)",
        "repeat('[', 100000)",
    ];
    let text = texts.choose(rng)?;
    sql(
        format!("update audit_events set body = {text} where seq = {seq}"),
        &["body_unreadable"],
    )
}

fn change_version(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let seq = log.some(rng);
    let version = ["\"v\":2}", "\"v\":\"1\"}", "\"w\":1}"].choose(rng)?;
    sql(
        format!(
            "update audit_events set body = replace(body, '\"v\":1}}', '{version}') where seq = {seq}"
        ),
        &["version_unknown"],
    )
}

fn change_column(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let seq = log.some(rng);
    let changes = [
        "user_id = 'mallory'",
        "created_at = created_at + interval '1 microsecond'",
        "created_at = 'infinity'",
        "created_at = '200000-01-01'",
        "outcome = 'denied'",
        "outcome = null",
        "id = null",
        "detail = '{\"b\": 2}'",
        "detail = null",
        "agent = 'mallory'",
        "token = ''",
        "trace_id = gen_random_uuid()",
        "subject_id = gen_random_uuid()",
        "state = 'completed'",
        "digest = '\\x00'",
        "category = 'mcp_tools'",
        "event = 'other'",
    ];
    // What it is already is no change.
    let changes: Vec<_> = changes
        .iter()
        .filter(|change| **change != "detail = null" || log.bodies[seq as usize].contains("detail"))
        .collect();
    let change = changes.choose(rng)?;
    sql(
        format!("update audit_events set {change} where seq = {seq}"),
        // Retention's event is the one that explains the floor.
        &["column_differs"],
    )
    .filter(|_| seq + 1 < log.size() || log.first == 0)
}

fn delete(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let seq = log.inner(rng);
    sql(
        format!("delete from audit_events where seq = {seq}"),
        &["gap"],
    )
}

fn delete_and_renumber(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let seq = log.inner(rng);
    sql(
        format!(
            "delete from audit_events where seq = {seq}; {}",
            shift(seq + 1, -1)
        ),
        &["root_differs", "ends_early"],
    )
}

fn delete_and_rebuild(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let seq = log.inner(rng);
    sql(
        format!(
            "delete from audit_events where seq = {seq}; {} {}",
            shift(seq + 1, -1),
            rebuilt(&log.without(seq..seq + 1))
        ),
        &["head_forged"],
    )
}

fn cut_tail(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let seq = log.inner(rng);
    sql(
        format!("delete from audit_events where seq >= {seq}"),
        &["ends_early"],
    )
}

fn cut_tail_and_rebuild(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let seq = log.inner(rng);
    sql(
        format!(
            "delete from audit_events where seq >= {seq}; {}",
            rebuilt(&log.trees[seq as usize])
        ),
        &["head_forged"],
    )
}

fn cut_all_and_rebuild(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let seq = log.inner(rng);
    let attack = sql(
        format!(
            "delete from audit_events where seq >= {seq}; \
             delete from audit_checkpoints where size > {seq}; {}",
            rebuilt(&log.trees[seq as usize])
        ),
        &["head_forged"],
    )?;
    Some(Attack {
        anchors: Some(Vec::new()),
        ..attack
    })
}

fn insert(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let seq = log.inner(rng);
    sql(
        format!(
            "create temp table added on commit drop as select * from audit_events where seq = {seq}; \
             update added set agent = 'x', body = replace(body, '\"event\":\"', '\"event\":\"x'), \
                 event = 'x' || event; \
             {} insert into audit_events select * from added",
            shift(seq, 1)
        ),
        &["root_differs"],
    )
}

fn add(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let seq = log.some(rng);
    sql(
        format!(
            "create temp table added on commit drop as select * from audit_events where seq = {seq}; \
             update added set seq = {}; insert into audit_events select * from added",
            log.size()
        ),
        &["past_head"],
    )
}

fn swap(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let (one, other) = (log.some(rng), log.some(rng));
    if one == other {
        return None;
    }
    sql(
        format!(
            "create temp table swapped on commit drop as \
                 select * from audit_events where seq in ({one}, {other}); \
             delete from audit_events where seq in ({one}, {other}); \
             update swapped set seq = {one} + {other} - seq; insert into audit_events select * from swapped"
        ),
        &["root_differs"],
    )
}

/// Puts another note in a checkpoint's place.
fn note(size: u64, note: &str) -> String {
    format!("update audit_checkpoints set note = '{note}' where size = {size}")
}

fn forge_signature(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let (size, text) = log.covered(rng);
    // In the middle of the signature's base64, behind the key's id.
    let at = text.len() - rng.random_range(10..60);
    let mut text = text.to_owned();
    let digit = if &text[at..=at] == "A" { "B" } else { "A" };
    text.replace_range(at..=at, digit);
    sql(note(size, &text), &["checkpoint_forged"])
}

fn forge_root(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let (size, text) = log.covered(rng);
    let root = log.trees[size as usize].root().to_string();
    let other = Hash::leaf(b"").to_string();
    sql(
        note(size, &text.replace(&root, &other)),
        &["checkpoint_forged"],
    )
}

fn sign_with_other_key(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let (size, _) = log.covered(rng);
    let other = Keys::generate();
    let text = Checkpoint::sign(&other, &log.trees[size as usize]);
    let text = text.replace(other.public().name(), log.keys.public().name());
    sql(note(size, &text), &["checkpoint_other_key"])
}

fn sign_for_other_log(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let (size, _) = log.covered(rng);
    let text = Checkpoint::sign(&Keys::generate(), &log.trees[size as usize]);
    sql(note(size, &text), &["checkpoint_other_log"])
}

fn garble_checkpoint(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let (size, text) = log.covered(rng);
    let without = text.replace('\n', "");
    let text = ["", "checkpoint", text.trim_end(), &without]
        .choose(rng)?
        .to_string();
    sql(note(size, &text), &["checkpoint_unreadable"])
}

fn misfile(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let (size, _) = log.covered(rng);
    let other = rng.random_range(log.first + 1..log.size());
    if log.checkpoints.iter().any(|(size, _)| *size == other) {
        return None;
    }
    sql(
        format!("update audit_checkpoints set size = {other} where size = {size}"),
        &["checkpoint_misfiled"],
    )
}

fn change_hashes(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let (size, _) = log.checkpoints.choose(rng)?;
    let change = [
        "frontier[1] = '\\x00'",
        "frontier = '{}'",
        "frontier[1] = sha256('')",
    ]
    .choose(rng)?;
    sql(
        format!("update audit_checkpoints set {change} where size = {size}"),
        &["floor_forged", "floor_misshapen"],
    )
}

fn fork(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let (size, _) = log.covered(rng);
    let others = log.trees[size as usize].hashes().len();
    let other = Frontier::new(size, vec![Hash::leaf(b"other"); others]).ok()?;
    let text = Checkpoint::sign(&log.keys, &other);
    sql(
        format!(
            "update audit_checkpoints set note = '{text}', frontier = {} where size = {size}",
            hexes(other.hashes())
        ),
        // Each root that another states, and then the events.
        &["fork", "root_differs"],
    )
}

fn old_head(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let size = rng.random_range(log.first..log.size());
    sql(
        head(&Head::seal(&log.keys, &log.trees[size as usize])),
        &["rolled_back", "past_head"],
    )
}

fn unfit_head(_: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let change = [
        "frontier = frontier || sha256('')",
        "frontier = frontier[2:]",
        "frontier[1] = '\\x00'",
        "size = size | (1::bigint << 62)",
    ]
    .choose(rng)?;
    sql(
        format!("update audit_head set {change}"),
        &["head_misshapen"],
    )
}

fn change_head(_: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let change = [
        "frontier[1] = sha256('')",
        "mac = substr(mac, 2)",
        "mac = sha256('')",
    ]
    .choose(rng)?;
    sql(format!("update audit_head set {change}"), &["head_forged"])
}

fn no_head(_: &Stored, _: &mut StdRng) -> Option<Attack> {
    sql("delete from audit_head", &["head_missing"])
}

fn drop_partition(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let (name, names): (_, &[&str]) = match (log.first, rng.random_range(0..3)) {
        // There is a checkpoint, but no event says that retention was at work.
        (0, 0) => ("a", &["floor_unexplained"]),
        (0, 1) => ("b", &["gap"]),
        // There is no checkpoint at that end.
        (_, 1) => ("b", &["floor_unsigned", "floor_unexplained"]),
        (_, 2) => ("c", &["ends_early"]),
        _ => return None,
    };
    sql(format!("drop table audit_events_{name}"), names)
}

fn truncate_partition(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let attack = drop_partition(log, rng)?;
    Some(Attack {
        sql: attack.sql.replace("drop table", "truncate"),
        ..attack
    })
}

fn roll_back(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let last = log.checkpoints.last()?.0;
    let size = rng.random_range(log.first + 1..last);
    sql(
        format!(
            "delete from audit_events where seq >= {size}; \
             delete from audit_checkpoints where size > {size}; {}",
            head(&Head::seal(&log.keys, &log.trees[size as usize]))
        ),
        // Retention's event came after what was put back.
        &["rolled_back", "floor_unexplained"],
    )
}

fn change_anchor(log: &Stored, rng: &mut StdRng) -> Option<Attack> {
    let mut anchors = log.anchors.clone();
    let at = rng.random_range(0..anchors.len());
    let mut words: Vec<&str> = anchors[at].split(' ').collect();
    let root = Hash::leaf(b"").to_string();
    let other = "systemprompt/audit/01935e8d-7c2a-7bbb-8000-0123456789ab";
    let line = match rng.random_range(0..4) {
        0 => {
            words[0] = other;
            words.join(" ")
        }
        1 => words.join("  "),
        2 => "garbage \u{fffd}".to_owned(),
        _ => {
            words[2] = &root;
            words.join(" ")
        }
    };
    anchors[at] = line;
    Some(Attack {
        sql: "select 1".to_owned(),
        anchors: Some(anchors),
        keys: None,
        names: &[
            "checkpoint_other_log",
            "checkpoint_unreadable",
            "checkpoint_forged",
        ],
    })
}

fn other_key(log: &Stored, _: &mut StdRng) -> Option<Attack> {
    // The same log's name, and other secrets: a key that somebody made.
    let other = Keys::generate();
    let tree = log.trees.last()?;
    let mut forged = Head::seal(&other, tree);
    forged.log = log.keys.log();
    sql(head(&forged), &["head_forged"])
}

fn other_log(log: &Stored, _: &mut StdRng) -> Option<Attack> {
    let other = Keys::generate();
    let tree = log.trees.last()?;
    sql(head(&Head::seal(&other, tree)), &["other_log"])
}
