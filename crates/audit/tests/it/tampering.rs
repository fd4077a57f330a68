//! Whatever is done to a stored log without its key, the verifier says so, and
//! says what it was. `AUDIT_TAMPERINGS=10000` is the long run.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::seq::{IndexedMutRandom as _, IndexedRandom as _};
use rand::{Rng as _, RngExt as _};
use systemprompt_audit::{Anchor, Checkpoint, Finding, Frontier, Hash, Head, Keys, Kind};

use crate::log::{Log, rng};

/// Names that a finding may have.
type Names = &'static [&'static str];

/// One way to tamper with a log; `None` where this log has nothing to do it to.
type Tamper = fn(&mut Log, &mut StdRng) -> Option<Names>;

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
        "the last events and their checkpoints deleted, head rebuilt",
        cut_all_and_rebuild,
    ),
    ("an event copied under its own number", copy),
    ("an event put in, the rest renumbered", insert),
    ("an event added at the end", add),
    ("two events swapped", swap),
    ("a checkpoint's signature changed", forge_signature),
    ("a checkpoint about another root", forge_root),
    ("a checkpoint by another key", sign_with_other_key),
    ("a checkpoint of another log", sign_for_other_log),
    ("a checkpoint made unreadable", garble_checkpoint),
    ("a checkpoint under another size", misfile),
    ("two logs signed with a stolen key", fork),
    ("an old head", old_head),
    ("a head made unfit", unfit_head),
    ("a head's hash changed", change_head),
    ("no head", no_head),
    (
        "the first events dropped without a checkpoint",
        drop_unsigned,
    ),
    (
        "the first events dropped without an event that says so",
        drop_untold,
    ),
    ("retention's hashes changed", forge_floor),
    ("retention's hashes made unfit", unfit_floor),
    ("an old copy of everything, but for the anchor", roll_back),
    ("the anchor changed", change_anchor),
    ("another log in place of this", other_log),
];

#[test]
fn every_tampering_is_found_and_named() {
    let runs = std::env::var("AUDIT_TAMPERINGS").map_or(500, |n| n.parse().unwrap());
    let mut found: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..runs {
        let rng = &mut rng(seed);
        let retention = rng.random_bool(0.5);
        let honest = Log::random(rng, retention);
        let summary = honest.verify().unwrap();
        assert_eq!(summary.size, honest.size());
        let (way, names, log) = loop {
            let (way, tamper) = WAYS.choose(rng).unwrap();
            let mut log = honest.clone();
            if let Some(names) = tamper(&mut log, rng) {
                break (way, names, log);
            }
        };
        match log.verify() {
            Err(finding) if names.contains(&finding.kind.name()) => {}
            other => panic!("seed {seed}, {way}: {names:?} expected, {other:?} found"),
        }
        *found.entry(way).or_default() += 1;
    }
    // Chance leaves none out.
    let missing: Vec<_> = WAYS
        .iter()
        .filter(|(way, _)| !found.contains_key(way))
        .collect();
    assert!(missing.is_empty(), "never tried: {missing:?}");
}

/// Some row's place.
fn row(log: &Log, rng: &mut StdRng) -> usize {
    rng.random_range(0..log.rows.len())
}

/// The size of some checkpoint.
fn checkpoint(log: &Log, rng: &mut StdRng) -> Option<u64> {
    let sizes: Vec<u64> = log.checkpoints.keys().copied().collect();
    sizes.choose(rng).copied()
}

fn change_event(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let at = row(log, rng);
    let row = &mut log.rows[at];
    row.columns.user = Some(format!("mallory {}", rng.next_u32()));
    row.reseal();
    Some(&["root_differs"])
}

fn change_text(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let at = row(log, rng);
    let row = &mut log.rows[at];
    row.body = row.body.replace("\"event\":\"", "\"event\":\"not ");
    Some(&["root_differs"])
}

