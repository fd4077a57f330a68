//! Reads a stored log once, in order, and says where it first differs from what
//! was written.

use std::collections::BTreeMap;

use serde_json::Value;
use systemprompt_domain::ids::time_of;
use time::{Duration, OffsetDateTime};

use crate::canon;
use crate::checkpoint::{Anchor, Checkpoint};
use crate::event::{Event, VERSION};
use crate::finding::{Finding, Kind, Source};
use crate::frontier::Frontier;
use crate::hash::Hash;
use crate::head::Head;
use crate::keys::{Keys, PublicKey};

/// How far an event may have been recorded before the one that it follows: the
/// clocks of several servers differ.
const TOLERANCE: Duration = Duration::minutes(1);

/// A stored event.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Its number.
    pub seq: u64,
    /// The text that was hashed.
    pub body: &'a str,
    /// The columns beside it. Their detail is any JSON text.
    pub columns: Event<'a>,
}

/// Where retention cut the log.
#[derive(Clone, Debug)]
pub struct Floor {
    /// How many events were dropped.
    pub size: u64,
    /// The hashes of their tree, and the note of a checkpoint of this size, if
    /// the database has one.
    pub checkpoint: Option<(Vec<Hash>, String)>,
}

/// What a sound log has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How many events it has, those that retention dropped included.
    pub size: u64,
    /// How many of them retention dropped.
    pub dropped: u64,
    /// Its root.
    pub root: Hash,
    /// How many checkpoints were checked.
    pub checkpoints: u64,
    /// How many lines of the anchor were checked.
    pub anchors: u64,
    /// What is odd without being wrong.
    pub warning: Option<Warning>,
}

/// An event was recorded long before the one that it follows: a clock was set
/// back. The order of a log is its numbers, not its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The event.
    pub seq: u64,
    /// By how much.
    pub back: Duration,
}

/// Checks a log: first what states its roots, in any order, then its rows.
/// Every answer is the first finding; nothing is to be asked after one.
#[derive(Debug)]
pub struct Verifier {
    key: PublicKey,
    /// `None` when the database has no head.
    head: Option<u64>,
    /// The roots that somebody vouches for, by size.
    roots: BTreeMap<u64, (Hash, Source)>,
    tree: Frontier,
    /// How many events the last agreeing root covers.
    proven: u64,
    /// The first row since then whose columns differ from its text, and where.
    /// Which of the two was changed, only the next root tells.
    suspect: Option<(u64, String)>,
    dropped: u64,
    explained: bool,
    checkpoints: u64,
    anchors: u64,
    latest: Option<OffsetDateTime>,
    warning: Option<Warning>,
    text: String,
}

impl Verifier {
    /// A verifier of the log with this head.
    ///
    /// # Errors
    /// When the head is not one that the keys made.
    pub fn new(keys: &Keys, head: Option<&Head>) -> Result<Self, Finding> {
        let mut roots = BTreeMap::new();
        if let Some(head) = head {
            let tree = head.open(keys).map_err(|kind| kind.at(head.size))?;
            roots.insert(head.size, (tree.root(), Source::Head));
        }
        Ok(Self {
            key: keys.public().clone(),
            head: head.map(|head| head.size),
            roots,
            tree: Frontier::default(),
            proven: 0,
            suspect: None,
            dropped: 0,
            explained: true,
            checkpoints: 0,
            anchors: 0,
            latest: None,
            warning: None,
            text: String::with_capacity(1024),
        })
    }

    /// Takes a checkpoint, as it is stored for `size` events.
    ///
    /// # Errors
    /// When it is not the log's, or contradicts another.
    pub fn checkpoint(&mut self, size: u64, note: &str) -> Result<(), Finding> {
        let stated = self.note(Source::Checkpoint, size, note)?;
        if stated.size != size {
            let stated = stated.size;
            return Err(Kind::Misfiled {
                stored: size,
                stated,
            }
            .at(size));
        }
        self.checkpoints += 1;
        self.state(stated, Source::Checkpoint)
    }

    /// Takes a line of the anchor file.
    ///
    /// # Errors
    /// When it is not the log's, contradicts another root, or covers more events
    /// than the log has.
    pub fn anchor(&mut self, line: &str) -> Result<(), Finding> {
        let at = self.head.unwrap_or_default();
        let source_of = Source::Anchor;
        let anchor: Anchor = line
            .parse()
            .map_err(|error| Kind::Note { source_of, error }.at(at))?;
        let stated = self.note(source_of, at, &anchor.note())?;
        self.anchors += 1;
        self.state(stated, Source::Anchor)
    }

    /// Takes the place where retention cut the log.
    ///
    /// # Errors
    /// When no signed checkpoint vouches for the dropped events.
    pub fn floor(&mut self, floor: Floor) -> Result<(), Finding> {
        let size = floor.size;
        self.begin(floor)?;
        self.dropped = size;
        self.explained = size == 0;
        Ok(())
    }

    /// Takes a checkpoint to begin at: the events before it are not looked at.
    ///
    /// # Errors
    /// When it is not a signed checkpoint of the log.
    pub fn begin(&mut self, floor: Floor) -> Result<(), Finding> {
        let size = floor.size;
        let Some((hashes, note)) = floor.checkpoint else {
            return Err(Kind::FloorUnsigned.at(size));
        };
        let tree = Frontier::new(size, hashes).map_err(|_| Kind::FloorMisshapen.at(size))?;
        let stated = self.note(Source::Floor, size, &note)?;
        if (stated.size, stated.root) != (size, tree.root()) {
            return Err(Kind::FloorForged.at(size));
        }
        self.state(stated, Source::Floor)?;
        self.tree = tree;
        self.proven = size;
        Ok(())
    }

