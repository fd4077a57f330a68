//! Rows on their way into PostgreSQL by `COPY`, which takes several times as many as
//! an insert.

use std::fmt::{Display, Write as _};

use sqlx::PgConnection;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::web::rollups::Closed;

/// Rows in the text format of `COPY`.
#[derive(Default)]
struct Rows(String);

impl Rows {
    /// A value that needs no care: a number, an id, `t`.
    fn plain(&mut self, value: impl Display) {
        write!(self.0, "{value}\t").expect("text takes text");
    }

    fn optional(&mut self, value: Option<impl Display>) {
        match value {
            Some(value) => self.plain(value),
            None => self.0.push_str("\\N\t"),
        }
    }

    fn time(&mut self, at: OffsetDateTime) {
        let format = format_description!(
            "[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6][offset_hour sign:mandatory]:[offset_minute]"
        );
        let at = at
            .format(format)
            .expect("times of logs have four digits of year");
        self.plain(at);
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            self.character(c);
        }
        self.0.push('\t');
    }

    fn character(&mut self, c: char) {
        match c {
            '\\' => self.0.push_str("\\\\"),
            '\n' => self.0.push_str("\\n"),
            '\r' => self.0.push_str("\\r"),
            '\t' => self.0.push_str("\\t"),
            '\0' => self.0.push('\u{fffd}'),
            c => self.0.push(c),
        }
    }

    /// An array of texts.
    fn texts(&mut self, texts: &[String]) {
        self.0.push('{');
        for (n, text) in texts.iter().enumerate() {
            self.0.push_str(if n == 0 { "\"" } else { ",\"" });
            for c in text.chars() {
                if matches!(c, '"' | '\\') {
                    self.character('\\');
                }
                self.character(c);
            }
            self.0.push('"');
        }
        self.0.push_str("}\t");
    }

    fn json(&mut self, value: &impl serde::Serialize) {
        let json = serde_json::to_string(value).expect("facts are plain data");
        self.text(&json);
    }

    fn end(&mut self) {
        self.0.pop();
        self.0.push('\n');
    }

    async fn send(self, db: &mut PgConnection, statement: &str) -> Result<(), sqlx::Error> {
        let mut copy = db.copy_in_raw(statement).await?;
        copy.send(self.0.as_bytes()).await?;
        copy.finish().await?;
        Ok(())
    }
}

/// Stores the requests of sessions.
pub(super) async fn views(db: &mut PgConnection, closed: &[Closed]) -> Result<(), sqlx::Error> {
    let mut rows = Rows::default();
    for view in closed.iter().flat_map(|(_, views)| views) {
        rows.plain(view.id);
        rows.time(view.created_at);
        rows.plain(view.session_id);
        rows.text(&view.site);
        rows.text(&view.path);
        rows.text(&view.title);
        rows.text(&view.referrer);
        rows.text(&view.source);
        rows.plain(view.counted);
        match &view.method {
            Some(method) => rows.text(method),
            None => rows.optional(None::<&str>),
        }
        rows.optional(view.status);
        rows.plain(view.engaged_ms);
        rows.plain(view.events);
        rows.optional(view.max_scroll);
        rows.plain(view.clicks);
        rows.text(&view.pattern);
        rows.plain(view.imported);
        rows.end();
    }
    let statement = "copy page_views (id, created_at, session_id, site, path, title, referrer, source, \
                     counted, method, status, engaged_ms, events, max_scroll, clicks, pattern, imported) \
                     from stdin";
    rows.send(db, statement).await
}

/// Stores sessions.
pub(super) async fn sessions(db: &mut PgConnection, closed: &[Closed]) -> Result<(), sqlx::Error> {
    let mut rows = Rows::default();
    for (session, _) in closed {
        rows.plain(session.id);
        rows.time(session.started_at);
        rows.time(session.last_seen_at);
        rows.optional(session.visitor);
        rows.text(&session.site);
        rows.text(&session.class);
        rows.text(&session.bot_kind);
        rows.text(&session.bot_name);
        rows.text(&session.bot_operator);
        rows.plain(session.score);
        rows.json(&session.signals);
        rows.text(&session.rule_version);
        rows.text(&session.landing_page);
        rows.text(&session.exit_page);
        rows.texts(&session.path);
        rows.plain(session.pages);
        rows.plain(session.requests);
        rows.plain(session.events);
        rows.plain(session.engaged_ms);
        rows.optional(session.max_scroll);
        rows.plain(session.clicks);
        rows.text(&session.channel);
        rows.text(&session.source);
        rows.text(&session.referrer);
        rows.text(&session.campaign);
        rows.text(&session.device);
        rows.text(&session.browser);
        rows.text(&session.os);
        rows.text(&session.country);
        rows.text(&session.region);
        rows.text(&session.language);
        rows.text(&session.user_agent);
        rows.plain(session.imported);
        rows.json(&session.facts);
        rows.end();
    }
    let statement = "copy user_sessions (id, started_at, last_seen_at, visitor, site, class, bot_kind, \
                     bot_name, bot_operator, score, signals, rule_version, landing_page, exit_page, path, \
                     pages, requests, events, engaged_ms, max_scroll, clicks, channel, source, referrer, \
                     campaign, device, browser, os, country, region, language, user_agent, imported, facts) \
                     from stdin";
    rows.send(db, statement).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_log_says_stays_one_value() {
        let mut rows = Rows::default();
        rows.text("a\tb\\.\n\r\0c");
        rows.texts(&["\"{,}\\".to_owned(), "\\N".to_owned()]);
        rows.optional(None::<i16>);
        rows.time(time::macros::datetime!(2015-05-17 10:05:03.5 UTC));
        rows.end();
        assert_eq!(
            rows.0,
            "a\\tb\\\\.\\n\\r\u{fffd}c\t{\"\\\\\"{,}\\\\\\\\\",\"\\\\\\\\N\"}\t\\N\t\
             2015-05-17 10:05:03.500000+00:00\n"
        );
    }
}