fn garble_text(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let at = row(log, rng);
    let row = &mut log.rows[at];
    row.body = match rng.random_range(0..5) {
        0 => String::new(),
        1 => row.body.replace(',', ", "),
        2 => row.body.replace("\"v\":1}", "\"v\":1.0}"),
        3 => format!("{}\0", row.body),
        _ => row.body[1..].to_owned(),
    };
    Some(&["body_unreadable"])
}

fn change_version(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let at = row(log, rng);
    let row = &mut log.rows[at];
    let version = ["\"v\":2}", "\"v\":\"1\"}", "\"w\":1}"]
        .choose(rng)
        .unwrap();
    row.body = row.body.replace("\"v\":1}", version);
    Some(&["version_unknown"])
}

fn change_column(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let at = row(log, rng);
    let columns = &mut log.rows[at].columns;
    match rng.random_range(0..6) {
        0 => columns.user = Some("mallory".into()),
        1 => columns.at += time::Duration::MICROSECOND,
        2 => columns.outcome = "none".into(),
        3 => columns.detail = Some("{\"b\": 2}".into()),
        4 => columns.detail = Some("no JSON".into()),
        _ => columns.digest = Some([0; 32]),
    }
    Some(&["column_differs"])
}

fn delete(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let at = row(log, rng);
    if at + 1 == log.rows.len() {
        return None;
    }
    log.rows.remove(at);
    Some(&["gap"])
}

fn delete_and_renumber(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    delete(log, rng)?;
    log.renumber();
    Some(&["root_differs", "ends_early"])
}

fn delete_and_rebuild(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    delete_and_renumber(log, rng)?;
    log.rebuild_head();
    Some(&["head_forged"])
}

fn cut_tail(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let at = row(log, rng);
    log.rows.truncate(at);
    Some(&["ends_early"])
}

fn cut_tail_and_rebuild(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    cut_tail(log, rng)?;
    log.rebuild_head();
    Some(&["head_forged"])
}

fn cut_all_and_rebuild(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    cut_tail_and_rebuild(log, rng)?;
    let size = log.size();
    log.checkpoints.retain(|covers, _| *covers <= size);
    log.anchors.clear();
    Some(&["head_forged"])
}

fn copy(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let at = row(log, rng);
    log.rows.insert(at, log.rows[at].clone());
    Some(&["repeated"])
}

fn insert(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let (at, of) = (row(log, rng), row(log, rng));
    let mut new = log.rows[of].clone();
    new.columns.user = Some("mallory".into());
    new.reseal();
    log.rows.insert(at, new);
    log.renumber();
    Some(&["root_differs"])
}

fn add(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let of = row(log, rng);
    log.rows.push(log.rows[of].clone());
    log.renumber();
    Some(&["past_head"])
}

fn swap(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let (one, other) = (row(log, rng), row(log, rng));
    if one == other {
        return None;
    }
    log.rows.swap(one, other);
    log.renumber();
    Some(&["root_differs"])
}

fn forge_signature(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let size = checkpoint(log, rng)?;
    let note = log.checkpoints.get_mut(&size)?;
    // In the middle of the signature's base64, behind the key's id.
    let at = note.len() - rng.random_range(10..60);
    let digit = if &note[at..=at] == "A" { "B" } else { "A" };
    note.replace_range(at..=at, digit);
    Some(&["checkpoint_forged"])
}

fn forge_root(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let size = checkpoint(log, rng)?;
    let note = log.checkpoints.get_mut(&size)?;
    let root = log.trees[size as usize].root().to_string();
    *note = note.replace(&root, &Hash::leaf(b"").to_string());
    Some(&["checkpoint_forged"])
}

fn sign_with_other_key(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let size = checkpoint(log, rng)?;
    let other = Keys::generate();
    let note = Checkpoint::sign(&other, &log.trees[size as usize]);
    let note = note.replace(other.public().name(), log.keys.public().name());
    log.checkpoints.insert(size, note);
    Some(&["checkpoint_other_key"])
}

