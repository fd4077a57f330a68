//! The spool against a real disk: what was acknowledged is read back once and
//! in order, whatever happens in between.

use std::fs;
use std::path::Path;
use std::time::Duration;

use systemprompt_capture::{Position, Spool, SpoolError, SpoolOptions};

fn options(dir: &Path) -> SpoolOptions {
    SpoolOptions {
        dir: dir.to_owned(),
        lane: "gateway",
        cap: 8 << 20,
        segment: 1 << 20,
        keep: Duration::from_secs(3600),
    }
}

fn read_all(spool: &Spool, from: Position) -> (Vec<String>, usize, Position) {
    let mut reader = spool.reader(from);
    let (mut good, mut damaged) = (Vec::new(), 0);
    loop {
        let chunk = reader.read(1000).expect("readable");
        for record in chunk.records() {
            if record.damaged {
                damaged += 1;
            } else {
                good.push(String::from_utf8_lossy(record.payload).into_owned());
            }
        }
        if chunk.is_empty() {
            return (good, damaged, reader.position());
        }
    }
}

#[tokio::test]
async fn what_is_durable_is_read_back_after_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(options(dir.path())).expect("opens");
    let start = spool.oldest();
    for n in 0..100 {
        let ticket = spool.append(format!("record {n}").as_bytes(), true);
        assert!(spool.durable(ticket).await);
    }
    let (records, damaged, end) = read_all(&spool, start);
    assert_eq!((records.len(), damaged), (100, 0));
    let id = spool.id();
    drop(spool);

    let spool = Spool::open(options(dir.path())).expect("opens again");
    assert_eq!(spool.id(), id);
    let (records, _, _) = read_all(&spool, start);
    assert_eq!(records[99], "record 99");
    assert_eq!(
        read_all(&spool, end).0,
        Vec::<String>::new(),
        "nothing is read twice"
    );
    let ticket = spool.append(b"after", true);
    assert!(spool.durable(ticket).await);
    assert_eq!(read_all(&spool, end).0, ["after"]);
}

#[tokio::test]
async fn records_cross_segments_in_order_from_many_producers() {
    let dir = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(options(dir.path())).expect("opens");
    let start = spool.oldest();
    let producers = (0..8).map(|producer| {
        let spool = spool.clone();
        tokio::spawn(async move {
            for n in 0..60 {
                let text = format!("{producer}:{n}:{}", "x".repeat(6_000));
                let ticket = spool.append(text.as_bytes(), true);
                assert!(spool.durable(ticket).await);
            }
        })
    });
    for producer in producers.collect::<Vec<_>>() {
        producer.await.expect("runs");
    }
    let (records, damaged, end) = read_all(&spool, start);
    assert_eq!((records.len(), damaged), (480, 0));
    assert!(
        end.segment > start.segment + 1,
        "several segments were used"
    );
    for producer in 0..8 {
        let numbers = records.iter().filter_map(|r| {
            let (p, rest) = r.split_once(':')?;
            (p == producer.to_string()).then(|| rest.split_once(':').map(|(n, _)| n.to_owned()))?
        });
        assert!(
            numbers.eq((0..60).map(|n| n.to_string())),
            "in order for producer {producer}"
        );
    }
}

#[tokio::test]
async fn a_folder_has_one_holder() {
    let dir = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(options(dir.path())).expect("opens");
    assert!(matches!(
        Spool::open(options(dir.path())),
        Err(SpoolError::InUse(_))
    ));
    drop(spool);
    Spool::open(options(dir.path())).expect("free again");
}

#[tokio::test]
async fn damage_costs_the_damaged_record_only() {
    let dir = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(options(dir.path())).expect("opens");
    let start = spool.oldest();
    for n in 0..5 {
        spool.append(format!("record number {n}").as_bytes(), false);
    }
    assert!(spool.flush().await);
    drop(spool);

    let path = dir.path().join("000000000001.seg");
    let mut bytes = fs::read(&path).expect("readable");
    let at = bytes
        .windows(8)
        .position(|w| w == b"number 2")
        .expect("is there");
    bytes[at] ^= 0x20;
    // A record that was being written when the process died.
    bytes.extend_from_slice(b"\xa5SP\x01\xff\x00\x00\x00torn");
    fs::write(&path, bytes).expect("writable");

    let spool = Spool::open(options(dir.path())).expect("opens");
    let (records, damaged, _) = read_all(&spool, start);
    assert_eq!(damaged, 1);
    assert_eq!(
        records,
        [
            "record number 0",
            "record number 1",
            "record number 3",
            "record number 4"
        ]
    );
}

#[tokio::test]
async fn a_foreign_or_broken_segment_stops_the_start_with_one_sentence() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(Spool::open(options(dir.path())).expect("opens"));
    fs::write(dir.path().join("000000000001.seg"), b"garbage").expect("writable");
    let error = Spool::open(options(dir.path()))
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("000000000001.seg") && error.contains("move it away"),
        "{error}"
    );
}

#[tokio::test]
async fn a_full_spool_admits_nothing_until_something_is_stored() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = SpoolOptions {
        cap: 3 << 20,
        ..options(dir.path())
    };
    let spool = Spool::open(options).expect("opens");
    let start = spool.oldest();
    spool.committed(start);
    // Fill it with admitted work, as the gateway does.
    let mut written = 0_u64;
    let mut refused = 0;
    while refused < 40 {
        if let Some(admission) = spool.admit(64 << 10) {
            spool.append(&vec![b'x'; 60 << 10], false);
            written += 1;
            drop(admission);
            refused = 0;
        } else {
            refused += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    assert!(
        written >= 10,
        "a cap of three segments holds {written} records"
    );
    assert!(!spool.is_healthy() || spool.admit(64 << 10).is_none());
    assert!(
        spool.flush().await,
        "what was admitted can always be written"
    );
    let (records, _, end) = read_all(&spool, start);
    assert_eq!(records.len() as u64, written);

    spool.committed(end);
    tokio::time::timeout(Duration::from_secs(60), async {
        while spool.admit(64 << 10).is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("room comes back");
    assert_eq!(spool.backlog(), 0);
}

#[tokio::test]
async fn segments_that_were_prepared_and_never_used_are_no_gap() {
    let dir = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(options(dir.path())).expect("opens");
    let start = spool.oldest();
    let ticket = spool.append(b"before", true);
    assert!(spool.durable(ticket).await);
    drop(spool);
    // What a crash leaves: whole spares, and one that was being filled.
    for (number, size) in [(2, 1 << 20), (3, 4096), (4, 0)] {
        let path = dir.path().join(format!("{number:012}.seg"));
        fs::write(path, vec![0; size]).expect("writable");
    }
    let spool = Spool::open(options(dir.path())).expect("opens");
    let ticket = spool.append(b"after", true);
    assert!(spool.durable(ticket).await);
    assert_eq!(read_all(&spool, start).0, ["before", "after"]);
    drop(spool);
    let spool = Spool::open(options(dir.path())).expect("opens again");
    assert_eq!(read_all(&spool, start).0, ["before", "after"]);
}
