//! Checkpoints and keys, as other people's code reads them.

use std::fs;

use signed_note::{Note, Signer as _, StandardSigner, StandardVerifier, VerifierList};
use systemprompt_audit::{Anchor, Checkpoint, Frontier, Hash, Keys, NoteError, PublicKey};

fn tree(size: u64) -> Frontier {
    let mut tree = Frontier::default();
    for seq in 0..size {
        tree.push(Hash::leaf(&seq.to_be_bytes()));
    }
    tree
}

#[test]
fn a_checkpoint_is_a_note_that_others_verify() {
    let keys = Keys::generate();
    for size in [0, 1, 77] {
        let note = Checkpoint::sign(&keys, &tree(size));
        let theirs = Note::from_bytes(note.as_bytes()).unwrap();
        let verifier = StandardVerifier::new(&keys.public().to_string()).unwrap();
        let known = VerifierList::new(vec![Box::new(verifier)]);
        let (verified, unverified) = theirs.verify(&known).unwrap();
        assert_eq!((verified.len(), unverified.len()), (1, 0));

        let checkpoint = tlog_tiles::Checkpoint::from_bytes(theirs.text()).unwrap();
        assert_eq!(checkpoint.origin(), keys.public().name());
        assert_eq!(checkpoint.size(), size);
        assert_eq!(checkpoint.hash().0, tree(size).root().0);
        let ours = Checkpoint::open(&note, keys.public()).unwrap();
        assert_eq!((ours.size, ours.root), (size, tree(size).root()));
    }
}

/// New keys, and a signer of the other implementation that has the same.
fn keys() -> (Keys, StandardSigner) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit");
    let keys = Keys::load_or_make(&path).unwrap();
    let file = fs::read_to_string(path).unwrap();
    let signer = StandardSigner::new(file.lines().next().unwrap()).unwrap();
    (keys, signer)
}

fn signed(text: &str, signer: &StandardSigner) -> String {
    let mut note = Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(&[signer]).unwrap();
    String::from_utf8(note.to_bytes()).unwrap()
}

#[test]
fn others_sign_the_same_note() {
    let (keys, signer) = keys();
    assert_eq!(signer.key_id(), keys.public().id());
    let note = Checkpoint::sign(&keys, &tree(77));
    let (text, _) = note.split_once("\n\n").unwrap();
    assert_eq!(signed(&format!("{text}\n"), &signer), note);
}

#[test]
fn a_note_may_carry_the_signatures_of_witnesses() {
    let (keys, _) = keys();
    let (_, witness) = self::keys();
    let note = Checkpoint::sign(&keys, &tree(9));
    let (text, _) = note.split_once("\n\n").unwrap();
    // A witness signs the same text under its own name.
    let witnessed = signed(&format!("{text}\n"), &witness);
    let (_, line) = witnessed.split_once("\n\n").unwrap();
    let first = note.replace("\n\n", &format!("\n\n{line}"));
    for both in [format!("{note}{line}"), first] {
        assert_eq!(Checkpoint::open(&both, keys.public()).unwrap().size, 9);
    }
    let alone = Checkpoint::open(&witnessed, keys.public());
    assert_eq!(alone, Err(NoteError::OtherLog));
}

#[test]
fn what_is_wrong_with_a_note_is_told() {
    let (keys, signer) = keys();
    let name = keys.public().name();
    let open = |note: &str| Checkpoint::open(note, keys.public()).unwrap_err();
    let note = Checkpoint::sign(&keys, &tree(9));
    assert_eq!(open(&note.replace("\n9\n", "\n8\n")), NoteError::Forged);

    let other = Keys::generate();
    let foreign = Checkpoint::sign(&other, &tree(9));
    assert_eq!(open(&foreign), NoteError::OtherLog);
    let renamed = foreign.replace(other.public().name(), name);
    assert_eq!(open(&renamed), NoteError::OtherKey);

    let root = tree(9).root();
    let about_another = format!("{}\n9\n{root}\n", other.public().name());
    assert_eq!(open(&signed(&about_another, &signer)), NoteError::OtherLog);

    let unreadable = [
        String::new(),
        format!("{name}\n9\n{root}\n"),
        format!("{name}\n9\n{root}\n\n"),
        note.trim_end().to_owned(),
        note.replace("— ", "- "),
        note.replace(&root.to_string(), "\u{1}"),
        signed(&format!("{name}\n09\n{root}\n"), &signer),
        signed(&format!("{name}\n+9\n{root}\n"), &signer),
        signed(&format!("{name}\n9\nAAAA\n"), &signer),
        signed(&format!("{name}\n9\n"), &signer),
        signed(&format!("{name}\n9\n{root}\nmore\n"), &signer),
    ];
    for note in unreadable {
        assert_eq!(open(&note), NoteError::Unreadable, "{note:?}");
    }
}

#[test]
fn an_anchor_is_a_checkpoint_in_one_line() {
    let (keys, _) = keys();
    let note = Checkpoint::sign(&keys, &tree(9));
    let line = Anchor::of(&note).unwrap().to_string();
    assert!(!line.contains('\n'));
    assert_eq!(line.parse::<Anchor>().unwrap().note(), note);
    for wrong in ["", "a b c", "a b c d e", "a b  d", "a\n b c d"] {
        assert_eq!(wrong.parse::<Anchor>(), Err(NoteError::Unreadable));
    }
    assert_eq!(Anchor::of("no note"), None);
}

#[test]
fn a_public_key_is_written_as_others_write_it() {
    let (keys, _) = keys();
    let text = keys.public().to_string();
    assert_eq!(text.parse::<PublicKey>().unwrap(), *keys.public());
    let (name, rest) = text.split_once('+').unwrap();
    // The id belongs to name and key.
    assert!(format!("{name}x+{rest}").parse::<PublicKey>().is_err());
}
