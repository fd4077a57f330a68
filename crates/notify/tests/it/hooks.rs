//! Web hooks of one's own, Discord and Slack: what arrives there, and what is
//! said when it is refused.

use std::net::TcpListener;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use systemprompt_config::{Channel as Chat, Notifications};
use systemprompt_notify::{Channel, Channels, Message, Retry, SendError};
use systemprompt_testkit::webhook::{Post, Reply, WebhookSink};
use time::OffsetDateTime;

use super::{CANARY, budget, by_webhook, hostile};

/// A receiver, and channels whose three hooks lead to it.
struct Hooks {
    sink: WebhookSink,
    channels: Channels,
}

const CHANNELS: [Channel; 3] = [Channel::Webhook, Channel::Discord, Channel::Slack];

impl Hooks {
    async fn new() -> Self {
        let sink = WebhookSink::start().await.unwrap();
        let url = sink.url(&format!("/{CANARY}?thread_id=1"));
        let chat = || {
            Some(Chat {
                webhook_url: url.as_str().into(),
            })
        };
        let settings = Notifications {
            discord: chat(),
            slack: chat(),
            ..by_webhook(&url, Some(CANARY))
        };
        let channels = Channels::new(&settings).unwrap();
        Self { sink, channels }
    }

    async fn send(&self, channel: Channel, message: &Message) -> Result<(), SendError> {
        let sent = self.channels.send(channel, message).await;
        if let Err(error) = &sent {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(CANARY), "{shown}");
        }
        sent
    }

    /// What arrives of a message.
    async fn posted(&self, channel: Channel, message: &Message) -> Post {
        self.send(channel, message).await.unwrap();
        self.sink.posts().pop().unwrap()
    }

    async fn refused(&self, channel: Channel, reply: Reply) -> SendError {
        self.sink.reply([reply]);
        self.send(channel, &budget()).await.unwrap_err()
    }
}

#[tokio::test]
async fn a_webhook_gets_the_message_signed() {
    let hooks = Hooks::new().await;
    for message in [budget(), hostile()] {
        let post = hooks.posted(Channel::Webhook, &message).await;
        assert_eq!(post.target, format!("/{CANARY}?thread_id=1"));
        assert_eq!(post.header("content-type"), "application/json");
        let mut body = post.json();
        let object = body.as_object_mut().unwrap();
        assert_eq!(object.remove("subject"), Some(message.subject().into()));
        assert_eq!(object.remove("text"), Some(message.text().into()));
        assert_eq!(serde_json::from_value::<Message>(body).unwrap(), message);

        let (at, signature) = post
            .header("x-systemprompt-signature")
            .strip_prefix("t=")
            .and_then(|rest| rest.split_once(",v1="))
            .unwrap();
        let age = OffsetDateTime::now_utc().unix_timestamp() - at.parse::<i64>().unwrap();
        assert!((0..60).contains(&age), "{age} s");
        let signature: Vec<u8> = (0..signature.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&signature[i..i + 2], 16).unwrap())
            .collect();
        let mac = |key: &str| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
            mac.update(at.as_bytes());
            mac.update(b".");
            mac.update(&post.body);
            mac
        };
        mac(CANARY).verify_slice(&signature).unwrap();
        mac("another").verify_slice(&signature).unwrap_err();
    }
}

#[tokio::test]
async fn a_webhook_without_a_key_signs_nothing() {
    let sink = WebhookSink::start().await.unwrap();
    let channels = Channels::new(&by_webhook(&sink.url("/"), None)).unwrap();
    channels.send(Channel::Webhook, &budget()).await.unwrap();
    let post = sink.posts().pop().unwrap();
    assert_eq!(post.header("x-systemprompt-signature"), "");
    assert_eq!(post.json()["alert"], "daily_cost");
}

#[tokio::test]
async fn discord_shows_the_message() {
    let hooks = Hooks::new().await;
    let post = hooks.posted(Channel::Discord, &budget()).await;
    assert_eq!(post.target, format!("/{CANARY}?thread_id=1&wait=true"));
    let body = post.json();
    assert_eq!(body["allowed_mentions"], json!({"parse": []}));
    assert_eq!(
        body["content"],
        r"systemprompt\: daily\_cost reached 80 % of $100"
    );
    let embed = &body["embeds"][0];
    assert_eq!(
        embed["fields"][0],
        json!({"name": "Measured", "value": r"$80\.12 of $100"})
    );
    assert_eq!(embed["timestamp"], "2026-11-24T14:03:20Z");
    let over = Message {
        share: 1.into(),
        ..budget()
    };
    let over = hooks.posted(Channel::Discord, &over).await.json();
    assert_ne!(over["embeds"][0]["color"], embed["color"]);
}

/// Characters as Discord may count them.
fn length(text: &Value) -> usize {
    text.as_str().unwrap().encode_utf16().count()
}

