//! Messages sent for real: to a mail server and to web hooks of the test kit.
#![allow(clippy::unwrap_used)] // what fails here fails the test

mod email;
mod hooks;
mod message;
mod settings;

use systemprompt_config::{Email, Notifications, Webhook};
use systemprompt_notify::{Message, Period, Unit};
use time::macros::datetime;
use uuid::Uuid;

/// In every secret below; must never come out.
const CANARY: &str = "canary-7f3a9c";

/// Eighty dollars of a hundred.
fn budget() -> Message {
    Message {
        id: Uuid::from_u128(0x0193_5b2e_0000_7000_8000_0000_0000_0001),
        at: datetime!(2026-11-24 14:03:20 UTC),
        alert: "daily_cost".to_owned(),
        kind: "daily_cost".to_owned(),
        scope: None,
        period: Some(Period {
            since: datetime!(2026-11-23 23:00 UTC),
            until: datetime!(2026-11-24 23:00 UTC),
        }),
        share: "0.8".parse().unwrap(),
        threshold: "100.00".parse().unwrap(),
        value: "80.129999999".parse().unwrap(),
        unit: Unit::Usd,
        timezone: "Europe/Berlin".to_owned(),
        paused_until: None,
    }
}

/// A message whose every text tries to be more than a text.
fn hostile() -> Message {
    let evil = ".\r\nBcc: v@e.example\r\n@everyone @here <@1> <#2> <!channel> <https://e.example|a> \
                **b** __u__ ~~s~~ ||h|| `c`\n# h\n> q [a](https://e.example) & \u{202e}";
    Message {
        alert: evil.to_owned(),
        kind: format!("{evil}!"),
        scope: Some(format!("agent {}", evil.repeat(100))),
        timezone: evil.to_owned(),
        ..budget()
    }
}

/// Settings for a mail server.
fn by_mail(smtp_url: &str) -> Notifications {
    Notifications {
        email: Some(Email {
            smtp_url: smtp_url.into(),
            from: "Alerts <alerts@example.com>".to_owned(),
            to: vec!["team@example.com".to_owned()],
            ca_file: None,
        }),
        ..Notifications::default()
    }
}

/// Settings for a web hook of one's own.
fn by_webhook(url: &str, secret: Option<&str>) -> Notifications {
    Notifications {
        webhook: Some(Webhook {
            url: url.into(),
            secret: secret.map(Into::into),
        }),
        ..Notifications::default()
    }
}
