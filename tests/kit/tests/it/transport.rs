//! How the bytes travel: framing, pieces, pauses, compression, resets.

use std::error::Error;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use hyper::Method;
use serde_json::{Value, json};

use systemprompt_testkit::PATIENCE;

use crate::client::{Answer, mock, post, send};

const MESSAGES: &str = "/v1/messages";

fn stream() -> Value {
    json!({"model": "m", "stream": true})
}

#[tokio::test]
async fn streams_are_chunked_and_plain_bodies_have_a_length() {
    let mock = mock().await;
    for (options, body, length) in [
        ("", json!({"model": "m"}), true),
        ("", stream(), false),
        ("chunked", json!({"model": "m"}), false),
        ("length", stream(), true),
    ] {
        let answer = post(&mock, MESSAGES, options, &body).await;
        assert_eq!(
            answer.headers.contains_key("content-length"),
            length,
            "{options}"
        );
        assert_eq!(
            answer.header("transfer-encoding") == "chunked",
            !length,
            "{options}"
        );
        assert!(answer.error.is_none());
    }
}

#[tokio::test]
async fn each_event_is_a_chunk_and_a_split_tears_them() {
    let mock = mock().await;
    let whole = post(&mock, MESSAGES, "", &stream()).await;
    assert_eq!(whole.frames.len(), whole.events().len());
    let torn = post(&mock, MESSAGES, "split=3", &stream()).await;
    assert!(torn.frames.len() > whole.frames.len());
    assert!(torn.frames.iter().all(|frame| frame.len() <= 96));
    let ids = ["1", "2"].map(|n| format!("mock_{n}"));
    assert_eq!(torn.text().replace(&ids[1], &ids[0]), whole.text());
}

#[tokio::test]
async fn delay_comes_before_the_head_and_slow_between_pieces() {
    let mock = mock().await;
    let started = Instant::now();
    post(&mock, MESSAGES, "delay=60", &json!({"model": "m"})).await;
    assert!(started.elapsed() >= Duration::from_millis(60));

    let started = Instant::now();
    let slow = post(&mock, MESSAGES, "slow=10", &stream()).await;
    let pauses = u32::try_from(slow.frames.len()).unwrap() - 1;
    assert!(started.elapsed() >= Duration::from_millis(10) * pauses);

    let plain = post(&mock, MESSAGES, "slow=1,chunked", &json!({"model": "m"})).await;
    assert_eq!(plain.frames.len(), 16);
}

#[tokio::test]
async fn gzip_only_where_it_is_accepted() {
    let mock = mock().await;
    let plain = post(&mock, MESSAGES, "gzip", &stream()).await;
    assert_eq!(plain.header("content-encoding"), "");

    let headers = [
        ("x-mock", "gzip,split"),
        ("accept-encoding", "br, gzip;q=0.5"),
    ];
    let packed = send(
        &mock,
        Method::POST,
        MESSAGES,
        &headers,
        stream().to_string(),
    )
    .await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    let mut text = String::new();
    GzDecoder::new(&*packed.bytes())
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text.replace("mock_2", "mock_1"), plain.text());

    // Each event can be read from its own chunk: the first one by itself.
    let headers = [("x-mock", "gzip"), ("accept-encoding", "gzip")];
    let packed = send(
        &mock,
        Method::POST,
        MESSAGES,
        &headers,
        stream().to_string(),
    )
    .await;
    let mut start = vec![0; "event: message_start".len()];
    GzDecoder::new(&*packed.frames[0])
        .read_exact(&mut start)
        .unwrap();
    assert_eq!(start, b"event: message_start");
}

/// What the system said when a body ended early.
fn cause(answer: &Answer) -> Option<io::ErrorKind> {
    let cause = answer.error.as_ref()?.source()?;
    cause.downcast_ref::<io::Error>().map(io::Error::kind)
}

#[tokio::test]
async fn a_cut_is_a_reset_after_exactly_that_many_bytes() {
    let mock = mock().await;
    for (options, body) in [
        ("cut=100", stream()),
        ("cut=100,split", stream()),
        ("cut=100", json!({"model": "m"})),
        ("cut=100,chunked", json!({"model": "m"})),
    ] {
        let answer = post(&mock, MESSAGES, options, &body).await;
        assert_eq!(answer.bytes().len(), 100, "{options}");
        assert_eq!(
            cause(&answer),
            Some(io::ErrorKind::ConnectionReset),
            "{options}"
        );
    }
    let closed = post(&mock, MESSAGES, "close=100", &stream()).await;
    assert_eq!(closed.bytes().len(), 100);
    assert_eq!(cause(&closed), Some(io::ErrorKind::UnexpectedEof));
    // Nothing of the body, but the head.
    let headless = post(&mock, MESSAGES, "cut=0", &stream()).await;
    assert_eq!((headless.status.as_u16(), headless.bytes().len()), (200, 0));
    // Past the end of the body: everything arrives but the proper end.
    let late = post(&mock, MESSAGES, "cut=1000000", &stream()).await;
    assert!(late.text().ends_with("\n\n") && late.error.is_some());
    assert!(mock.calls().iter().all(|call| !call.fully_written));
}

#[tokio::test]
async fn hangs_give_what_comes_before_them_and_then_nothing() {
    let mock = mock().await;
    let half = async |options, body: Value| {
        tokio::time::timeout(
            Duration::from_millis(150),
            post(&mock, MESSAGES, options, &body),
        )
        .await
        .is_err()
    };
    assert!(half("hang", stream()).await);
    assert!(half("hang=10", json!({"model": "m"})).await);
    assert!(half("hang-header", stream()).await);
    assert!(mock.calls().iter().all(|call| !call.fully_written));

    let mut connection = tokio::net::TcpStream::connect(mock.addr).await.unwrap();
    let body = stream().to_string();
    let request = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: m\r\nx-mock: hang=21,length\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    tokio::io::AsyncWriteExt::write_all(&mut connection, request.as_bytes())
        .await
        .unwrap();
    let mut got = Vec::new();
    let expected = b"\r\n\r\nevent: message_start\n";
    let first = async {
        while !got.ends_with(expected) {
            let read = tokio::io::AsyncReadExt::read_buf(&mut connection, &mut got);
            assert_ne!(read.await.unwrap(), 0, "{:?}", got.escape_ascii());
        }
    };
    tokio::time::timeout(PATIENCE, first).await.unwrap();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut connection, &mut got);
    assert!(
        tokio::time::timeout(Duration::from_millis(150), read)
            .await
            .is_err()
    );
    assert!(got.ends_with(expected));
}

#[tokio::test]
async fn a_client_that_leaves_is_seen_in_the_log() {
    let mock = mock().await;
    let body = stream();
    tokio::select! {
        _ = post(&mock, MESSAGES, "slow=300", &body) => panic!("it was not waited for"),
        () = async {
            while mock.calls().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        } => {}
    }
    // Longer than the answer would have taken.
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    assert!(!mock.calls()[0].fully_written);
}

#[tokio::test]
async fn stopping_closes_the_port_and_open_answers() {
    let mock = mock().await;
    let mut open = tokio::net::TcpStream::connect(mock.addr).await.unwrap();
    let addr = mock.addr;
    post(&mock, MESSAGES, "", &stream()).await;
    mock.stop().await;
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
    let mut rest = Vec::new();
    // Closed or reset: in both cases the connection is over.
    let read = tokio::io::AsyncReadExt::read_to_end(&mut open, &mut rest);
    let over = tokio::time::timeout(PATIENCE, read).await;
    assert!(over.is_ok() && rest.is_empty());
}