    /// Takes the next row.
    ///
    /// # Errors
    /// When it is not the next, its text was never written, or a root at its
    /// place differs.
    pub fn row(&mut self, row: &Row<'_>) -> Result<(), Finding> {
        let seq = self.tree.size();
        let Some(size) = self.head else {
            return Err(Kind::HeadMissing.at(seq));
        };
        if row.seq != seq {
            let found = row.seq;
            return Err(if found > seq {
                Kind::Gap { found }.at(seq)
            } else {
                Kind::Repeated { found }.at(seq)
            });
        }
        if seq >= size {
            return Err(Kind::PastHead { size }.at(seq));
        }
        self.compare(row)?;
        self.explain(row);
        self.watch_clock(row);
        self.tree.push(Hash::leaf(row.body.as_bytes()));
        self.settle()
    }

    /// What the log has, after its last row.
    ///
    /// # Errors
    /// When rows are missing, or nothing in the log says that retention dropped
    /// what it dropped.
    pub fn finish(self) -> Result<Summary, Finding> {
        let size = self.head.unwrap_or_default();
        if self.tree.size() < size {
            return Err(Kind::EndsEarly { size }.at(self.tree.size()));
        }
        if !self.explained {
            return Err(Kind::FloorUnexplained.at(self.dropped));
        }
        Ok(Summary {
            size,
            dropped: self.dropped,
            root: self.tree.root(),
            checkpoints: self.checkpoints,
            anchors: self.anchors,
            warning: self.warning,
        })
    }

    fn note(&self, source_of: Source, at: u64, note: &str) -> Result<Checkpoint, Finding> {
        Checkpoint::open(note, &self.key).map_err(|error| Kind::Note { source_of, error }.at(at))
    }

    /// Notes that somebody vouches for a root.
    fn state(&mut self, stated: Checkpoint, source: Source) -> Result<(), Finding> {
        let covers = stated.size;
        let Some(size) = self.head else {
            return Err(Kind::HeadMissing.at(covers));
        };
        if covers > size {
            return Err(Kind::RolledBack {
                source_of: source,
                covers,
                size,
            }
            .at(size));
        }
        let (root, first) = *self.roots.entry(covers).or_insert((stated.root, source));
        if root == stated.root {
            Ok(())
        } else {
            Err(Kind::Fork {
                one: first,
                other: source,
            }
            .at(covers))
        }
    }

    /// Compares the columns with the text: the honest text is the one that the
    /// honest columns give.
    fn compare(&mut self, row: &Row<'_>) -> Result<(), Finding> {
        let detail = row.columns.detail.map(recanonize);
        let columns = Event {
            detail: detail.as_deref(),
            ..row.columns
        };
        self.text.clear();
        columns.write(&mut self.text);
        if self.text == row.body {
            return Ok(());
        }
        let Some(Value::Object(body)) = canon::read(row.body) else {
            return Err(Kind::BodyUnreadable.at(row.seq));
        };
        let version = body.get("v").unwrap_or(&Value::Null);
        if version.as_u64() != Some(VERSION) {
            let found = version.to_string();
            return Err(Kind::VersionUnknown { found }.at(row.seq));
        }
        if self.suspect.is_none() {
            let column = columns.differs_from(&body);
            self.suspect = Some((row.seq, column));
        }
        Ok(())
    }

    /// Whether the row tells that retention dropped what is missing.
    fn explain(&mut self, row: &Row<'_>) {
        if self.explained || row.columns.event != "retention_applied" {
            return;
        }
        let detail = row.columns.detail.and_then(|detail| {
            let detail: Value = serde_json::from_str(detail).ok()?;
            detail.get("audit_floor")?.as_u64()
        });
        self.explained = detail == Some(self.dropped);
    }

    fn watch_clock(&mut self, row: &Row<'_>) {
        let Some(recorded) = time_of(row.columns.id) else {
            return;
        };
        let latest = self.latest.get_or_insert(recorded);
        let back = *latest - recorded;
        if back > TOLERANCE && self.warning.is_none() {
            self.warning = Some(Warning { seq: row.seq, back });
        }
        *latest = recorded.max(*latest);
    }

    /// Compares the root with the one that somebody vouches for, if anybody does.
    fn settle(&mut self) -> Result<(), Finding> {
        let to = self.tree.size();
        let Some((root, source_of)) = self.roots.get(&to).copied() else {
            return Ok(());
        };
        let (from, suspect) = (self.proven, self.suspect.take());
        if root != self.tree.root() {
            let at = suspect.map_or(from, |(seq, _)| seq);
            let kind = Kind::RootDiffers {
                from,
                to,
                source_of,
            };
            return Err(kind.at(at));
        }
        if let Some((seq, column)) = suspect {
            return Err(Kind::ColumnDiffers { column }.at(seq));
        }
        self.proven = to;
        Ok(())
    }
}

/// JSON as PostgreSQL gives it back, as it was hashed. What is no JSON stays,
/// and will differ.
fn recanonize(json: &str) -> String {
    serde_json::from_str(json).map_or_else(|_| json.to_owned(), |value| canon::text(&value))
}
