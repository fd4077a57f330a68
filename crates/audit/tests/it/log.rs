//! A stored log in memory, as the database has it: honest, until a test
//! tampers with it.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use systemprompt_audit::{
    Anchor, Checkpoint, Event, Finding, Floor, Frontier, Hash, Head, Keys, Row, Summary, Verifier,
    canon,
};
use time::OffsetDateTime;
use uuid::Uuid;

/// The columns of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Columns {
    pub(crate) id: Uuid,
    pub(crate) at: OffsetDateTime,
    pub(crate) category: String,
    pub(crate) event: String,
    pub(crate) outcome: String,
    pub(crate) user: Option<String>,
    pub(crate) trace: Option<Uuid>,
    pub(crate) state: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) digest: Option<[u8; 32]>,
}

impl Columns {
    pub(crate) fn event(&self) -> Event<'_> {
        Event {
            id: self.id,
            at: self.at,
            category: &self.category,
            event: &self.event,
            outcome: &self.outcome,
            user: self.user.as_deref(),
            agent: None,
            token: None,
            trace: self.trace,
            subject: None,
            state: self.state.as_deref(),
            detail: self.detail.as_deref(),
            digest: self.digest,
        }
    }

    /// The text to hash.
    fn text(&self) -> String {
        let detail = self
            .detail
            .as_deref()
            .map(|detail| canon::text(&json(detail)));
        let detail = detail.as_deref();
        Event {
            detail,
            ..self.event()
        }
        .text()
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) seq: u64,
    pub(crate) body: String,
    pub(crate) columns: Columns,
}

impl Stored {
    /// Makes the text say what the columns say.
    pub(crate) fn reseal(&mut self) {
        self.body = self.columns.text();
    }
}

/// What the database and the anchor file hold, and, beyond them, what an honest
/// observer remembers.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) keys: Keys,
    pub(crate) rows: Vec<Stored>,
    pub(crate) head: Option<Head>,
    pub(crate) checkpoints: BTreeMap<u64, String>,
    pub(crate) floor: Option<Floor>,
    pub(crate) anchors: Vec<String>,
    /// The tree at every size.
    pub(crate) trees: Vec<Frontier>,
}

impl Log {
    pub(crate) fn new(keys: Keys) -> Self {
        let tree = Frontier::default();
        Self {
            head: Some(Head::seal(&keys, &tree)),
            keys,
            rows: Vec::new(),
            checkpoints: BTreeMap::new(),
            floor: None,
            anchors: Vec::new(),
            trees: vec![tree],
        }
    }

    /// A log of up to a hundred random events, with checkpoints and an anchor.
    pub(crate) fn random(rng: &mut StdRng, retention: bool) -> Self {
        let mut log = Self::new(Keys::generate());
        let (before, after) = (rng.random_range(5..60), rng.random_range(5..60));
        for _ in 0..before {
            log.append_random(rng);
        }
        if retention {
            let floor = rng.random_range(1..before);
            log.retain_from(floor);
        }
        for _ in 0..after {
            log.append_random(rng);
        }
        log
    }

    pub(crate) fn size(&self) -> u64 {
        self.head.as_ref().map_or(0, |head| head.size)
    }

    pub(crate) fn append(&mut self, columns: Columns) {
        let mut tree = self.trees.last().unwrap().clone();
        let body = columns.text();
        tree.push(Hash::leaf(body.as_bytes()));
        self.rows.push(Stored {
            seq: tree.size() - 1,
            body,
            columns,
        });
        self.head = Some(Head::seal(&self.keys, &tree));
        self.trees.push(tree);
    }

    fn append_random(&mut self, rng: &mut StdRng) {
        self.append(columns(rng));
        if rng.random_bool(0.1) {
            self.checkpoint();
            if rng.random_bool(0.5) {
                self.anchor();
            }
        }
    }

    /// Stores a checkpoint of the present size.
    pub(crate) fn checkpoint(&mut self) {
        let note = Checkpoint::sign(&self.keys, self.trees.last().unwrap());
        self.checkpoints.insert(self.size(), note);
    }

