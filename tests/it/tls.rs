//! Encrypted connections: who does not speak TLS gets nothing, and a certificate
//! that is renewed is taken over without a restart.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::Signal;
use serde_json::json;
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::db::TestDb;
use systemprompt_testkit::faults::command;
use systemprompt_testkit::process::ServerProcess;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const HEALTHZ: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// Writes a new certificate for this machine, and its key.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

/// A connection of somebody who trusts this certificate alone.
async fn connect(
    addr: SocketAddr,
    trusted: &CertificateDer<'static>,
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let name = "localhost".try_into().unwrap();
    let stream = TcpStream::connect(addr).await?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

async fn healthz(addr: SocketAddr, trusted: &CertificateDer<'static>) -> std::io::Result<String> {
    let mut stream = connect(addr, trusted, &[b"http/1.1"]).await?;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    stream.write_all(HEALTHZ).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

async fn until(server: &ServerProcess, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !server.stderr().contains(text) {
        assert!(Instant::now() < deadline, "{text}: {}", server.stderr());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A server with a certificate, and that.
async fn serve(
    folder: &Path,
    storage: &Path,
    db: &TestDb,
) -> (ServerProcess, CertificateDer<'static>) {
    let certificate = certify(folder);
    let mut command = command(storage, "http://127.0.0.1:9").unwrap();
    command.args(["--database-url", &db.url()]);
    command.args(["--set", "limits.downstream.header_timeout=1s"]);
    for (flag, file) in [("--tls-cert", "cert.pem"), ("--tls-key", "key.pem")] {
        command.arg(flag).arg(folder.join(file));
    }
    (ServerProcess::spawn(command).await.unwrap(), certificate)
}

#[tokio::test]
async fn who_speaks_http_2_is_answered_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let (storage, db) = (tempfile::tempdir().unwrap(), TestDb::new().await);
    let (mut server, trusted) = serve(folder.path(), storage.path(), &db).await;
    let addr = server.addr().unwrap();
    let stream = connect(addr, &trusted, &[b"h2", b"http/1.1"])
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (client, connection) =
        http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    let connection = tokio::spawn(connection);
    let get = async |path: &str, host: &str| {
        let request = Request::get(format!("https://{host}{path}")).body(Full::default());
        let answer = client.clone().send_request(request.unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, String::from_utf8_lossy(&body).into_owned())
    };
    // Several at once, also of those that the host decides about.
    let asked = tokio::join!(
        get("/healthz", "localhost"),
        get("/api/v1/analytics/overview", "localhost"),
        get("/api/v1/analytics/overview", "evil.example"),
    );
    assert_eq!(asked.0, (StatusCode::OK, "ok\n".to_owned()));
    assert_eq!(asked.1.0, StatusCode::OK, "{}", asked.1.1);
    assert_eq!(asked.2.0, StatusCode::UNAUTHORIZED, "{}", asked.2.1);
    let sent = json!({"type": "activity", "category": "prompt", "action": "executed"});
    let request = Request::post("https://localhost/api/v1/events")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(sent.to_string())));
    let answer = client.clone().send_request(request.unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    drop(answer);
    // Who asks nothing more makes room.
    let ended = tokio::time::timeout(PATIENCE, connection).await;
    assert!(ended.is_ok(), "an idle connection ends");
    server.sigterm().unwrap();
    let ended = server.wait_exit(PATIENCE).await;
    assert!(ended.unwrap().success());
    assert!(!server.stderr().contains("HTTP/2"), "{}", server.stderr());
}

#[tokio::test]
async fn requests_that_are_taken_back_in_a_flood_end_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let (storage, db) = (tempfile::tempdir().unwrap(), TestDb::new().await);
    let (mut server, trusted) = serve(folder.path(), storage.path(), &db).await;
    let addr = server.addr().unwrap();
    let mut stream = connect(addr, &trusted, &[b"h2"]).await.unwrap();
    // Preface, empty settings, and a thousand times: GET /healthz, and never mind.
    let mut flood = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for n in 0..1_000_u32 {
        let id = (2 * n + 1).to_be_bytes();
        let head = b"\x82\x87\x44\x08/healthz\x41\x09localhost";
        flood.extend([0, 0, u8::try_from(head.len()).unwrap(), 1, 5]);
        flood.extend(id);
        flood.extend(head);
        flood.extend([0, 0, 4, 3, 0]);
        flood.extend(id);
        flood.extend(8_u32.to_be_bytes());
    }
    // It may be over before all of it was sent.
    let _ = stream.write_all(&flood).await;
    let mut said = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said)).await;
    assert!(read.is_ok(), "the connection ends");
    // GOAWAY, ENHANCE_YOUR_CALM.
    let calm = said.windows(4).any(|bytes| bytes == [0, 0, 0, 11]);
    assert!(calm, "{:?}", String::from_utf8_lossy(&said));
    assert!(healthz(addr, &trusted).await.is_ok(), "others are answered");
    server.sigterm().unwrap();
    server.wait_exit(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn connections_are_encrypted_and_certificates_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let (storage, db) = (tempfile::tempdir().unwrap(), TestDb::new().await);
    let (mut server, first) = serve(folder.path(), storage.path(), &db).await;
    assert!(server.url().starts_with("https://"), "{}", server.url());
    let addr = server.addr().unwrap();
    let answer = healthz(addr, &first).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("ok\n"), "{answer}");

    // Whoever speaks plain HTTP, or nothing at all, is not answered.
    for bytes in [HEALTHZ, b"", b"\x16\x03\x01"] {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let ended = tokio::time::timeout(PATIENCE, read).await;
        assert!(ended.is_ok(), "it is not waited for: {bytes:?}");
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }

    // A certificate without its key changes nothing.
    let pem = std::fs::read(folder.path().join("cert.pem")).unwrap();
    certify(folder.path());
    std::fs::write(folder.path().join("cert.pem"), b"nothing").unwrap();
    server.signal(Signal::HUP).unwrap();
    until(&server, "the certificate cannot be used").await;
    assert!(healthz(addr, &first).await.is_ok());
    std::fs::write(folder.path().join("cert.pem"), &pem).unwrap();

    let second = certify(folder.path());
    server.signal(Signal::HUP).unwrap();
    until(&server, "the certificate was read again").await;
    assert!(healthz(addr, &second).await.is_ok());
    assert!(healthz(addr, &first).await.is_err(), "it is over");

    server.sigterm().unwrap();
    let ended = server.wait_exit(PATIENCE).await;
    assert!(ended.unwrap().success());
}
