//! A layer for tower services (axum's among them) that records every request to a
//! web site: pages, and what crawlers fetch that run no script. It never delays or
//! alters an answer; where the spool has no room, a request is not recorded.
//!
//! Who a client is says an [`Identify`], such as [`DailyVisitors`]: its address goes in
//! and a hash comes out, so that no address reaches the spool.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, HeaderMap, Request, Response, header};
use systemprompt_domain::Event;
use systemprompt_domain::web::{Headers, Hit, Source, Visit, Visitor, WebEvent};
use time::OffsetDateTime;
use tower::{Layer, Service};
use uuid::Uuid;

use crate::Recorder;

mod visitors;

pub use self::visitors::DailyVisitors;

/// The longest target and referrer that are recorded, in characters.
const TARGET: usize = 2_048;
/// The longest user agent.
const AGENT: usize = 512;
/// More than a record takes.
const ROOM: u64 = 32 * 1024;

/// A request whose client is asked for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Asked<'a> {
    /// What the service keeps with the request: the peer's address, for one.
    pub extensions: &'a Extensions,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The site: the host without `www.` and port, in lower case.
    pub site: &'a str,
    /// The user agent, as it is recorded.
    pub user_agent: &'a str,
    /// When the request came.
    pub at: OffsetDateTime,
}

/// What is known of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Its hash; `None` counts it without identity.
    pub visitor: Option<Visitor>,
    /// The country by its two letters, where it is known.
    pub country: String,
}

/// Says who clients are.
pub trait Identify: Send + Sync + 'static {
    /// Who asks. Those who send DNT or GPC are never asked for.
    fn client(&self, asked: Asked<'_>) -> Client;
}

impl<F: Fn(Asked<'_>) -> Client + Send + Sync + 'static> Identify for F {
    fn client(&self, asked: Asked<'_>) -> Client {
        self(asked)
    }
}

/// Records every request that is answered.
#[derive(Clone)]
pub struct PageViewLayer {
    recorder: Recorder,
    identify: Arc<dyn Identify>,
}

impl std::fmt::Debug for PageViewLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PageViewLayer").finish_non_exhaustive()
    }
}

impl PageViewLayer {
    /// Records with `recorder`; `identify` says who clients are.
    #[must_use]
    pub fn new(recorder: Recorder, identify: impl Identify) -> Self {
        Self {
            recorder,
            identify: Arc::new(identify),
        }
    }

    /// What is recorded of a request, before its answer is known; nothing of one
    /// that names no host, nor of what is fetched in case somebody wants it.
    fn visit<B>(&self, request: &Request<B>) -> Option<Visit> {
        let headers = request.headers();
        let prefetched = ["sec-purpose", "purpose"]
            .into_iter()
            .any(|name| text(headers, name, TARGET).starts_with("prefetch"));
        let site = site(request).filter(|_| !prefetched)?;
        let at = OffsetDateTime::now_utc();
        let user_agent = text(headers, header::USER_AGENT.as_str(), AGENT);
        let known = self.identify.client(Asked {
            extensions: request.extensions(),
            headers,
            site: &site,
            user_agent: &user_agent,
            at,
        });
        let unasked = ["dnt", "sec-gpc"]
            .into_iter()
            .all(|name| text(headers, name, 8) != "1");
        let has = |name: &str| headers.contains_key(name);
        let target = request
            .uri()
            .path_and_query()
            .map_or("/", |target| target.as_str());
        Some(Visit {
            at,
            by_address: site.parse::<std::net::IpAddr>().is_ok(),
            site,
            source: Source::Server,
            visitor: known.visitor.filter(|_| unasked),
            language: String::new(),
            country: known.country,
            region: String::new(),
            headers: Some(Headers {
                https: text(headers, "x-forwarded-proto", 8) == "https",
                accept_language: has("accept-language"),
                accept: has("accept"),
                gzip: text(headers, "accept-encoding", AGENT).contains("gzip"),
                sec_fetch: has("sec-fetch-site"),
                client_hints: has("sec-ch-ua"),
                navigating_beacon: false,
            }),
            hints: systemprompt_domain::web::Hints {
                brands: text(headers, "sec-ch-ua", AGENT),
                mobile: text(headers, "sec-ch-ua-mobile", 8),
                platform: text(headers, "sec-ch-ua-platform", 64),
            },
            screen: None,
            automated: false,
            user_agent,
            events: vec![WebEvent::Hit(Hit {
                id: Uuid::now_v7(),
                method: request.method().as_str().chars().take(16).collect(),
                target: cut(target, TARGET),
                referrer: text(headers, header::REFERER.as_str(), TARGET),
                status: 0,
            })],
        })
    }

    fn record(&self, mut visit: Visit, answered: u16) {
        for event in &mut visit.events {
            if let WebEvent::Hit(hit) = event {
                hit.status = answered;
            }
        }
        self.recorder.observe(&Event::Web(Box::new(visit)), ROOM);
    }
}

/// Text without control characters, cut to so many.
fn cut(text: &str, most: usize) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(most)
        .collect()
}

fn text(headers: &HeaderMap, name: &str, most: usize) -> String {
    let value = headers.get(name).map(|value| value.as_bytes());
    cut(&String::from_utf8_lossy(value.unwrap_or_default()), most)
}

/// The host that a request is for, as sites are called.
fn site<B>(request: &Request<B>) -> Option<String> {
    let named = request.uri().host().map(str::to_owned);
    let host = named.unwrap_or_else(|| text(request.headers(), header::HOST.as_str(), 300));
    let host = host.to_lowercase();
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => &host,
    };
    let host = host.strip_prefix("www.").unwrap_or(host);
    (!host.is_empty() && host.len() <= 253).then(|| host.to_owned())
}

impl<S> Layer<S> for PageViewLayer {
    type Service = PageViews<S>;

    fn layer(&self, inner: S) -> PageViews<S> {
        PageViews {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service whose requests are recorded.
#[derive(Clone, Debug)]
pub struct PageViews<S> {
    inner: S,
    layer: PageViewLayer,
}

impl<S, B, R> Service<Request<B>> for PageViews<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let visit = self.layer.visit(&request);
        let layer = self.layer.clone();
        let answering = self.inner.call(request);
        Box::pin(async move {
            let answer = answering.await?;
            if let Some(visit) = visit {
                layer.record(visit, answer.status().as_u16());
            }
            Ok(answer)
        })
    }
}
