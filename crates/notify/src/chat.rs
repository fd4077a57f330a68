//! Messages to Discord and Slack through the address of an incoming web hook.
//! Names in them come from users: they format nothing and mention nobody.

use reqwest::{Client, Url};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::channels::Channel;
use crate::error::SendError;
use crate::escape;
use crate::http::{self, Hook};
use crate::message::{Message, WHERE_TO_LOOK};
use crate::notice::Told;

pub(crate) const DISCORD_KEY: &str = "notifications.discord.webhook_url";
pub(crate) const SLACK_KEY: &str = "notifications.slack.webhook_url";

const DISCORD: Hook = Hook {
    channel: Channel::Discord,
    key: DISCORD_KEY,
    explain: |body| {
        let body: Value = serde_json::from_slice(body).ok()?;
        Some(escape::one_line(body["message"].as_str()?))
    },
    wait: |body| {
        let body: Value = serde_json::from_slice(body).ok()?;
        body["retry_after"].as_f64()
    },
};

/// Slack explains itself in one word, such as `no_service`.
const SLACK: Hook = Hook {
    channel: Channel::Slack,
    key: SLACK_KEY,
    explain: |body| {
        let word = str::from_utf8(body).ok()?.trim();
        let is_word = word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        (is_word && (1..=64).contains(&word.len())).then(|| word.to_owned())
    },
    wait: |_| None,
};

pub(crate) async fn discord(
    client: &Client,
    url: &Url,
    message: Told<'_>,
) -> Result<(), SendError> {
    let mut url = url.clone();
    // Without it Discord accepts even what it then fails to post.
    url.query_pairs_mut().append_pair("wait", "true");
    let body = match message {
        Told::Alert(message) => discord_body(message),
        Told::Notice(notice) => notice.discord(),
    };
    let body = body.to_string();
    http::send(&DISCORD, http::post(client, url, body)).await
}

pub(crate) async fn slack(client: &Client, url: &Url, message: Told<'_>) -> Result<(), SendError> {
    let body = slack_body(&message).to_string();
    http::send(&SLACK, http::post(client, url.clone(), body)).await
}

/// Names are cut to a line each, which keeps all of it far below Discord's
/// limits (2,000 characters of content, 25 fields of 1,024).
fn discord_body(message: &Message) -> Value {
    let color = match message {
        _ if message.is_test() => 0x95_a5_a6,
        _ if message.is_over() => 0xd9_53_4f,
        _ => 0xf0_ad_4e,
    };
    let fields: Vec<_> = message
        .facts()
        .into_iter()
        .map(|(name, value)| json!({ "name": name, "value": escape::discord(&value) }))
        .collect();
    json!({
        "content": escape::discord(&message.subject()),
        "embeds": [{
            "description": format!("{}\n\n{WHERE_TO_LOOK}", message.consequence()),
            "color": color,
            "fields": fields,
            "timestamp": message.at.format(&Rfc3339).ok(),
        }],
        "allowed_mentions": { "parse": [] },
    })
}

/// `text` is what notifications show, the block what the channel shows. Plain
/// text knows no marks but those that are escaped.
fn slack_body(message: &Told<'_>) -> Value {
    json!({
        "text": escape::slack(&message.subject()),
        "blocks": [{
            "type": "section",
            "text": {
                "type": "plain_text",
                "text": fitting(escape::slack(&message.text())),
                "emoji": false,
            },
        }],
        "link_names": false,
        "parse": "none",
        "unfurl_links": false,
    })
}

/// A block of Slack's takes 3,000 characters.
fn fitting(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(2_900) {
        text.truncate(end);
        text.push('…');
    }
    text
}
