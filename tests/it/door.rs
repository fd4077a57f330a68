//! The server's door, with raw sockets: clients that are slow, many, huge,
//! deep or malformed get a defined answer, and memory stays where it is.

mod bodies;

use std::fs;
use std::time::{Duration, Instant};

use systemprompt_testkit::PATIENCE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::system::{MESSAGES, System};

/// How much of the server's memory an attack may take.
const GROWTH_KIB: u64 = 64 * 1024;
/// Bodies that are streamed on, not kept.
const STREAMED: &str = "/openai/v1/files";
const EVENTS: &str = "/api/v1/events";
const MIB: usize = 1 << 20;

/// The largest resident size so far, in KiB; and forgets it.
fn peak(system: &System) -> u64 {
    let pid = system.server.pid();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
    digits.parse().unwrap()
}

#[track_caller]
fn grew_little(system: &System, before: u64) {
    let after = peak(system);
    assert!(after < before + GROWTH_KIB, "from {before} to {after} KiB");
}

/// Everything that comes back until the connection closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    // A reset after the answer is an end too.
    let _ = timeout(PATIENCE, read).await.expect("it closes");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends bytes and nothing more, and reads until the connection closes.
async fn exchange(system: &System, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(system.addr).await.unwrap();
    // The server may answer and close before it has all.
    let _ = stream.write_all(bytes).await;
    rest(&mut stream).await
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("closed")
}

/// The head of a POST to this machine, to be closed after it.
fn head(path: &str, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{more}\r\n")
}

async fn is_alive(system: &System) {
    let answer = exchange(
        system,
        b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
    );
    assert_eq!(status(&answer.await), "200");
}

#[tokio::test]
async fn slow_clients_are_not_waited_for() {
    let system = System::with(&[
        "limits.downstream.header_timeout=1s",
        "limits.downstream.body_idle_timeout=1s",
    ])
    .await;
    let form = "content-type: application/x-www-form-urlencoded\r\norigin: http://localhost\r\n";
    for (bytes, expected) in [
        ("GET / HTTP/1.1\r\nhost: local".to_owned(), "closed"),
        (String::new(), "closed"),
        (
            head(MESSAGES, "content-length: 100\r\n") + "{\"model\"",
            "408",
        ),
        (
            head(MESSAGES, "transfer-encoding: chunked\r\n") + "5\r\nab",
            "408",
        ),
        (head(STREAMED, "content-length: 100\r\n") + "abc", "408"),
        (
            head("/admin/login", &format!("{form}content-length: 100\r\n")) + "name",
            "408",
        ),
        (head("/mcp", "content-length: 100\r\n") + "{", "408"),
        (
            head("/mcp", "transfer-encoding: chunked\r\n") + "5\r\n{",
            "408",
        ),
        (head(EVENTS, "content-length: 100\r\n") + "{", "408"),
    ] {
        let one = Instant::now();
        let answer = exchange(&system, bytes.as_bytes()).await;
        assert_eq!(status(&answer), expected, "{bytes}: {answer}");
        let took = one.elapsed();
        assert!(took > Duration::from_millis(900), "{bytes}: {took:?}");
        assert!(took < Duration::from_secs(8), "{bytes}: {took:?}");
    }
    is_alive(&system).await;
}

