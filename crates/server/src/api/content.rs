//! `/api/v1/content`: which pages count as content. `POST` registers pages, `DELETE`
//! removes one. The answer comes when it is in the database.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::http::header::ALLOW;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, post};
use axum::{Json, middleware};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgPool;
use systemprompt_domain::Clock;
use systemprompt_domain::json::Object;
use systemprompt_storage::web::content::{self, NewContent, Registered, path_of};
use systemprompt_web::page::host_of;

use super::error::ApiError;
use super::events::whole;
use super::harden;
use crate::auth::Identity;

/// Pages in one body.
const MOST: usize = 5_000;
/// The longest title, in characters.
const TITLE: usize = 512;
/// The longest kind.
const KIND: usize = 64;

/// A host, with or without a port, as a regular expression.
pub(super) const HOST: &str = "^[0-9A-Za-z_-][0-9A-Za-z._-]{0,252}(:[0-9]{1,5})?$";

/// Whether a text is what [`HOST`] says: what a page's address could have there, not
/// an address of its own.
fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    (1..=253).contains(&host.len())
        && !host.starts_with('.')
        && host.bytes().all(allowed)
        && (1..=5).contains(&port.len())
        && port.bytes().all(|c| c.is_ascii_digit())
}

/// Registers and removes content.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pool: PgPool,
    /// The only site there is, for pages that name none.
    site: Option<Arc<str>>,
    /// How long a body may be silent in the middle.
    body_idle: Duration,
}

impl Content {
    /// `sites` are those of the profile.
    pub(crate) fn new(pool: PgPool, sites: &[String], body_idle: Duration) -> Self {
        let site = match sites {
            [only] if !only.contains('*') => host_of(&format!("//{only}")),
            _ => None,
        };
        Self {
            pool,
            site: site.map(Into::into),
            body_idle,
        }
    }
}

/// The route. Every request must carry an `Extension<Arc<Identity>>`. Without a
/// store analytics is off, and nothing is registered.
pub(crate) fn answer(content: Option<Content>) -> MethodRouter {
    post(register)
        .delete(remove)
        .fallback(refuse_method)
        .with_state(content)
        .layer(middleware::map_response(harden))
}

/// One page, as it is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    url: Option<String>,
    site: Option<String>,
    path: Option<String>,
    #[serde(default)]
    title: String,
    #[serde(default)]
    kind: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Items {
    Several(Vec<Object<Item>>),
    One(Object<Item>),
}

/// Text that is harmless to show, cut to so many characters.
fn plain(text: &str, most: usize) -> String {
    text.trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(most)
        .collect()
}

impl Item {
    fn read(self, own: Option<&str>) -> Result<NewContent, &'static str> {
        // Also where the address says it already: what is wrong is not passed over.
        if self.site.as_deref().is_some_and(|site| !is_host(site)) {
            return Err("site is a host, such as example.com");
        }
        let site = match (&self.url, &self.site) {
            (Some(url), _) => host_of(url),
            (None, Some(site)) => host_of(&format!("//{site}")),
            (None, None) => own.map(str::to_owned),
        };
        let site = site.ok_or("name the page by its url, or by site and path")?;
        let path = self.url.or(self.path);
        let path = path.ok_or("name the page by its url, or by site and path")?;
        Ok(NewContent {
            site,
            path: path_of(&path),
            title: plain(&self.title, TITLE),
            kind: plain(&self.kind, KIND),
        })
    }
}

fn bad(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, message.into())
}

fn off() -> ApiError {
    let message = "analytics is turned off here (analytics.enabled): nothing is registered";
    ApiError::new(StatusCode::CONFLICT, message)
}

fn by(identity: &Identity) -> Option<&str> {
    identity.user.as_deref().or(identity.token.as_deref())
}

