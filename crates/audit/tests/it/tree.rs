//! Trees and proofs, held against RFC 6962's own example and against
//! `tlog_tiles`, which others wrote.

use proptest::prelude::*;
use systemprompt_audit::{
    Dropped, Frontier, Hash, Prover, ShapeError, check_consistency, check_inclusion,
};
use tlog_tiles::{HashReader, check_record, check_tree, prove_record, prove_tree, tree_hash};

/// The other implementation's store: all hashes of a tree.
struct Stored(Vec<tlog_tiles::Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|&n| self.0[n as usize]).collect())
    }
}

fn text(seq: u64) -> Vec<u8> {
    format!("event {seq}").into_bytes()
}

fn stored(size: u64) -> Stored {
    let mut hashes = Stored(Vec::new());
    for seq in 0..size {
        let new = tlog_tiles::stored_hashes(seq, &text(seq), &hashes).unwrap();
        hashes.0.extend(new);
    }
    hashes
}

fn tree(size: u64) -> Frontier {
    let mut tree = Frontier::default();
    for seq in 0..size {
        tree.push(Hash::leaf(&text(seq)));
    }
    tree
}

/// Runs a prover over what retention left.
fn proof(mut prover: Prover, floor: u64, size: u64) -> Vec<Hash> {
    for seq in floor..size {
        prover.push(seq, Hash::leaf(&text(seq)));
    }
    prover.finish().unwrap()
}

fn theirs(hash: Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(hash.0)
}

fn hex(hash: Hash) -> String {
    hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_example_of_rfc_6962() {
    let leaves: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let mut tree = Frontier::default();
    assert_eq!(
        hex(tree.root()),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    tree.push(Hash::leaf(leaves[0]));
    assert_eq!(
        hex(tree.root()),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    for leaf in &leaves[1..] {
        tree.push(Hash::leaf(leaf));
    }
    assert_eq!(
        hex(tree.root()),
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    );
}

#[test]
fn a_frontier_has_a_hash_for_each_bit_of_its_size() {
    for size in 0..300 {
        let whole = tree(size);
        let hashes = whole.hashes().to_vec();
        assert_eq!(Frontier::new(size, hashes.clone()), Ok(whole));
        let found = hashes.len() + 1;
        let more = [hashes, vec![Hash::empty()]].concat();
        assert_eq!(Frontier::new(size, more), Err(ShapeError { size, found }));
    }
}

#[test]
fn what_was_dropped_cannot_be_proved() {
    let floor = tree(12);
    assert_eq!(Prover::inclusion(11, 20, &floor).unwrap_err(), Dropped);
    assert_eq!(Prover::inclusion(20, 20, &floor).unwrap_err(), Dropped);
    assert_eq!(Prover::consistency(0, 20, &floor).unwrap_err(), Dropped);
    assert_eq!(Prover::consistency(21, 20, &floor).unwrap_err(), Dropped);
    // The tree of five needs the hash of the fifth leaf, inside the floor.
    assert_eq!(Prover::consistency(5, 20, &floor).unwrap_err(), Dropped);
    // A proof without all its leaves is none.
    assert_eq!(Prover::inclusion(12, 20, &floor).unwrap().finish(), None);
}

proptest! {
    #[test]
    fn roots_agree(size in 1..600_u64) {
        prop_assert_eq!(tree_hash(size, &stored(size)).unwrap().0, tree(size).root().0);
    }

    #[test]
    fn inclusion_proofs_agree(size in 1..600_u64, index in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()) {
        let index = index.index(size as usize) as u64;
        let floor = cut.index(index as usize + 1) as u64;
        let ours = proof(Prover::inclusion(index, size, &tree(floor)).unwrap(), floor, size);
        let stored = stored(size);
        let expected = prove_record(size, index, &stored).unwrap();
        prop_assert_eq!(ours.iter().map(|h| h.0).collect::<Vec<_>>(), expected.iter().map(|h| h.0).collect::<Vec<_>>());

        let (root, leaf) = (tree(size).root(), Hash::leaf(&text(index)));
        prop_assert!(check_inclusion(leaf, index, size, root, &ours));
        prop_assert!(check_record(&expected, size, theirs(root), index, theirs(leaf)).is_ok());
        prop_assert!(!check_inclusion(Hash::leaf(b"another"), index, size, root, &ours));
        prop_assert!(!check_inclusion(leaf, index, size, Hash::empty(), &ours));
        prop_assert!(!check_inclusion(leaf, size, size, root, &ours));
        for n in 0..ours.len() {
            let mut short = ours.clone();
            short.remove(n);
            prop_assert!(!check_inclusion(leaf, index, size, root, &short));
        }
        let long = [ours, vec![root]].concat();
        prop_assert!(!check_inclusion(leaf, index, size, root, &long));
    }

    #[test]
    fn consistency_proofs_agree(size in 1..600_u64, old in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()) {
        let old = old.index(size as usize) as u64 + 1;
        let (before, after) = ((old, tree(old).root()), (size, tree(size).root()));
        let stored = stored(size);
        let expected = prove_tree(size, old, &stored).unwrap();
        let ours = proof(Prover::consistency(old, size, &Frontier::default()).unwrap(), 0, size);
        prop_assert_eq!(ours.iter().map(|h| h.0).collect::<Vec<_>>(), expected.iter().map(|h| h.0).collect::<Vec<_>>());

        // From what retention left it is the same proof, where there is one.
        let floor = cut.index(size as usize) as u64;
        if let Ok(prover) = Prover::consistency(old, size, &tree(floor)) {
            prop_assert_eq!(&proof(prover, floor, size), &ours);
        } else {
            prop_assert!(old < floor);
        }

        prop_assert!(check_consistency(before, after, &ours));
        prop_assert!(check_tree(&expected, size, theirs(after.1), old, theirs(before.1)).is_ok());
        prop_assert!(!check_consistency((old, Hash::leaf(b"")), after, &ours));
        prop_assert!(!check_consistency(before, (size, Hash::leaf(b"")), &ours));
        prop_assert!(!check_consistency((size + 1, after.1), after, &ours));
        let long = [ours, vec![after.1]].concat();
        prop_assert!(!check_consistency(before, after, &long));
    }
}