#[tokio::test]
async fn discord_takes_names_for_names() {
    let hooks = Hooks::new().await;
    let body = hooks.posted(Channel::Discord, &hostile()).await.json();
    let embed = &body["embeds"][0];
    let fields = embed["fields"].as_array().unwrap();
    assert!((1..=2_000).contains(&length(&body["content"])));
    assert!((1..=4_096).contains(&length(&embed["description"])));
    assert!((1..=25).contains(&fields.len()));
    for field in fields {
        assert!((1..=256).contains(&length(&field["name"])));
        assert!((1..=1_024).contains(&length(&field["value"])));
    }
    let values = fields.iter().map(|field| &field["value"]);
    for text in values.chain([&body["content"]]) {
        let text = text.as_str().unwrap();
        // Of the marks that format, none is left without its backslash.
        let marks = r"*_~`|<>#[]()";
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            assert!(!marks.contains(c), "{c} in {text}");
            assert_ne!(c, '\n', "{text}");
            if c == '\\' {
                rest.next();
            }
        }
        assert!(
            !text.contains("@everyone") && !text.contains("@here"),
            "{text}"
        );
        assert!(!text.contains("https:"), "{text}");
    }
}

#[tokio::test]
async fn slack_shows_the_message() {
    let hooks = Hooks::new().await;
    let body = hooks.posted(Channel::Slack, &budget()).await.json();
    assert_eq!(body["text"], budget().subject());
    let text = &body["blocks"][0]["text"];
    assert_eq!(text["type"], "plain_text");
    assert_eq!(text["text"], budget().text());

    let body = hooks.posted(Channel::Slack, &hostile()).await.json();
    let text = &body["blocks"][0]["text"]["text"];
    assert!(length(text) <= 3_000);
    for text in [text, &body["text"]] {
        let text = text.as_str().unwrap();
        assert!(!text.contains(['<', '>']), "{text}");
        assert!(!text.contains("@everyone"), "{text}");
        let entities = ["&amp;", "&lt;", "&gt;"].map(|entity| text.matches(entity).count());
        assert_eq!(text.matches('&').count(), entities.iter().sum::<usize>());
        assert!(entities[1] > 0, "{text}");
    }
}

#[tokio::test]
async fn who_is_asked_to_wait_is_told_how_long() {
    let hooks = Hooks::new().await;
    let discord = Reply::status(429).body(r#"{"message": "slow down", "retry_after": 1.3}"#);
    let error = hooks.refused(Channel::Discord, discord).await;
    assert_eq!(
        error.to_string(),
        "discord: answered 429 Too Many Requests (slow down)"
    );
    assert_eq!(error.retry(), Retry::After(Duration::from_secs(2)));
    for channel in CHANNELS {
        let busy = Reply::status(429).header("retry-after", "30");
        let error = hooks.refused(channel, busy).await;
        assert_eq!(error.retry(), Retry::After(Duration::from_secs(30)));
        let away = Reply::status(503).header("retry-after", "1e300");
        let error = hooks.refused(channel, away).await;
        assert_eq!(error.retry(), Retry::After(Duration::from_secs(86_400)));
        // And then it is taken.
        hooks.send(channel, &budget()).await.unwrap();
    }
}

#[tokio::test]
async fn a_refusal_says_whether_to_come_back() {
    let hooks = Hooks::new().await;
    // Bodies repeat what they were sent.
    let echo = |status| Reply::status(status).body(format!("Cannot POST /{CANARY}"));
    for channel in CHANNELS {
        for (status, retry) in [
            (400, Retry::Never),
            (401, Retry::Never),
            (404, Retry::Never),
            (410, Retry::Never),
            (408, Retry::Later),
            (429, Retry::Later),
            (500, Retry::Later),
            (502, Retry::Later),
        ] {
            let error = hooks.refused(channel, echo(status)).await;
            assert_eq!(error.retry(), retry, "{status}");
            assert!(error.to_string().contains(&status.to_string()), "{error}");
        }
    }
    let reply = Reply::status(404).body(r#"{"message": "Unknown Webhook", "code": 10015}"#);
    assert_eq!(
        hooks.refused(Channel::Discord, reply).await.to_string(),
        "discord: answered 404 Not Found (Unknown Webhook); check \
         notifications.discord.webhook_url"
    );
    let reply = Reply::status(403).body("action_prohibited");
    assert_eq!(
        hooks.refused(Channel::Slack, reply).await.to_string(),
        "slack: answered 403 Forbidden (action_prohibited); check \
         notifications.slack.webhook_url"
    );
    assert_eq!(
        hooks
            .refused(Channel::Webhook, Reply::status(403))
            .await
            .to_string(),
        "webhook: answered 403 Forbidden; check notifications.webhook.url"
    );
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let hooks = Hooks::new().await;
    let elsewhere = hooks.sink.url("/elsewhere");
    let moved = Reply::status(308).header("location", elsewhere);
    let error = hooks.refused(Channel::Webhook, moved).await;
    assert_eq!(error.retry(), Retry::Never);
    assert!(
        error.to_string().contains("redirects are not followed"),
        "{error}"
    );
    assert_eq!(hooks.sink.posts().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_is_away_may_come_back() {
    // Nobody listens on a port that was only just free.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let settings = by_webhook(&format!("http://u:{CANARY}@{free}/{CANARY}"), None);
    let channels = Channels::new(&settings).unwrap();
    let error = channels
        .send(Channel::Webhook, &budget())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "webhook: cannot connect: Connection refused (os error 111)"
    );
    assert_eq!(error.retry(), Retry::Later);
    assert!(!format!("{error:?}").contains(CANARY));
}
