//! `POST /api/collect`: what the script reports. The answer comes when it is on
//! disk; what is not ours to count is taken and dropped, as the header says.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_ENCODING, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};
use systemprompt_domain::Clock;
use systemprompt_domain::web::{Engagement, PageView, Source, WebEvent};
use systemprompt_web::beacon::{self, Beacon, BeaconError};
use systemprompt_web::{Page, page};
use uuid::Uuid;

use super::{Refusal, Web};
use crate::door::body::{self, Fault};
use crate::door::client::{ClientAddress, ViaProxy};

/// Events that were taken and do not count: their site is not one of ours.
const DROPPED: HeaderName = HeaderName::from_static("x-systemprompt-dropped");

/// Lets pages of our sites read the answer.
pub(super) async fn allow(State(web): State<Web>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let allowed = origin.filter(|origin| {
        let text = origin.to_str().unwrap_or_default();
        web.0.sites.allows(text, request.headers())
    });
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("origin"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

pub(super) async fn preflight() -> impl IntoResponse {
    let allowed = [
        (ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, allowed)
}

pub(super) async fn take(
    State(web): State<Web>,
    Extension(client): Extension<ClientAddress>,
    Extension(proxied): Extension<ViaProxy>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    if !web.0.limiter.admits(client.0, Instant::now()) {
        return Err(Refusal::TooMany);
    }
    if headers.contains_key(CONTENT_ENCODING) {
        let message = "send reports without content-encoding".to_owned();
        return Err(Refusal::Bad(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let body = body::read(&headers, body, beacon::BODY as u64, web.0.body_idle)
        .await
        .map_err(|fault| Refusal::Bad(status_of(fault), fault.to_string()))?;
    let beacons = beacon::parse(&body).map_err(|error| refused(&error))?;
    let sent = beacons.len();
    let site = site_of(&beacons, &headers).filter(|site| web.0.sites.counts(site, &headers));
    let mut taken = 0;
    if let Some(site) = site {
        let now = Clock::System.now();
        let mut visit = web
            .0
            .visit(site, Source::Tracker, &headers, client, proxied, now);
        for beacon in beacons {
            let language = beacon.language.clone();
            visit.automated |= beacon.automated;
            visit.screen = visit.screen.or(beacon.screen);
            if let Some(event) = event(beacon, &visit.site) {
                visit.events.push(event);
                taken += 1;
                if let Some(language) = language {
                    visit.language = language;
                }
            }
        }
        if taken > 0 {
            web.record(vec![visit], body.len()).await?;
        }
    }
    let dropped = (sent - taken > 0).then(|| [(DROPPED, (sent - taken).to_string())]);
    let receipt = axum::Json(serde_json::json!({ "accepted": taken }));
    Ok(match dropped {
        Some(dropped) => (StatusCode::ACCEPTED, dropped, receipt).into_response(),
        None => (StatusCode::ACCEPTED, receipt).into_response(),
    })
}

/// The site that a body is about: that of its first address, else the page's
/// origin.
fn site_of(beacons: &[Beacon], headers: &HeaderMap) -> Option<String> {
    let urls = beacons.iter().filter_map(|beacon| beacon.url.as_deref());
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    urls.chain(origin).find_map(page::host_of)
}

/// What is stored of a report; nothing of another site's.
fn event(beacon: Beacon, site: &str) -> Option<WebEvent> {
    let url = beacon.url.as_deref().unwrap_or_default();
    if !url.is_empty() && page::host_of(url).as_deref() != Some(site) {
        return None;
    }
    let Page { path, .. } = Page::parse(url);
    let page_view = page_view(&beacon.page_view, site);
    if beacon.is_view() {
        let (_, query) = url.split_once('?').unwrap_or_default();
        return Some(WebEvent::View(PageView {
            id: page_view,
            path,
            query: query.split('#').next().unwrap_or_default().to_owned(),
            referrer: beacon.referrer.unwrap_or_default(),
            title: beacon.title.unwrap_or_default(),
        }));
    }
    let outbound = beacon.outbound.into_iter().next();
    Some(WebEvent::Engagement(Engagement {
        page_view,
        seq: beacon.sequence,
        path,
        engaged_ms: beacon.engaged_ms,
        max_scroll: beacon.scroll,
        clicks: beacon.clicks.into(),
        key_event: beacon.key_event,
        outbound: outbound.map(|link| link.split(['?', '#']).next().unwrap_or_default().to_owned()),
    }))
}

/// A page view's own name as an id. Names of different sites are different ids.
fn page_view(name: &str, site: &str) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    hash.update([0]);
    hash.update(site.as_bytes());
    let digest = hash.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

const fn status_of(fault: Fault) -> StatusCode {
    match fault {
        Fault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Fault::Stalled => StatusCode::REQUEST_TIMEOUT,
        Fault::Cut => StatusCode::BAD_REQUEST,
    }
}

fn refused(error: &BeaconError) -> Refusal {
    let status = match error {
        BeaconError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    Refusal::Bad(status, error.to_string())
}
