//! Bodies that are too much: refused so that their sender hears it, and never held whole.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use systemprompt_testkit::PATIENCE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{EVENTS, MIB, exchange, grew_little, head, is_alive, peak, rest, status};
use crate::system::{MESSAGES, System};

/// Sends a chunked body of this many MiB as far as it is taken.
async fn pour(system: &System, path: &str, more: &str, mib: usize) -> String {
    let mut stream = TcpStream::connect(system.addr).await.unwrap();
    let head = head(path, &format!("{more}transfer-encoding: chunked\r\n"));
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut from, mut to) = stream.split();
    let mut chunk = format!("{MIB:x}\r\n").into_bytes();
    chunk.resize(chunk.len() + MIB, b'x');
    chunk.extend(b"\r\n");
    let mut answer = Vec::new();
    let send = async {
        for _ in 0..mib {
            if to.write_all(&chunk).await.is_err() {
                return;
            }
        }
        let _ = to.write_all(b"0\r\n\r\n").await;
    };
    let read = async {
        let _ = from.read_to_end(&mut answer).await;
    };
    let both = async { tokio::join!(send, read) };
    timeout(PATIENCE, both).await.expect("it ends");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn huge_bodies_are_refused_or_streamed() {
    let system = System::start().await;
    let before = peak(&system);
    let announced = head(MESSAGES, "content-length: 209715200\r\n");
    let answer = exchange(&system, announced.as_bytes()).await;
    assert_eq!(status(&answer), "413", "{answer}");
    assert!(answer.contains("32 MiB"), "{answer}");
    let form = "content-type: application/x-www-form-urlencoded\r\nsec-fetch-site: none\r\n";
    for (path, more, expected) in [
        (MESSAGES, "", "413"),
        ("/admin/login", form, "413"),
        (EVENTS, "", "413"),
        ("/mcp", "", "413"),
        ("/nothing", "", "404"),
        ("/healthz", "", "405"),
        ("/api/v1/analytics/costs/summary", "", "405"),
    ] {
        let answer = pour(&system, path, more, 200).await;
        assert!(
            [expected, "closed"].contains(&status(&answer)),
            "{path}: {answer}"
        );
        grew_little(&system, before);
        is_alive(&system).await;
    }
}

/// Most clients send all they have before they read a word.
#[tokio::test]
async fn who_sends_too_much_hears_so() {
    let system = System::start().await;
    let form = "content-type: application/x-www-form-urlencoded\r\nsec-fetch-site: none\r\n";
    for (path, more, expected) in [
        (MESSAGES, "", "413"),
        (EVENTS, "", "413"),
        ("/mcp", "", "413"),
        ("/api/collect", "", "413"),
        ("/admin/login", form, "413"),
        ("/nothing", "", "404"),
        ("/healthz", "", "405"),
    ] {
        let mut stream = TcpStream::connect(system.addr).await.unwrap();
        let more = format!("{more}content-length: {}\r\n", 40 * MIB);
        stream
            .write_all(head(path, &more).as_bytes())
            .await
            .unwrap();
        for _ in 0..40 {
            let sent = stream.write_all(&vec![b'x'; MIB]).await;
            sent.unwrap_or_else(|error| panic!("{path}: {error}"));
        }
        let answer = rest(&mut stream).await;
        assert_eq!(status(&answer), expected, "{path}: {answer}");
    }
}

#[tokio::test]
async fn bombs_do_not_go_off() {
    let system = System::start().await;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![b' '; MIB];
    for _ in 0..200 {
        gzip.write_all(&zeros).unwrap();
    }
    let gzip = gzip.finish().unwrap();
    let deep = vec![b'['; 8 * MIB];
    let objects = b"{\"a\":".repeat(MIB);
    let form = "content-type: application/x-www-form-urlencoded\r\nsec-fetch-site: none\r\n";
    let before = peak(&system);
    for (path, more, body) in [
        (MESSAGES, "content-encoding: gzip\r\n", &gzip),
        (
            "/admin/login",
            &format!("{form}content-encoding: gzip\r\n"),
            &gzip,
        ),
        (MESSAGES, "content-type: application/json\r\n", &deep),
        (MESSAGES, "content-type: application/json\r\n", &objects),
        (EVENTS, "content-encoding: gzip\r\n", &gzip),
        (EVENTS, "", &deep[..4 * MIB].to_vec()),
        ("/mcp", "content-encoding: gzip\r\n", &gzip),
        ("/mcp", "", &deep[..MIB].to_vec()),
    ] {
        let mut bytes =
            head(path, &format!("{more}content-length: {}\r\n", body.len())).into_bytes();
        bytes.extend(body);
        let answer = exchange(&system, &bytes).await;
        // What we cannot read the provider is asked; it refuses.
        assert!(status(&answer).starts_with('4'), "{path} {more}: {answer}");
        is_alive(&system).await;
    }
    grew_little(&system, before);
}
