//! The ways out that the profile configures.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;
use serde::{Deserialize, Serialize};
use systemprompt_config::{Action, Notifications, Secret};

use crate::email::Mailer;
use crate::error::{NotifyError, SendError};
use crate::notice::Told;
use crate::webhook::Webhook;
use crate::{chat, http};

/// A way a message can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Mail.
    Email,
    /// A web hook of one's own.
    Webhook,
    /// A Discord channel.
    Discord,
    /// A Slack channel.
    Slack,
}

impl Channel {
    /// Every channel there is.
    pub const ALL: [Self; 4] = [Self::Email, Self::Webhook, Self::Discord, Self::Slack];

    /// The channel that an alert's action uses; `None` for actions that send
    /// nothing.
    #[must_use]
    pub const fn of(action: Action) -> Option<Self> {
        match action {
            Action::Email => Some(Self::Email),
            Action::Webhook => Some(Self::Webhook),
            Action::Discord => Some(Self::Discord),
            Action::Slack => Some(Self::Slack),
            Action::PauseRequests => None,
        }
    }

    /// The name that the profile has for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Webhook => "webhook",
            Self::Discord => "discord",
            Self::Slack => "slack",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that no channel has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown channel \"{0}\": there are email, webhook, discord and slack")]
pub struct UnknownChannel(String);

impl FromStr for Channel {
    type Err = UnknownChannel;

    fn from_str(name: &str) -> Result<Self, UnknownChannel> {
        let found = Self::ALL
            .into_iter()
            .find(|channel| channel.as_str() == name);
        found.ok_or_else(|| UnknownChannel(name.to_owned()))
    }
}

/// The channels that are configured.
pub struct Channels {
    client: reqwest::Client,
    email: Option<Mailer>,
    webhook: Option<Webhook>,
    discord: Option<Url>,
    slack: Option<Url>,
}

impl Channels {
    /// The channels of a profile. Mail without recipients is not configured.
    ///
    /// # Errors
    /// A setting that no channel can be made from: see [`NotifyError`].
    pub fn new(settings: &Notifications) -> Result<Self, NotifyError> {
        let email = settings.email.as_ref().filter(|email| !email.to.is_empty());
        let chat = |key, url: Option<&Secret>| url.map(|url| hook(key, url)).transpose();
        let discord = settings.discord.as_ref().map(|c| &c.webhook_url);
        let slack = settings.slack.as_ref().map(|c| &c.webhook_url);
        Ok(Self {
            client: http::client()?,
            email: email.map(Mailer::new).transpose()?,
            webhook: settings.webhook.as_ref().map(Webhook::new).transpose()?,
            discord: chat(chat::DISCORD_KEY, discord)?,
            slack: chat(chat::SLACK_KEY, slack)?,
        })
    }

    /// Whether messages can go this way.
    #[must_use]
    pub const fn is_configured(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.email.is_some(),
            Channel::Webhook => self.webhook.is_some(),
            Channel::Discord => self.discord.is_some(),
            Channel::Slack => self.slack.is_some(),
        }
    }

    /// Sends a message once. What is refused for now is left to the caller to
    /// send again; receivers know by the message's id that it is the same.
    ///
    /// # Errors
    /// It was not accepted, or perhaps was but the answer got lost. A channel
    /// that is not configured accepts nothing.
    pub async fn send(
        &self,
        channel: Channel,
        message: impl Into<Told<'_>>,
    ) -> Result<(), SendError> {
        let client = &self.client;
        let message = message.into();
        match channel {
            Channel::Email => match &self.email {
                Some(mailer) => mailer.send(message).await,
                None => Err(not_configured(channel)),
            },
            Channel::Webhook => match &self.webhook {
                Some(webhook) => webhook.send(client, message).await,
                None => Err(not_configured(channel)),
            },
            Channel::Discord => match &self.discord {
                Some(url) => chat::discord(client, url, message).await,
                None => Err(not_configured(channel)),
            },
            Channel::Slack => match &self.slack {
                Some(url) => chat::slack(client, url, message).await,
                None => Err(not_configured(channel)),
            },
        }
    }
}

/// Which channels there are; their settings are secrets.
impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let configured = Channel::ALL.into_iter().filter(|c| self.is_configured(*c));
        f.debug_set().entries(configured).finish()
    }
}

/// A web hook's address.
pub(crate) fn hook(key: &'static str, url: &Secret) -> Result<Url, NotifyError> {
    let url = Url::parse(url.expose()).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or(NotifyError::HookUrl { key })
}

fn not_configured(channel: Channel) -> SendError {
    let missing = match channel {
        Channel::Email => "smtp_url, from and to",
        Channel::Webhook => "url",
        Channel::Discord | Channel::Slack => "webhook_url",
    };
    let reason = format!("not configured: set notifications.{channel}.{missing}");
    SendError::never(channel, reason)
}