async fn register(
    State(content): State<Option<Content>>,
    identity: Option<Extension<Arc<Identity>>>,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    // Without an identity nobody stands behind it.
    let Extension(identity) = identity.ok_or_else(ApiError::no_ingest)?;
    let content = content.ok_or_else(off)?;
    let body = whole(body, content.body_idle).await?;
    let sent: Items = serde_json::from_slice(&body)
        .map_err(|_| bad("send a page as {\"url\", \"title\", \"kind\"}, or an array of pages"))?;
    let items = match sent {
        Items::Several(items) => items,
        Items::One(item) => vec![item],
    };
    if items.len() > MOST {
        return Err(bad(format!("at most {MOST} pages are registered at once")));
    }
    let mut pages = Vec::with_capacity(items.len());
    for (n, Object(item)) in items.into_iter().enumerate() {
        let page = item.read(content.site.as_deref());
        pages.push(page.map_err(|why| bad(format!("page {}: {why}", n + 1)))?);
    }
    let now = Clock::System.now();
    let stored = content::register(&content.pool, &pages, by(&identity), now).await;
    let registered = stored.map_err(|error| ApiError::not_stored(&error))?;
    let results = pages.iter().zip(registered).map(|(page, registered)| {
        let (id, result) = match registered {
            Registered::Created(id) => (id, "created"),
            Registered::Updated(id) => (id, "updated"),
            Registered::Same(id) => (id, "same"),
        };
        json!({"id": id, "site": page.site, "path": page.path, "result": result})
    });
    Ok(Json(json!({ "results": results.collect::<Vec<_>>() })))
}

async fn remove(
    State(content): State<Option<Content>>,
    identity: Option<Extension<Arc<Identity>>>,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let Extension(identity) = identity.ok_or_else(ApiError::no_ingest)?;
    let content = content.ok_or_else(off)?;
    let body = whole(body, content.body_idle).await?;
    let Object(item): Object<Item> = serde_json::from_slice(&body)
        .map_err(|_| bad("name the page as {\"url\"}, or as {\"site\", \"path\"}"))?;
    let page = item.read(content.site.as_deref()).map_err(bad)?;
    let now = Clock::System.now();
    let gone = content::remove(&content.pool, &page.site, &page.path, by(&identity), now).await;
    if !gone.map_err(|error| ApiError::not_stored(&error))? {
        let message = format!("{}{} is no content", page.site, page.path);
        return Err(ApiError::new(StatusCode::NOT_FOUND, message));
    }
    Ok(Json(
        json!({"site": page.site, "path": page.path, "result": "removed"}),
    ))
}

async fn refuse_method() -> impl IntoResponse {
    let error = ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "content is registered with POST and removed with DELETE",
    );
    ([(ALLOW, "POST, DELETE")], error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_objects() {
        let read = |text: &str| serde_json::from_str::<Items>(text).is_ok();
        let page = r#"{"url": "https://example.com/guide", "kind": "docs"}"#;
        assert!(read(page) && read(&format!("[{page}, {page}]")) && read("[]"));
        for wrong in [
            r#"["https://example.com/guide", null, null, "Guide", "docs"]"#,
            r#"[["https://example.com/guide"]]"#,
            r#"[[]]"#,
            r#"[{"address": "https://example.com/guide"}]"#,
            "7",
        ] {
            assert!(!read(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_site_is_a_host_and_nothing_else() {
        let page = |site: &str| Item {
            url: None,
            site: Some(site.to_owned()),
            path: Some("/guide".to_owned()),
            title: String::new(),
            kind: String::new(),
        };
        for (site, host) in [
            ("example.com", "example.com"),
            ("www.Example.com", "example.com"),
            ("my_host-1.local:3000", "my_host-1.local"),
        ] {
            let read = page(site).read(None).expect(site);
            assert_eq!((read.site.as_str(), read.path.as_str()), (host, "/guide"));
        }
        for site in [
            "",
            ".",
            ".example.com",
            "example.com/guide",
            "https://example.com",
            "user@example.com",
            "example.com?x",
            "example.com:",
            "example.com:port",
            "bücher.example",
            "a b",
        ] {
            assert!(page(site).read(None).is_err(), "{site:?}");
            let mut both = page(site);
            both.url = Some("https://example.com/guide".to_owned());
            assert!(both.read(None).is_err(), "{site:?} beside an address");
        }
    }
}