fn sign_for_other_log(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let size = checkpoint(log, rng)?;
    let note = Checkpoint::sign(&Keys::generate(), &log.trees[size as usize]);
    log.checkpoints.insert(size, note);
    Some(&["checkpoint_other_log"])
}

fn garble_checkpoint(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let size = checkpoint(log, rng)?;
    let note = log.checkpoints.get_mut(&size)?;
    *note = [
        "",
        "\n\n",
        "checkpoint",
        note.trim_end(),
        &note[1..].replace('\n', ""),
    ]
    .choose(rng)
    .map(|text| (*text).to_owned())?;
    Some(&["checkpoint_unreadable"])
}

fn misfile(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let size = checkpoint(log, rng)?;
    let other = rng.random_range(0..log.size());
    if size == other {
        return None;
    }
    let note = log.checkpoints.get(&size)?.clone();
    log.checkpoints.insert(other, note);
    Some(&["checkpoint_misfiled"])
}

fn fork(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let size = checkpoint(log, rng)?;
    if log.floor.as_ref().is_some_and(|floor| size < floor.size) {
        // Its events are gone: nothing is left that it could contradict.
        return None;
    }
    let others = log.trees[size as usize].hashes().len();
    let other = Frontier::new(size, vec![Hash::leaf(b"other"); others]).ok()?;
    log.checkpoints
        .insert(size, Checkpoint::sign(&log.keys, &other));
    Some(&["fork", "root_differs"])
}

fn old_head(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let first = log.floor.as_ref().map_or(0, |floor| floor.size);
    let size = rng.random_range(first..log.size());
    log.head = Some(Head::seal(&log.keys, &log.trees[size as usize]));
    Some(&["rolled_back", "past_head"])
}

fn unfit_head(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let head = log.head.as_mut()?;
    match rng.random_range(0..3) {
        0 => head.frontier.push(Hash::empty()),
        1 => drop(head.frontier.pop()),
        _ => head.size |= 1 << 63,
    }
    Some(&["head_misshapen"])
}

fn change_head(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let head = log.head.as_mut()?;
    match rng.random_range(0..3) {
        0 => *head.frontier.choose_mut(rng)? = Hash::empty(),
        1 => drop(head.mac.pop()),
        _ => head.mac = vec![0; 32],
    }
    Some(&["head_forged"])
}

fn no_head(log: &mut Log, _: &mut StdRng) -> Option<Names> {
    log.head = None;
    Some(&["head_missing"])
}

fn drop_unsigned(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let floor = log.rows[row(log, rng)].seq;
    log.drop_before(floor, None);
    (floor > 0).then_some(&["floor_unsigned"])
}

fn drop_untold(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let floor = checkpoint(log, rng)?;
    if floor <= log.floor.as_ref().map_or(0, |floor| floor.size) {
        return None;
    }
    let hashes = log.trees[floor as usize].hashes().to_vec();
    let note = log.checkpoints[&floor].clone();
    log.drop_before(floor, Some((hashes, note)));
    Some(&["floor_unexplained"])
}

fn forge_floor(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let (hashes, _) = log.floor.as_mut()?.checkpoint.as_mut()?;
    *hashes.choose_mut(rng)? = Hash::empty();
    Some(&["floor_forged"])
}

fn unfit_floor(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let (hashes, _) = log.floor.as_mut()?.checkpoint.as_mut()?;
    if rng.random() {
        hashes.push(Hash::empty());
    } else {
        hashes.clear();
    }
    Some(&["floor_misshapen"])
}

fn roll_back(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    log.checkpoint();
    log.anchor();
    let at = row(log, rng);
    restore(log, at);
    Some(&["rolled_back"])
}

