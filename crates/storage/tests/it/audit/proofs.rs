//! Proofs and exports: what others get, and can check without us.

use systemprompt_audit::{Frontier, Hash, Keys};
use systemprompt_storage::audit::{AnchorFile, ProveError, Wanted, checkpoint, export, prove};
use systemprompt_testkit::db::TestDb;
use time::OffsetDateTime;

use super::{assert_sound, record};

#[tokio::test]
async fn every_event_is_proved_by_its_number_and_its_id() {
    let db = TestDb::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let keys = db.audit_keys();
    let key = keys.public();
    for n in 0..13 {
        record(db.pool(), &format!("agent-{n}"), "ada").await;
    }
    let proved = prove(db.pool(), key, "3", |_, _| {}).await;
    assert!(
        matches!(proved, Err(ProveError::Uncovered(3))),
        "{proved:?}"
    );
    let anchor = AnchorFile::new(folder.path().join("anchor"));
    let made = checkpoint(db.pool(), &keys, &anchor).await.expect("made");
    assert!(made.is_some());
    record(db.pool(), "later", "ada").await;

    let rows: Vec<(i64, String, String)> =
        sqlx::query_as("select seq, id::text, body from audit_events order by seq")
            .fetch_all(db.pool())
            .await
            .expect("read");
    for (seq, id, body) in &rows[..13] {
        let proof = prove(db.pool(), key, &seq.to_string(), |_, _| {})
            .await
            .expect("proved");
        assert_eq!((proof.event.as_str(), proof.size), (body.as_str(), 13));
        proof.check(key).expect("it proves the event");
        let by_id = prove(db.pool(), key, id, |_, _| {})
            .await
            .expect("found by its id");
        assert_eq!(by_id, proof);
        // Nothing of it can be changed.
        let mut other = proof.clone();
        other.event = other.event.replace("ada", "bob").replace("agent", "egant");
        assert!(other.check(key).is_err());
        other = proof.clone();
        other.index += 1;
        assert!(other.check(key).is_err());
        other = proof.clone();
        other.inclusion.reverse();
        other.inclusion.push(Hash::empty().to_string());
        assert!(other.check(key).is_err());
        assert!(proof.check(Keys::generate().public()).is_err());
    }
    for unknown in ["14", "nothing", "01935e8d-7c2a-7bbb-8000-0123456789ab"] {
        let proved = prove(db.pool(), key, unknown, |_, _| {}).await;
        assert!(
            matches!(proved, Err(ProveError::Unknown(_))),
            "{unknown}: {proved:?}"
        );
    }
    let before = prove(db.pool(), key, "-3", |_, _| {}).await;
    assert!(matches!(before, Err(ProveError::Before(-3))), "{before:?}");
}

#[tokio::test]
async fn an_export_is_the_leaves_of_the_tree_and_an_event_itself() {
    let db = TestDb::new().await;
    for n in 0..7 {
        record(db.pool(), &format!("agent-{n}"), "ada").await;
    }
    let wanted = |from, until| Wanted {
        from,
        until,
        by: "cli",
        now: OffsetDateTime::now_utc(),
    };
    let (mut out, mut told) = (Vec::new(), Vec::new());
    let progress = |done, of| told.push((done, of));
    let exported = export(db.pool(), wanted(0, None), &mut out, progress).await;
    assert_eq!(exported.expect("exported").events, 7);
    assert_eq!((told.first(), told.last()), (Some(&(1, 7)), Some(&(7, 7))));
    let summary = assert_sound(&db).await;
    assert_eq!(summary.size, 8, "the export is recorded");
    let mut part = Vec::new();
    let rest = export(db.pool(), wanted(7, Some(8)), &mut part, |_, _| {}).await;
    assert_eq!(rest.expect("exported").events, 1);
    out.append(&mut part);
    let text = String::from_utf8(out).expect("text");
    let mut tree = Frontier::default();
    for line in text.lines() {
        tree.push(Hash::leaf(line.as_bytes()));
    }
    assert_eq!(tree.root(), summary.root);
    assert!(!text.contains("\"ada\""), "people are not named");
}
