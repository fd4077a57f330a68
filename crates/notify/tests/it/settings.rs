//! Which channels there are, and settings that make none.

use std::fs;

use systemprompt_config::{Action, Channel as Chat, Notifications};
use systemprompt_notify::{Channel, Channels, Retry};
use tempfile::TempDir;

use super::{CANARY, budget, by_mail, by_webhook};

#[test]
fn channels_are_the_actions_that_send() {
    assert_eq!(Channel::of(Action::PauseRequests), None);
    let actions = [
        Action::Email,
        Action::Webhook,
        Action::Discord,
        Action::Slack,
    ];
    assert_eq!(actions.map(Channel::of), Channel::ALL.map(Some));
    for channel in Channel::ALL {
        assert_eq!(channel.as_str().parse(), Ok(channel));
        assert_eq!(serde_json::to_value(channel).unwrap(), channel.as_str());
    }
    assert_eq!(
        "fax".parse::<Channel>().unwrap_err().to_string(),
        "unknown channel \"fax\": there are email, webhook, discord and slack"
    );
}

#[tokio::test]
async fn without_settings_nothing_is_sent() {
    let channels = Channels::new(&Notifications::default()).unwrap();
    for channel in Channel::ALL {
        assert!(!channels.is_configured(channel));
        let error = channels.send(channel, &budget()).await.unwrap_err();
        assert_eq!(error.retry(), Retry::Never);
        let says = format!("{channel}: not configured: set notifications.{channel}.");
        assert!(error.to_string().starts_with(&says), "{error}");
    }
}

#[test]
fn mail_without_recipients_is_not_configured() {
    let mut settings = by_mail("smtp://127.0.0.1");
    assert!(
        Channels::new(&settings)
            .unwrap()
            .is_configured(Channel::Email)
    );
    settings.email.as_mut().unwrap().to.clear();
    assert!(
        !Channels::new(&settings)
            .unwrap()
            .is_configured(Channel::Email)
    );
}

/// Why no channel can be made of these settings.
#[track_caller]
fn refused(settings: &Notifications) -> String {
    Channels::new(settings).unwrap_err().to_string()
}

#[test]
fn what_cannot_work_names_its_key() {
    assert_eq!(
        refused(&by_mail(&format!("pop3://{CANARY}"))),
        "notifications.email.smtp_url cannot be used; it should look like \
         smtps://user:password@host:465"
    );
    let mut settings = by_mail("smtp://127.0.0.1");
    settings
        .email
        .as_mut()
        .unwrap()
        .to
        .push("nobody".to_owned());
    assert_eq!(
        refused(&settings),
        "notifications.email.to[1] is no e-mail address"
    );
    assert_eq!(
        refused(&by_webhook(CANARY, None)),
        "notifications.webhook.url cannot be used; it should be an address that begins with https://"
    );
    let slack = Notifications {
        slack: Some(Chat {
            webhook_url: format!("ftp://{CANARY}").as_str().into(),
        }),
        ..Notifications::default()
    };
    assert_eq!(
        refused(&slack),
        "notifications.slack.webhook_url cannot be used; it should be an address that begins with https://"
    );
}

#[test]
fn authorities_must_be_there() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    let mut settings = by_mail("smtps://127.0.0.1");
    settings.email.as_mut().unwrap().ca_file = Some(file.clone());
    let shown = file.display();
    assert_eq!(
        refused(&settings),
        format!(
            "notifications.email.ca_file: cannot read {shown}: No such file or directory (os error 2)"
        )
    );
    for nonsense in [
        "",
        "hello",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        fs::write(&file, nonsense).unwrap();
        assert_eq!(
            refused(&settings),
            format!("notifications.email.ca_file: {shown} holds no PEM certificate"),
            "{nonsense}"
        );
    }
}

#[test]
fn channels_show_their_names_alone() {
    let mut settings = by_mail(&format!("smtp://u:{CANARY}@127.0.0.1"));
    settings.webhook = by_webhook(&format!("https://127.0.0.1/{CANARY}"), Some(CANARY)).webhook;
    assert_eq!(
        format!("{:?}", Channels::new(&settings).unwrap()),
        "{Email, Webhook}"
    );
}
