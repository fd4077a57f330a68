//! Sessions on their way into PostgreSQL by `COPY`.

use sqlx::PgConnection;

use crate::copy::{Json, Rows, Text, Texts};
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
            .value(Text(&view.site))
            .value(Text(&view.path))
            .value(Text(&view.title))
            .value(Text(&view.referrer))
            .value(Text(&view.source))
            .value(view.counted)
            .value(view.method.as_deref().map(Text))
            .value(view.status)
            .value(view.engaged_ms)
            .value(view.events)
            .value(view.max_scroll)
            .value(view.clicks)
            .value(Text(&view.pattern))
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
        rows.begin();
        rows.value(session.id)
            .value(session.started_at)
            .value(session.last_seen_at)
            .value(session.visitor)
            .value(Text(&session.site))
            .value(Text(&session.class))
            .value(Text(&session.bot_kind))
            .value(Text(&session.bot_name))
            .value(Text(&session.bot_operator))
            .value(session.score)
            .value(Json(&signals))
            .value(Text(&session.rule_version))
            .value(Text(&session.landing_page))
            .value(Text(&session.exit_page))
            .value(Texts(&session.path))
            .value(session.pages)
            .value(session.requests)
            .value(session.events)
            .value(session.engaged_ms)
            .value(session.max_scroll)
            .value(session.clicks)
            .value(Text(&session.channel))
            .value(Text(&session.source))
            .value(Text(&session.referrer))
            .value(Text(&session.campaign))
            .value(Text(&session.device))
            .value(Text(&session.browser))
            .value(Text(&session.os))
            .value(Text(&session.country))
            .value(Text(&session.region))
            .value(Text(&session.language))
            .value(Text(&session.user_agent))
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

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("facts are plain data")
}
