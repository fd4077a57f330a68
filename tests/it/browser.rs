//! A browser as `/admin` meets it, with its one cookie, and the accounts that
//! people sign in with.

use hyper::header::{COOKIE, SET_COOKIE};
use hyper::{Method, StatusCode};
use sqlx::PgPool;
use systemprompt_storage::users::{self, NewUser, Password, Role, UserName};
use systemprompt_testkit::client::Answer;
use time::OffsetDateTime;

use crate::system::System;

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const ASK: &str = "/api/v1/analytics/costs/summary";
/// Tests come through a proxy where they need addresses of their own.
pub(crate) const PROXY: &str = "server.trusted_proxies=[127.0.0.1]";
pub(crate) const TOKENS: &str =
    "server.tokens=[{name: reader, token: reader-0123456789abcdef, scopes: [read]}]";

pub(crate) fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

pub(crate) async fn create(db: &PgPool, text: &str) {
    let name = name(text);
    let hash = Password::new(PASSWORD.to_owned(), &name).unwrap().hash();
    let new = NewUser {
        name: &name,
        role: Role::Viewer,
        password_hash: Some(&hash),
    };
    let now = OffsetDateTime::now_utc();
    users::create(db, new, "test", now).await.unwrap();
}

/// A browser with one cookie, at an address if it comes through the proxy.
pub(crate) struct Browser<'a> {
    system: &'a System,
    pub(crate) cookie: Option<String>,
    pub(crate) address: Option<&'a str>,
}

impl<'a> Browser<'a> {
    pub(crate) const fn new(system: &'a System) -> Self {
        Self {
            system,
            cookie: None,
            address: None,
        }
    }

    pub(crate) const fn at(system: &'a System, address: &'a str) -> Self {
        Self {
            system,
            cookie: None,
            address: Some(address),
        }
    }

    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let mut headers = headers.to_vec();
        headers.extend(self.address.map(|address| ("x-forwarded-for", address)));
        let cookie = self.cookie.clone();
        headers.extend(cookie.as_deref().map(|cookie| (COOKIE.as_str(), cookie)));
        let request = self.system.request(method, path, &headers, body);
        let answer = self.system.client().send(request).await.unwrap();
        if let Some(set) = answer.headers.get(SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            self.cookie = (!pair.ends_with('=')).then(|| pair.to_owned());
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], String::new()).await
    }

    /// Posts a form from one of our own pages.
    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
        ];
        self.send(Method::POST, path, &headers, encoded(form)).await
    }

    pub(crate) async fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        let form = [("name", name), ("password", password)];
        self.post("/admin/login", &form).await
    }

    pub(crate) async fn signed_in(system: &'a System, name: &str) -> Self {
        let mut browser = Self::new(system);
        let answer = browser.sign_in(name, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        browser
    }

    pub(crate) async fn is_signed_in(&mut self) -> bool {
        let answer = self.get("/admin").await;
        match answer.status {
            StatusCode::OK => true,
            StatusCode::SEE_OTHER => {
                assert_eq!(answer.header("location"), "/admin/login");
                false
            }
            other => panic!("{other}: {}", answer.text()),
        }
    }
}

/// A form's body, every byte of its values escaped.
pub(crate) fn encoded(form: &[(&str, &str)]) -> String {
    let field = |(name, value): &(&str, &str)| {
        let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        format!("{name}={value}")
    };
    form.iter().map(field).collect::<Vec<_>>().join("&")
}

pub(crate) async fn trail(system: &System, event: &'static str) -> Vec<String> {
    sqlx::query_scalar(
        "select concat_ws(' ', user_id, detail->>'reason', detail->>'network') \
         from audit_trail where event = $1 order by seq",
    )
    .bind(event)
    .fetch_all(system.db.pool())
    .await
    .unwrap()
}
