//! `GET /px.gif`: a view of a page without scripts. The page is the one that shows
//! the picture, or the one that `u` names.

use std::time::Instant;

use axum::extract::{Extension, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, REFERER};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use systemprompt_domain::Clock;
use systemprompt_domain::web::{PageView, Source, WebEvent};
use systemprompt_web::{Page, page};
use uuid::Uuid;

use super::client::is_prefetch;
use super::{Refusal, Web};
use crate::door::client::{ClientAddress, ViaProxy};

/// One transparent point.
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
/// The longest address that is looked at, in characters.
const ADDRESS: usize = 2_048;

pub(super) async fn serve(
    State(web): State<Web>,
    Extension(client): Extension<ClientAddress>,
    Extension(proxied): Extension<ViaProxy>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if !web.0.limiter.admits(client.0, Instant::now()) {
        return Err(Refusal::TooMany);
    }
    let named = |wanted: &str| {
        let query = query.as_deref().unwrap_or_default().as_bytes();
        let mut pairs = form_urlencoded::parse(query).take(16);
        let (_, value) = pairs.find(|(name, _)| name == wanted)?;
        Some(plain(&value))
    };
    let shown_by = headers.get(REFERER).and_then(|url| url.to_str().ok());
    let url = named("u")
        .or_else(|| shown_by.map(plain))
        .unwrap_or_default();
    let site = page::host_of(&url).filter(|site| web.0.sites.counts(site, &headers));
    if let Some(site) = site.filter(|_| !is_prefetch(&headers)) {
        let now = Clock::System.now();
        let mut visit = web
            .0
            .visit(site, Source::Pixel, &headers, client, proxied, now);
        let (_, query) = url.split_once('?').unwrap_or_default();
        visit.events.push(WebEvent::View(PageView {
            id: Uuid::now_v7(),
            path: Page::parse(&url).path,
            query: query.split('#').next().unwrap_or_default().to_owned(),
            referrer: named("r").unwrap_or_default(),
            title: named("t").unwrap_or_default(),
        }));
        web.record(vec![visit], url.len()).await?;
    }
    let headers = [
        (CONTENT_TYPE, "image/gif"),
        (CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "cross-origin",
        ),
    ];
    Ok((headers, GIF).into_response())
}

fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(ADDRESS)
        .collect()
}
