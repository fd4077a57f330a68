//! Checking proofs: all that an outsider needs beside a checkpoint.

use crate::hash::Hash;

/// Whether `proof` shows that the log of `size` events with that `root` has
/// `leaf` as its event `index`.
#[must_use]
pub fn check_inclusion(leaf: Hash, index: u64, size: u64, root: Hash, proof: &[Hash]) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = Hash::node(sibling, &hash);
            climb(&mut node, &mut last);
        } else {
            hash = Hash::node(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == root
}

/// Whether `proof` shows that the log `new` (its size and root) begins with the
/// log `old`. A log begins with the empty one, whose proof is empty.
#[must_use]
pub fn check_consistency(old: (u64, Hash), new: (u64, Hash), proof: &[Hash]) -> bool {
    if old.0 == 0 || old.0 == new.0 {
        let same = if old.0 == 0 { Hash::empty() } else { new.1 };
        return proof.is_empty() && old.1 == same;
    }
    if old.0 > new.0 {
        return false;
    }
    // A complete old tree is its own first hash; the proof leaves it out.
    let mut hashes = old
        .0
        .is_power_of_two()
        .then_some(&old.1)
        .into_iter()
        .chain(proof);
    let (mut node, mut last) = (old.0 - 1, new.0 - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let Some(first) = hashes.next() else {
        return false;
    };
    let (mut old_root, mut new_root) = (*first, *first);
    for hash in hashes {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_root = Hash::node(hash, &old_root);
            new_root = Hash::node(hash, &new_root);
            climb(&mut node, &mut last);
        } else {
            new_root = Hash::node(&new_root, hash);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_root == old.1 && new_root == new.1
}

/// Skips the levels at which a node on the right edge has no sibling.
const fn climb(node: &mut u64, last: &mut u64) {
    while *node & 1 == 0 && *node != 0 {
        *node >>= 1;
        *last >>= 1;
    }
}
