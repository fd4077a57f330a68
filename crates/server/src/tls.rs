//! TLS of our own: a certificate and its key, read at the start and again on
//! SIGHUP. What is spoken inside is HTTP/2 where the client can, else HTTP/1.1.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use systemprompt_config::Server;

/// What clients that speak HTTP/2 ask for.
pub(crate) const H2: &[u8] = b"h2";

/// What connections are encrypted with; `None` where the profile names no
/// certificate.
pub(crate) fn load(server: &Server) -> anyhow::Result<Option<ServerConfig>> {
    let (Some(cert), Some(key)) = (&server.tls_cert, &server.tls_key) else {
        return Ok(None);
    };
    config(cert, key).map(Some)
}

fn config(cert: &Path, key: &Path) -> anyhow::Result<ServerConfig> {
    let unread = |path: &Path| format!("cannot read {}", path.display());
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| unread(cert))?;
    anyhow::ensure!(!chain.is_empty(), "{} holds no certificate", cert.display());
    let key_der = PrivateKeyDer::from_pem_file(key).with_context(|| unread(key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)
        .with_context(|| {
            format!(
                "the certificate {} and the key {} cannot be used",
                cert.display(),
                key.display()
            )
        })?;
    config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
