//! The way to the providers: the client that goes there, and the address.

use std::sync::Arc;

use http::StatusCode;
use systemprompt_config::{Credentials, Provider, Upstream};
use systemprompt_domain::Wire;

use super::errors::GatewayError;

/// A client that changes nothing: it decodes nothing, follows no redirect and
/// tries nothing again.
pub(crate) fn client(limits: &Upstream) -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .connect_timeout(limits.connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(256)
        .no_proxy()
        .tls_backend_preconfigured(tls()?)
        .build()?)
}

/// TLS to the providers: ring, and the web's certificate authorities.
fn tls() -> anyhow::Result<rustls::ClientConfig> {
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The provider's address for a path below its name.
pub(super) fn url(
    provider: &Provider,
    path: &str,
    query: Option<&str>,
) -> Result<reqwest::Url, GatewayError> {
    let managed = matches!(provider.credentials, Credentials::Managed { .. });
    let strip = managed && provider.wire == Wire::Gemini;
    let kept = query.map(|query| {
        let pairs = query
            .split('&')
            .filter(|pair| !(strip && pair.starts_with("key=")));
        pairs.collect::<Vec<_>>().join("&")
    });
    let mut url = format!("{}{path}", provider.base_url);
    if let Some(kept) = kept.filter(|kept| !kept.is_empty()) {
        url.push('?');
        url.push_str(&kept);
    }
    url.parse().map_err(|_| {
        GatewayError::new(
            StatusCode::BAD_REQUEST,
            "bad_path",
            "this path makes no valid address upstream",
        )
    })
}
