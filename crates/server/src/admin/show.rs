//! A page of panels: who asks, what they want to see, and everything asked at once.

use std::time::Instant;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use systemprompt_storage::users::Role;

use super::ask::Failure;
use super::frame::{self, Frame};
use super::pages::PAGES;
use super::panel::{Look, Page, Panel, named};
use super::render::{Links, Shown};
use super::view::{View, encode};
use super::{State as Shared, assets};
use crate::login::{Problem, Visitor, page as answer};

/// `GET /admin`
pub(super) async fn overview(
    State(shared): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    show(&shared, &visitor, &headers, find("", false)?, "", query).await
}

/// `GET /admin/{page}`
pub(super) async fn page(
    State(shared): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    show(&shared, &visitor, &headers, find(&slug, false)?, "", query).await
}

/// `GET /admin/{page}/{subject}`
pub(super) async fn single(
    State(shared): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
    Path((slug, subject)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    show(
        &shared,
        &visitor,
        &headers,
        find(&slug, true)?,
        &subject,
        query,
    )
    .await
}

fn find(slug: &str, single: bool) -> Result<&'static Page, Problem> {
    let mut pages = PAGES.iter();
    pages
        .find(|page| {
            page.slug == slug
                && page.single == single
                && (single || !slug.is_empty() || page.slug.is_empty())
        })
        .ok_or(Problem::Missing)
}

async fn show(
    shared: &Shared,
    visitor: &Visitor,
    headers: &HeaderMap,
    page: &'static Page,
    subject: &str,
    query: Option<String>,
) -> Result<Response, Problem> {
    let began = Instant::now();
    let inner = &*shared.admin.0;
    let session = inner.login.session(visitor).await?;
    let session = session.ok_or(Problem::SignedOut)?;
    let view = View::of(&query.unwrap_or_default());
    let links = Links::of(&view, page, subject);
    let wanted = |(n, _): &(usize, &Panel)| view.only.is_none_or(|only| only == *n);
    let panels = page.panels.iter().enumerate().filter(wanted);
    let panels = panels.map(|(index, panel)| ask(shared, panel, index, &view, subject, links));
    // All at once: the page is as slow as its slowest panel.
    let panels = join(panels.collect()).await;
    let missing = |shown: &Shown<'_>| matches!(shown.asked, Err(Failure::Missing(_)));
    let status = match page.single && panels.iter().any(missing) {
        true => StatusCode::NOT_FOUND,
        false => StatusCode::OK,
    };
    let mut body = String::new();
    if page.slug == "audit" && view.only.is_none() {
        let admin = session.role == Role::Admin;
        body.push_str(&inner.verification.panel(admin).await);
    }
    body.extend(panels.iter().map(Shown::html));
    let frame = Frame {
        title: frame::title(page, subject),
        about: page.about,
        nav: frame::nav(page.slug, &view),
        user: &session.user,
        theme: frame::theme(headers),
        demo: inner.demo,
        bar: Some(frame::bar(page, &view, links)),
        body: &body,
        script: assets::script(),
    };
    let mut response = answer(status, &frame);
    let took = format!("page;dur={:.1}", began.elapsed().as_secs_f64() * 1_000.0);
    if let Ok(took) = HeaderValue::try_from(took) {
        let name = HeaderName::from_static("server-timing");
        response.headers_mut().insert(name, took);
    }
    Ok(response)
}

/// Asks what a panel asks: its question, and beside it the period before and the
/// lines of its cards.
async fn ask<'a>(
    shared: &'a Shared,
    panel: &'a Panel,
    index: usize,
    view: &'a View,
    subject: &str,
    links: Links<'a>,
) -> Shown<'a> {
    let entry = panel.entry();
    let pages = matches!(panel.look, Look::Table { older: Some(_), .. });
    let params = view.params(entry, panel.fixed, subject, pages);
    let query = encode(&params);
    let trend = async {
        let Look::Cards { trend, .. } = panel.look else {
            return None;
        };
        let trend = Some(trend).filter(|trend| !trend.is_empty()).map(named)?;
        let query = encode(&view.params(trend, "", subject, false));
        shared.desk.ask(trend, &query).await.ok()
    };
    let (asked, trend) = tokio::join!(shared.desk.ask(entry, &query), trend);
    let mut before = None;
    if let (Look::Chart { .. }, true, Ok(answer)) = (panel.look, view.compare, &asked)
        && let Some((since, until)) = answer.period.as_ref().and_then(period_before)
    {
        let earlier = View {
            since,
            until,
            ..view.clone()
        };
        let query = encode(&earlier.params(entry, panel.fixed, subject, false));
        before = shared.desk.ask(entry, &query).await.ok();
    }
    Shown {
        panel,
        entry,
        index,
        params,
        asked,
        before,
        trend,
        links,
        now: shared.desk.now(),
        example: &shared.admin.0.example,
    }
}

/// The period of equal length before, as parameters.
fn period_before(used: &systemprompt_reporting::PeriodUsed) -> Option<(String, String)> {
    use time::format_description::well_known::Rfc3339;
    let (since, until) = (used.since.0, used.until.0);
    let before = since.checked_sub(until - since)?;
    Some((before.format(&Rfc3339).ok()?, since.format(&Rfc3339).ok()?))
}

/// Waits for all, in their order.
async fn join<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(move |cx| {
        let mut pending = false;
        for (future, done) in futures.iter_mut().zip(&mut done) {
            if done.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(value) => *done = Some(value),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        match pending {
            true => std::task::Poll::Pending,
            false => std::task::Poll::Ready(done.drain(..).flatten().collect()),
        }
    })
    .await
}
