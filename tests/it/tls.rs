//! Encrypted connections: who does not speak TLS gets nothing, and a certificate
//! that is renewed is taken over without a restart.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
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
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = "localhost".try_into().unwrap();
    let stream = TcpStream::connect(addr).await?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

async fn healthz(addr: SocketAddr, trusted: &CertificateDer<'static>) -> std::io::Result<String> {
    let mut stream = connect(addr, trusted).await?;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    stream.write_all(HEALTHZ).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

async fn until(server: &ServerProcess, text: &str) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !server.stderr().contains(text) {
        assert!(Instant::now() < deadline, "{text}: {}", server.stderr());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn connections_are_encrypted_and_certificates_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let (storage, db) = (tempfile::tempdir().unwrap(), TestDb::new().await);
    let first = certify(folder.path());
    let mut command = command(storage.path(), "http://127.0.0.1:9").unwrap();
    command.args(["--database-url", &db.url()]);
    command.args(["--set", "limits.downstream.header_timeout=1s"]);
    for (flag, file) in [("--tls-cert", "cert.pem"), ("--tls-key", "key.pem")] {
        command.arg(flag).arg(folder.path().join(file));
    }
    let mut server = ServerProcess::spawn(command).await.unwrap();
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
        let ended = tokio::time::timeout(Duration::from_secs(10), read).await;
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
    let ended = server.wait_exit(Duration::from_secs(20)).await;
    assert!(ended.unwrap().success());
}