#[tokio::test]
async fn a_drip_of_header_bytes_is_too_slow() {
    let system = System::with(&["limits.downstream.header_timeout=1s"]).await;
    let mut stream = TcpStream::connect(system.addr).await.unwrap();
    let begun = Instant::now();
    let mut drip = b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: "
        .iter()
        .chain(std::iter::repeat_n(b"a", 100).flatten());
    let cut = loop {
        let Some(byte) = drip.next() else {
            break false;
        };
        if stream.write_all(&[*byte]).await.is_err() {
            break true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(cut, "the whole header, not each byte, has a second");
    assert!(begun.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn idle_connections_cost_little_and_end() {
    let system = System::with(&["limits.downstream.header_timeout=3s"]).await;
    let before = peak(&system);
    let mut idle = Vec::new();
    for _ in 0..500 {
        idle.push(TcpStream::connect(system.addr).await.unwrap());
    }
    is_alive(&system).await;
    grew_little(&system, before);
    for stream in &mut idle {
        assert_eq!(rest(stream).await, "");
    }
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_for_room() {
    let system = System::with(&[
        "limits.downstream.connections=8",
        "limits.downstream.header_timeout=2s",
    ])
    .await;
    let begun = Instant::now();
    let mut idle = Vec::new();
    for _ in 0..8 {
        idle.push(TcpStream::connect(system.addr).await.unwrap());
    }
    // They are taken in the order in which they come, and end after two seconds.
    is_alive(&system).await;
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
}

#[tokio::test]
async fn text_that_no_database_takes_is_stored_without_harm() {
    let system = System::start().await;
    for model in [
        r"a\u0000b",
        r"\ud800",
        r"\udc00\ud800",
        r"\u202eevil",
        r"\uffff",
    ] {
        let body = format!(r#"{{"model":"{model}","max_tokens":8,"messages":[]}}"#);
        let length = format!("content-length: {}\r\n", body.len());
        let answer = exchange(&system, (head(MESSAGES, &length) + &body).as_bytes()).await;
        assert!(!status(&answer).starts_with('5'), "{model}: {answer}");
    }
    assert_eq!(system.count().await.unwrap(), 5);
    // Where text is ours to keep or to ask by, it is refused or inert.
    let form = "content-type: application/x-www-form-urlencoded\r\nsec-fetch-site: none\r\n";
    for (path, more, body, expected) in [
        (
            EVENTS,
            "",
            r#"{"type":"activity","category":"prompt","action":"a\u0000b"}"#.to_owned(),
            "200",
        ),
        (
            EVENTS,
            "",
            r#"{"type":"activity","category":"prompt","action":"a","metadata":{"x":"\ud800"}}"#
                .to_owned(),
            "200",
        ),
        (EVENTS, "", "{\"type\": \"\u{0}\"}".to_owned(), "400"),
        ("/mcp", "", "{\"jsonrpc\": \"\\ud800\"}".to_owned(), "400"),
        (
            "/admin/login",
            form,
            "name=%00%ff%ed%a0%80&password=%00".to_owned(),
            "401",
        ),
    ] {
        let length = format!("{more}content-length: {}\r\n", body.len());
        let answer = exchange(&system, (head(path, &length) + &body).as_bytes()).await;
        assert_eq!(status(&answer), expected, "{path} {body:?}: {answer}");
    }
    is_alive(&system).await;
}

#[tokio::test]
async fn malformed_heads_are_refused() {
    let system = System::start().await;
    let get = |more: &str| format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{more}\r\n");
    for bytes in [
        get("x: a\0b\r\n"),
        get("x: a\rb\r\n"),
        get("x: a\n b\r\n"),
        get("x: a\r\n b\r\n"),
        get("transfer-encoding: chunked\r\n chunked\r\n"),
        get("content-length: 1\r\n 0\r\n"),
        get("x : a\r\n"),
        get(": a\r\n"),
        get("transfer-encoding: xchunked\r\n"),
        get("transfer-encoding: chunked, identity\r\n"),
        get("transfer-encoding : chunked\r\n"),
        get("content-length: 5\r\ncontent-length: 6\r\n"),
        get("content-length: +5\r\n"),
        get("content-length: 5, 6\r\n"),
        get("content-length: -1\r\n"),
        get("content-length: 99999999999999999999\r\n"),
        "GET /healthz HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n".to_owned(),
        "GET /health z HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(),
        "\0\x01\x02\r\n\r\n".to_owned(),
    ] {
        let answer = exchange(&system, bytes.as_bytes()).await;
        assert_eq!(status(&answer), "400", "{bytes:?}: {answer}");
    }
    let many: String = (0..200).map(|n| format!("x-{n}: a\r\n")).collect();
    let long = format!("x: {}\r\n", "a".repeat(MIB));
    for more in [many, long] {
        assert_eq!(
            status(&exchange(&system, get(&more).as_bytes()).await),
            "431"
        );
    }
    is_alive(&system).await;
}

#[tokio::test]
async fn no_request_is_smuggled_in_anothers_body() {
    let system = System::start().await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let both = format!(
        "POST /nothing HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\
         transfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}",
        5 + smuggled.len()
    );
    let reversed = format!(
        "POST /nothing HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\
         content-length: 4\r\n\r\n0\r\n\r\n{smuggled}"
    );
    for bytes in [both, reversed] {
        let answer = exchange(&system, bytes.as_bytes()).await;
        assert!(!answer.contains("/smuggled"), "{bytes}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{bytes}: {answer}");
    }
    // The same length twice is one length; what follows is the next request.
    let twice = "POST /nothing HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\
        content-length: 3\r\n\r\nabc\
        GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let answer = exchange(&system, twice.as_bytes()).await;
    assert!(answer.ends_with("ok\n"), "{answer}");
    // Chunks that lie about their length.
    for chunks in [
        "5\r\nabc\r\n0\r\n\r\n",
        "-1\r\nabc\r\n0\r\n\r\n",
        "zz\r\n",
        "fffffffffffffffff\r\n",
    ] {
        let bytes = head(MESSAGES, "transfer-encoding: chunked\r\n") + chunks;
        let mut stream = TcpStream::connect(system.addr).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(
            ["400", "closed"].contains(&status(&answer)),
            "{chunks:?}: {answer}"
        );
    }
    assert_eq!(system.upstream.call_count(), 0);
}

#[tokio::test]
async fn lines_and_chunks_have_one_meaning() {
    let system = System::start().await;
    // RFC 9112, 2.2: a line's end may lack its CR in a head. Nothing hides there.
    let bare = "GET /healthz HTTP/1.1\nhost: localhost\nconnection: close\n\n";
    let answer = exchange(&system, bare.as_bytes()).await;
    assert_eq!(
        (status(&answer), answer.matches("HTTP/1.1 ").count()),
        ("200", 1)
    );
    let chunked = |path: &str, chunks: &str| head(path, "transfer-encoding: chunked\r\n") + chunks;
    let body = r#"{"model":"m"}"#;
    let size = format!("{:x}", body.len());
    // Extensions of chunks mean nothing to us, and are not passed on.
    let extended = format!("{size};a=b;c=\"d\"\r\n{body}\r\n0;e\r\nx-trailer: y\r\n\r\n");
    let answer = exchange(&system, chunked(MESSAGES, &extended).as_bytes()).await;
    assert_eq!(status(&answer), "200", "{answer}");
    let call = system.upstream.calls().pop().unwrap();
    assert_eq!(call.body, body.as_bytes());
    assert!(!format!("{:?}", call.headers).contains("x-trailer"));
    let before = peak(&system);
    for chunks in [
        // A line of a chunk that ends in a bare LF, or in a bare CR.
        format!("{size}\n{body}\r\n0\r\n\r\n"),
        format!("{size}\r{body}\r\n0\r\n\r\n"),
        format!("{size};a\n{body}\r\n0\r\n\r\n"),
        // An extension without an end.
        format!("{size};{}", "a".repeat(8 * MIB)),
        format!("0\r\n{}", "x: y\r\n".repeat(MIB)),
    ] {
        let shown = &chunks[..chunks.len().min(60)];
        let mut stream = TcpStream::connect(system.addr).await.unwrap();
        let _ = stream
            .write_all(chunked(MESSAGES, &chunks).as_bytes())
            .await;
        let _ = stream.shutdown().await;
        let answer = rest(&mut stream).await;
        assert!(
            ["400", "closed"].contains(&status(&answer)),
            "{shown:?}: {answer}"
        );
    }
    grew_little(&system, before);
    assert_eq!(system.upstream.call_count(), 1);
    is_alive(&system).await;
}

#[tokio::test]
async fn no_header_is_injected() {
    let system = System::start().await;
    let body = r#"{"model":"m\r\nx-evil: 1","metadata":{"user_id":"u\r\nx-evil: 1"}}"#;
    for (path, more) in [
        ("/anthropic/v1/messages?a=%0d%0ax-evil:%201", ""),
        ("/anthropic/v1/models%0d%0ax-evil:%201", ""),
        (MESSAGES, "x-systemprompt-session: a%0d%0ax-evil: 1\r\n"),
        (MESSAGES, "x-systemprompt-agent: \u{e9}\r\n"),
        (MESSAGES, "traceparent: 00-x\tx-evil: 1\r\n"),
        (MESSAGES, "connection: x-api-key, host, x-evil\r\n"),
        ("/admin/none%0d%0ax-evil:%201", ""),
        ("/admin/login?next=//evil%0d%0ax-evil:1", ""),
        (
            "/api/v1/analytics/costs/summary?since=%0d%0ax-evil:%201",
            "",
        ),
        ("//evil/%0d%0ax-evil:%201", ""),
    ] {
        let length = format!("{more}content-length: {}\r\n", body.len());
        let answer = exchange(&system, (head(path, &length) + body).as_bytes()).await;
        let (heads, _) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let injected = heads
            .to_lowercase()
            .lines()
            .any(|line| line.starts_with("x-evil"));
        assert!(!injected, "{path} {more}: {answer}");
        assert_ne!(status(&answer), "500", "{path} {more}: {answer}");
    }
    for call in system.upstream.calls() {
        assert!(!call.headers.contains_key("x-evil"), "{:?}", call.headers);
        assert!(!call.target.contains(['\r', '\n']), "{}", call.target);
    }
    is_alive(&system).await;
}
