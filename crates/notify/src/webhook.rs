//! A web hook of one's own: the message as JSON, signed.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, Url};
use serde::Serialize;
use sha2::Sha256;
use systemprompt_config::Secret;
use time::OffsetDateTime;

use crate::channels::{Channel, hook};
use crate::error::{NotifyError, SendError};
use crate::http::{self, Hook};
use crate::message::Message;
use crate::notice::{Notice, Told};

/// Says when the request was made and proves who made it:
/// `t=<seconds since 1970>,v1=<hex HMAC-SHA256 of "t.body">`.
const SIGNATURE: &str = "x-systemprompt-signature";

const KEY: &str = "notifications.webhook.url";

/// What a receiver answers is its own affair and may hold anything: not shown.
const HOOK: Hook = Hook {
    channel: Channel::Webhook,
    key: KEY,
    explain: |_| None,
    wait: |_| None,
};

/// Where messages are posted, and the key that signs them.
pub(crate) struct Webhook {
    url: Url,
    secret: Option<Secret>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    told: Fields<'a>,
    subject: String,
    text: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Fields<'a> {
    Alert(&'a Message),
    Notice(&'a Notice),
}

impl Webhook {
    pub(crate) fn new(settings: &systemprompt_config::Webhook) -> Result<Self, NotifyError> {
        Ok(Self {
            url: hook(KEY, &settings.url)?,
            secret: settings.secret.clone(),
        })
    }

    pub(crate) async fn send(&self, client: &Client, message: Told<'_>) -> Result<(), SendError> {
        let body = serde_json::to_string(&Body {
            told: match message {
                Told::Alert(message) => Fields::Alert(message),
                Told::Notice(notice) => Fields::Notice(notice),
            },
            subject: message.subject(),
            text: message.text(),
        })
        .map_err(|error| SendError::never(Channel::Webhook, error.to_string()))?;
        let mut request = http::post(client, self.url.clone(), body.clone());
        if let Some(secret) = &self.secret {
            // The time of sending, not the alert's: receivers refuse what is
            // old, and a retry is not.
            let now = OffsetDateTime::now_utc().unix_timestamp();
            request = request.header(SIGNATURE, signature(secret, now, &body));
        }
        http::send(&HOOK, request).await
    }
}

fn signature(secret: &Secret, at: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(format!("{at}.{body}").as_bytes());
    let hex: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("t={at},v1={hex}")
}