    /// Writes the present size outside of the database.
    pub(crate) fn anchor(&mut self) {
        let note = Checkpoint::sign(&self.keys, self.trees.last().unwrap());
        self.anchors.push(Anchor::of(&note).unwrap().to_string());
    }

    /// What retention does: tell of it, then drop.
    pub(crate) fn retain_from(&mut self, floor: u64) {
        let tree = &self.trees[floor as usize];
        let note = Checkpoint::sign(&self.keys, tree);
        let hashes = tree.hashes().to_vec();
        self.checkpoints.insert(floor, note.clone());
        let detail = json!({"audit_floor": floor, "table": "audit_events"});
        self.append(Columns {
            id: Uuid::now_v7(),
            at: OffsetDateTime::UNIX_EPOCH,
            category: "administration".into(),
            event: "retention_applied".into(),
            outcome: "success".into(),
            user: None,
            trace: None,
            state: None,
            detail: Some(format!("{detail:#}")),
            digest: None,
        });
        self.drop_before(floor, Some((hashes, note)));
    }

    pub(crate) fn drop_before(&mut self, floor: u64, checkpoint: Option<(Vec<Hash>, String)>) {
        self.rows.retain(|row| row.seq >= floor);
        self.floor = Some(Floor {
            size: floor,
            checkpoint,
        });
    }

    /// Numbers the rows again, as somebody would who wants no gap.
    pub(crate) fn renumber(&mut self) {
        let first = self.floor.as_ref().map_or(0, |floor| floor.size);
        for (n, row) in self.rows.iter_mut().enumerate() {
            row.seq = first + n as u64;
        }
    }

    /// Writes a head that fits the rows, as well as one can without the keys.
    pub(crate) fn rebuild_head(&mut self) {
        let first = self.floor.as_ref().map_or(0, |floor| floor.size);
        let mut tree = self.trees[first as usize].clone();
        for row in &self.rows {
            tree.push(Hash::leaf(row.body.as_bytes()));
        }
        let mac = self.head.as_ref().unwrap().mac.clone();
        let mut head = Head::seal(&Keys::generate(), &tree);
        head.log = self.keys.log();
        head.mac = mac;
        self.head = Some(head);
    }

    /// What the verifier says of it.
    pub(crate) fn verify(&self) -> Result<Summary, Finding> {
        let mut verifier = Verifier::new(&self.keys, self.head.as_ref())?;
        if let Some(floor) = &self.floor {
            verifier.floor(floor.clone())?;
        }
        for (size, note) in &self.checkpoints {
            verifier.checkpoint(*size, note)?;
        }
        for line in &self.anchors {
            verifier.anchor(line)?;
        }
        for row in &self.rows {
            verifier.row(&Row {
                seq: row.seq,
                body: &row.body,
                columns: row.columns.event(),
            })?;
        }
        verifier.finish()
    }
}

fn columns(rng: &mut StdRng) -> Columns {
    let pick = |rng: &mut StdRng, of: &[&str]| of[rng.random_range(0..of.len())].to_owned();
    let some = |rng: &mut StdRng| rng.random_bool(0.5);
    Columns {
        id: Uuid::now_v7(),
        at: OffsetDateTime::from_unix_timestamp(rng.random_range(0..2_000_000_000)).unwrap(),
        category: pick(rng, &["ai_operations", "authentication", "administration"]),
        event: pick(rng, &["request_completed", "login", "config_changed"]),
        outcome: pick(rng, &["success", "failure", "denied"]),
        user: some(rng).then(|| pick(rng, &["ada", "Zoë \"Z\"", "", "\u{1}"])),
        trace: some(rng).then(|| Uuid::from_u128(rng.random())),
        state: some(rng).then(|| pick(rng, &["completed", "timeout"])),
        // In another order and with spaces, as jsonb gives it back.
        detail: some(rng).then(|| format!(r#"{{"b": 1, "a": [{}, "x"]}}"#, rng.random_range(0..9))),
        digest: some(rng).then(|| rng.random()),
    }
}

pub(crate) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}
