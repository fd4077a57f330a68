//! Sessions on their way into PostgreSQL by `COPY`.

use std::borrow::Cow;

use sqlx::PgConnection;

use crate::copy::{Json, Rows};
use crate::web::rollups::Closed;

/// About what a row takes.
const VIEW: usize = 256;
const SESSION: usize = 1_024;

/// Stores the requests of sessions.
pub(super) async fn views(db: &mut PgConnection, closed: &[Closed]) -> Result<(), sqlx::Error> {
    let n: usize = closed.iter().map(|(_, views)| views.len()).sum();
    let mut rows = Rows::with_capacity(n * VIEW);
    for view in closed.iter().flat_map(|(_, views)| views) {
        rows.begin();
        rows.value(view.id)
            .value(view.created_at)
            .value(view.session_id)
            .value(&*text(&view.site))
            .value(&*text(&view.path))
            .value(&*text(&view.title))
            .value(&*text(&view.referrer))
            .value(&*text(&view.source))
            .value(view.counted)
            .value(view.method.as_deref())
            .value(view.status)
            .value(view.engaged_ms)
            .value(view.events)
            .value(view.max_scroll)
            .value(view.clicks)
            .value(&view.pattern)
            .value(view.imported);
    }
    let statement = "copy page_views (id, created_at, session_id, site, path, title, referrer, source, \
                     counted, method, status, engaged_ms, events, max_scroll, clicks, pattern, imported) \
                     from stdin (format binary)";
    rows.send(db, statement).await
}

/// Stores sessions.
pub(super) async fn sessions(db: &mut PgConnection, closed: &[Closed]) -> Result<(), sqlx::Error> {
    let mut rows = Rows::with_capacity(closed.len() * SESSION);
    for (session, _) in closed {
        let signals = json(&session.signals);
        let facts = json(&session.facts);
        let path: Vec<String> = session.path.iter().map(|p| text(p).into_owned()).collect();
        rows.begin();
        rows.value(session.id)
            .value(session.started_at)
            .value(session.last_seen_at)
            .value(session.visitor)
            .value(&*text(&session.site))
            .value(&session.class)
            .value(&session.bot_kind)
            .value(&session.bot_name)
            .value(&session.bot_operator)
            .value(session.score)
            .value(Json(&signals))
            .value(&session.rule_version)
            .value(&*text(&session.landing_page))
            .value(&*text(&session.exit_page))
            .value(&*path)
            .value(session.pages)
            .value(session.requests)
            .value(session.events)
            .value(session.engaged_ms)
            .value(session.max_scroll)
            .value(session.clicks)
            .value(&session.channel)
            .value(&*text(&session.source))
            .value(&*text(&session.referrer))
            .value(&*text(&session.campaign))
            .value(&session.device)
            .value(&session.browser)
            .value(&session.os)
            .value(&session.country)
            .value(&session.region)
            .value(&*text(&session.language))
            .value(&*text(&session.user_agent))
            .value(session.imported)
            .value(Json(&facts));
    }
    let statement = "copy user_sessions (id, started_at, last_seen_at, visitor, site, class, bot_kind, \
                     bot_name, bot_operator, score, signals, rule_version, landing_page, exit_page, path, \
                     pages, requests, events, engaged_ms, max_scroll, clicks, channel, source, referrer, \
                     campaign, device, browser, os, country, region, language, user_agent, imported, facts) \
                     from stdin (format binary)";
    rows.send(db, statement).await
}

/// What a log said, in the text that PostgreSQL knows, which has no NUL.
fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}").into()
    } else {
        text.into()
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("facts are plain data")
}
