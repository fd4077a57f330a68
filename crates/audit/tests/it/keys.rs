//! The key file.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use systemprompt_audit::{Frontier, Head, Keys, Kind};

#[test]
fn keys_are_made_once_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys/audit");
    let made = Keys::load_or_make(&path).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    let loaded = Keys::load_or_make(&path).unwrap();
    assert_eq!(loaded.public(), made.public());
    assert_eq!(loaded.log(), made.log());
    let head = Head::seal(&made, &Frontier::default());
    assert_eq!(head.open(&loaded), Ok(Frontier::default()));
    assert!(!format!("{made:?}").contains("PRIVATE"));
}

#[test]
fn servers_that_start_together_share_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys/audit");
    let logs: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| Keys::load_or_make(&path).unwrap().log()))
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(logs.iter().all(|log| *log == logs[0]));
}

#[test]
fn what_is_wrong_with_the_file_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit");
    Keys::load_or_make(&path).unwrap();
    let sound = fs::read_to_string(&path).unwrap();
    let told = || Keys::load_or_make(&path).unwrap_err().to_string();

    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let place = path.display();
    assert_eq!(
        told(),
        format!("{place} can be read by everybody: run `chmod 600 {place}`")
    );
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let (signing, mac) = sound.split_once('\n').unwrap();
    let wrong = [
        String::new(),
        signing.to_owned(),
        format!("{mac}{signing}"),
        sound.replace("audit/0", "audit/1"),
        sound.replace("MAC+KEY+", "MAC+KEY+AAAA"),
    ];
    for text in wrong {
        fs::write(&path, text).unwrap();
        assert_eq!(
            told(),
            format!(
                "{place} is no key file of an audit log: put back the file that the server made there, from a backup"
            )
        );
    }
    fs::write(&path, b"\xff\xfe").unwrap();
    assert!(told().contains("is no key file"));
    let inside = path.join("keys");
    let error = Keys::load_or_make(&inside).unwrap_err().to_string();
    assert!(error.starts_with("the audit log's keys in "), "{error}");
}

#[test]
fn a_head_opens_with_its_own_keys_only() {
    let (keys, others) = (Keys::generate(), Keys::generate());
    let head = Head::seal(&keys, &Frontier::default());
    assert_eq!(
        head.open(&others),
        Err(Kind::OtherLog { found: keys.log() })
    );
    let renamed = Head {
        log: others.log(),
        ..head
    };
    assert_eq!(renamed.open(&others), Err(Kind::HeadForged));
}
