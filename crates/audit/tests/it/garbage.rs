//! Whatever is put into the database or a file, nothing panics.

use proptest::prelude::*;
use systemprompt_audit::{
    Anchor, Checkpoint, Floor, Frontier, Hash, Head, Keys, PublicKey, Row, Verifier, canon,
    check_consistency, check_inclusion,
};

use crate::log::{Log, rng};

/// Bytes as a driver gives them: text, but any.
fn any_text() -> impl Strategy<Value = String> {
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    prop_oneof![
        any::<String>(),
        bytes.prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        "[-—+ \n0-9A-Za-z/=]{0,200}",
        "[\\[\\]{}:,\" 0-9a-z.\\\\-]{0,200}",
    ]
}

fn any_hashes() -> impl Strategy<Value = Vec<Hash>> {
    prop::collection::vec(any::<[u8; 32]>().prop_map(Hash), 0..70)
}

/// `text` with a piece put in somewhere, or a piece taken out.
fn damage(text: &str, at: prop::sample::Index, piece: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = at.index(chars.len() + 1);
    let taken = (at + piece.len() % 4).min(chars.len());
    let (before, after) = (&chars[..at], &chars[taken..]);
    before
        .iter()
        .copied()
        .chain(piece.chars())
        .chain(after.iter().copied())
        .collect()
}

proptest! {
    #[test]
    fn parsers_take_any_text(text in any_text(), at in any::<prop::sample::Index>()) {
        let keys = Keys::generate();
        let note = Checkpoint::sign(&keys, &Frontier::default());
        let damaged = damage(&note, at, &text);
        for note in [text.as_str(), damaged.as_str()] {
            let opened = Checkpoint::open(note, keys.public());
            prop_assert!(opened.is_err() || note == damaged.as_str());
            if let Some(anchor) = Anchor::of(note) {
                prop_assert_eq!(anchor.to_string().parse(), Ok(anchor));
            }
        }
        if let Ok(anchor) = text.parse::<Anchor>() {
            prop_assert_eq!(anchor.to_string(), text.clone());
        }
        let public = damage(&keys.public().to_string(), at, &text);
        if let Ok(key) = public.parse::<PublicKey>() {
            prop_assert_eq!(key.to_string(), public.trim_end());
        }
        prop_assert!(text.parse::<Keys>().is_err());
        if let Some(value) = canon::read(&text) {
            prop_assert_eq!(canon::text(&value), text);
        }
    }

    #[test]
    fn verifiers_take_any_row(seq in any::<u64>(), texts in prop::collection::vec(any_text(), 6), at in any::<prop::sample::Index>()) {
        let log = Log::random(&mut rng(1), false);
        let mut columns = log.rows[0].columns.event();
        (columns.category, columns.event) = (&texts[0], &texts[1]);
        columns.user = Some(&texts[2]);
        columns.detail = Some(&texts[3]);
        let damaged = damage(&log.rows[0].body, at, &texts[4]);
        for (seq, body) in [(0, texts[5].as_str()), (0, &damaged), (seq, &texts[5])] {
            let mut verifier = Verifier::new(&log.keys, log.head.as_ref()).unwrap();
            let _ = verifier.row(&Row { seq, body, columns });
            let _ = verifier.row(&Row { seq: 1, body, columns });
            prop_assert!(verifier.finish().is_err());
        }
    }

    #[test]
    fn verifiers_take_any_head_and_floor(size in any::<u64>(), hashes in any_hashes(), note in any_text(), mac in prop::collection::vec(any::<u8>(), 0..40)) {
        let keys = Keys::generate();
        let frontier = hashes.clone();
        let head = Head { log: keys.log(), size, frontier, mac };
        prop_assert!(Verifier::new(&keys, Some(&head)).is_err());
        let (head, fitting) = (Head::seal(&keys, &Frontier::default()), hashes.iter().cycle());
        let fitting = fitting.take(size.count_ones() as usize).copied().collect();
        for hashes in [hashes.clone(), fitting] {
            let mut verifier = Verifier::new(&keys, Some(&head)).unwrap();
            let checkpoint = Some((hashes, note.clone()));
            let floor = Floor { size, checkpoint };
            prop_assert!(verifier.floor(floor).is_err());
            prop_assert!(verifier.checkpoint(size, &note).is_err());
            prop_assert!(verifier.anchor(&note).is_err());
        }
    }

    #[test]
    fn proofs_take_anything(a in any::<u64>(), b in any::<u64>(), hashes in any_hashes()) {
        let hash = Hash::leaf(b"");
        prop_assert!(!check_inclusion(hash, a, b, Hash::empty(), &hashes));
        prop_assert!(!check_consistency((a, hash), (b, Hash::empty()), &hashes));
    }
}