/// Puts back the database as it was before the row at that place.
fn restore(log: &mut Log, at: usize) {
    let size = log.rows[at].seq;
    log.rows.truncate(at);
    log.checkpoints.retain(|covers, _| *covers <= size);
    log.head = Some(Head::seal(&log.keys, &log.trees[size as usize]));
}

fn change_anchor(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let other = Keys::generate();
    let foreign = Checkpoint::sign(&other, log.trees.last()?);
    let line = log.anchors.choose_mut(rng)?;
    *line = match rng.random_range(0..3) {
        0 => Anchor::of(&foreign)?.to_string(),
        1 => line.replacen(' ', "  ", 1),
        _ => {
            let root = Hash::leaf(b"").to_string();
            let mut words: Vec<&str> = line.split(' ').collect();
            words[2] = &root;
            words.join(" ")
        }
    };
    Some(&[
        "checkpoint_other_log",
        "checkpoint_unreadable",
        "checkpoint_forged",
    ])
}

fn other_log(log: &mut Log, rng: &mut StdRng) -> Option<Names> {
    let keys = std::mem::replace(log, Log::random(rng, false)).keys;
    log.keys = keys;
    Some(&["other_log"])
}

#[test]
fn findings_name_the_event_and_the_column() {
    let rng = &mut rng(7);
    let mut log = Log::random(rng, true);
    let honest = log.clone();
    let at = log.rows.len() / 2;
    let seq = log.rows[at].seq;

    log.rows[at].columns.outcome = "none".into();
    let column = "outcome".to_owned();
    let kind = Kind::ColumnDiffers { column };
    assert_eq!(log.verify(), Err(Finding { seq, kind }));

    log = honest.clone();
    log.rows[at].body = log.rows[at].body.replace("\"v\":1}", "\"v\":9}");
    let found = "9".to_owned();
    let kind = Kind::VersionUnknown { found };
    assert_eq!(log.verify(), Err(Finding { seq, kind }));

    log = honest.clone();
    log.rows.remove(at);
    let kind = Kind::Gap { found: seq + 1 };
    assert_eq!(log.verify(), Err(Finding { seq, kind }));

    // A text alone: the row is known, for its columns differ.
    log = honest;
    log.rows[at].body = log.rows[at]
        .body
        .replace("\"event\":\"", "\"event\":\"not ");
    let finding = log.verify().unwrap_err();
    assert_eq!((finding.seq, finding.kind.name()), (seq, "root_differs"));
}

/// What the log does not claim: without an anchor an old copy is the log.
#[test]
fn an_old_copy_is_seen_by_the_anchor_alone() {
    let rng = &mut rng(8);
    let mut log = Log::random(rng, false);
    log.anchors.clear();
    let mut anchored = log.clone();
    anchored.anchor();
    let at = log.rows.len() / 2;
    restore(&mut log, at);
    restore(&mut anchored, at);
    assert_eq!(log.verify().unwrap().size, at as u64);
    assert_eq!(anchored.verify().unwrap_err().kind.name(), "rolled_back");
}

#[test]
fn a_clock_that_was_set_back_is_a_warning() {
    let mut log = Log::new(Keys::generate());
    let mut columns = Log::random(&mut rng(9), false).rows[0].columns.clone();
    let id = |millis: u64| uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid();
    for millis in [1_000_000, 950_000, 2_000_000, 1_900_000] {
        columns.id = id(millis);
        log.append(columns.clone());
    }
    let warning = log.verify().unwrap().warning.unwrap();
    assert_eq!(warning.seq, 3);
    assert_eq!(warning.back, time::Duration::seconds(100));
}

#[test]
fn an_empty_log_is_sound() {
    let mut log = Log::new(Keys::generate());
    assert_eq!(log.verify().unwrap().size, 0);
    log.checkpoint();
    log.anchor();
    assert_eq!(log.verify().unwrap().root, Hash::empty());
    log.head = None;
    assert_eq!(log.verify().unwrap_err().kind, Kind::HeadMissing);
}
