//! Proofs from one pass over a log's leaves.

use crate::frontier::Frontier;
use crate::hash::Hash;

/// What a proof needs was dropped by retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log no longer holds the events that this proof needs")]
pub struct Dropped;

/// The hash of a run of leaves, as far as they came.
#[derive(Debug)]
struct Part {
    first: u64,
    end: u64,
    tree: Frontier,
}

/// Makes a proof while leaves pass by in order, from the first that the log
/// still holds. It keeps a frontier for each hash of the proof.
#[derive(Debug)]
pub struct Prover {
    parts: Vec<Part>,
}

impl Prover {
    /// A proof that the log of `size` events has its event `index` (RFC 6962,
    /// 2.1.1). `floor` is the tree of the events that retention dropped.
    ///
    /// # Errors
    /// When the event was dropped, or is not one of the log's.
    pub fn inclusion(index: u64, size: u64, floor: &Frontier) -> Result<Self, Dropped> {
        if index < floor.size() || index >= size {
            return Err(Dropped);
        }
        let (mut first, mut end) = (0, size);
        let mut runs = Vec::new();
        while end - first > 1 {
            let middle = first + split(end - first);
            if index < middle {
                runs.push((middle, end));
                end = middle;
            } else {
                runs.push((first, middle));
                first = middle;
            }
        }
        Self::over(runs, floor)
    }

    /// A proof that the log of `size` events begins with that of `old` events
    /// (RFC 6962, 2.1.2).
    ///
    /// # Errors
    /// When it needs hashes of dropped events, or `old` is 0 or above `size`.
    pub fn consistency(old: u64, size: u64, floor: &Frontier) -> Result<Self, Dropped> {
        if old == 0 || old > size {
            return Err(Dropped);
        }
        let (mut first, mut end) = (0, size);
        let mut runs = Vec::new();
        while old != end {
            let middle = first + split(end - first);
            if old <= middle {
                runs.push((middle, end));
                end = middle;
            } else {
                runs.push((first, middle));
                first = middle;
            }
        }
        // The old root itself is known to whoever checks.
        if first > 0 {
            runs.push((first, end));
        }
        Self::over(runs, floor)
    }

    /// `runs` come from the root down; a proof goes up.
    fn over(runs: Vec<(u64, u64)>, floor: &Frontier) -> Result<Self, Dropped> {
        let parts = runs.into_iter().rev().map(|(first, end)| {
            let known: Vec<_> = floor
                .subtrees()
                .filter(|(start, width, _)| *start >= first && start + width <= end)
                .collect();
            let held = known.iter().map(|(_, width, _)| width).sum::<u64>();
            if first + held < floor.size().min(end) {
                return Err(Dropped);
            }
            let hashes = known.into_iter().map(|(_, _, hash)| hash).collect();
            let tree = Frontier::new(held, hashes).map_err(|_| Dropped)?;
            Ok(Part { first, end, tree })
        });
        Ok(Self {
            parts: parts.collect::<Result<_, _>>()?,
        })
    }

    /// Takes the leaf of the event `seq`.
    pub fn push(&mut self, seq: u64, leaf: Hash) {
        let part = self
            .parts
            .iter_mut()
            .find(|part| part.first + part.tree.size() == seq && seq < part.end);
        if let Some(part) = part {
            part.tree.push(leaf);
        }
    }

    /// The proof; `None` while leaves are missing.
    #[must_use]
    pub fn finish(self) -> Option<Vec<Hash>> {
        let whole = |part: &Part| part.first + part.tree.size() == part.end;
        self.parts
            .iter()
            .map(|part| whole(part).then(|| part.tree.root()))
            .collect()
    }
}

/// The largest power of two below `size`, which is at least 2.
const fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}
