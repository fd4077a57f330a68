//! Where the prices to compare with come from: a file, or an address.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::Client;

/// No table of prices is larger.
const MOST: usize = 32 * 1024 * 1024;
const CONNECT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(120);

/// Reads a file, or what an address answers.
///
/// # Errors
/// If it cannot be read, is too large or no text. An address is not repeated: it may
/// hold a key.
pub(super) async fn read(source: &str) -> anyhow::Result<String> {
    if source.contains("://") {
        return fetch(source).await;
    }
    let about = || format!("cannot read {source}");
    let size = tokio::fs::metadata(source).await.with_context(about)?.len();
    if size > MOST as u64 {
        bail!("{source} is larger than {MOST} bytes");
    }
    tokio::fs::read_to_string(source).await.with_context(about)
}

async fn fetch(url: &str) -> anyhow::Result<String> {
    let response = client()?.get(url).send().await;
    let mut response = response.map_err(|error| error.without_url())?;
    if !response.status().is_success() {
        bail!("the address answers {}", response.status());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| error.without_url())?
    {
        if body.len() + chunk.len() > MOST {
            bail!("the address answers more than {MOST} bytes");
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).context("the address does not answer text")
}

fn client() -> anyhow::Result<Client> {
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = Client::builder()
        .connect_timeout(CONNECT)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::limited(5))
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .user_agent(concat!("systemprompt/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls);
    client.build().context("cannot set up the HTTP client")
}
