//! How alerts leave: mail servers, addresses and web hooks.

use url::Url;

use super::Checks;
use super::reach::is_this_machine;
use crate::path::{KeyPath, key_path};
use crate::profile::{Email, Notifications};
use crate::secret::Secret;

impl Checks<'_> {
    pub(super) fn notifications(&mut self, notifications: &Notifications) {
        let path = key_path!["notifications"];
        if let Some(email) = &notifications.email {
            self.email(&path.join("email"), email);
        }
        let (discord, slack) = (&notifications.discord, &notifications.slack);
        let hooks = [
            ("discord", discord.as_ref().map(|c| &c.webhook_url)),
            ("slack", slack.as_ref().map(|c| &c.webhook_url)),
        ];
        for (channel, url) in hooks {
            self.hook(&path.join(channel).join("webhook_url"), url);
        }
        if let Some(webhook) = &notifications.webhook {
            let path = path.join("webhook");
            self.hook(&path.join("url"), Some(&webhook.url));
            // An empty key signs, but anybody can do that.
            let empty = |secret: &Secret| secret.expose().is_empty();
            if webhook.secret.as_ref().is_some_and(empty) {
                self.refuse(
                    &path.join("secret"),
                    "must not be empty; leave it out instead",
                );
            }
        }
    }

    fn email(&mut self, path: &KeyPath, email: &Email) {
        let url_path = path.join("smtp_url");
        if let Some(url) = self.secret_url(&url_path, &email.smtp_url, &["smtp", "smtps"]) {
            self.smtp_url(&url_path, &url);
        }
        let to = email.to.iter().enumerate();
        let to = to.map(|(i, to)| (path.join("to").join(i), to));
        for (path, address) in std::iter::once((path.join("from"), &email.from)).chain(to) {
            if !is_mailbox(address) {
                self.refuse(&path, "must be an e-mail address");
            }
        }
    }

    fn smtp_url(&mut self, path: &KeyPath, url: &Url) {
        let tls = url.query_pairs().find(|(key, _)| key == "tls");
        let tls = tls.as_ref().map(|(_, value)| &**value);
        if !matches!(tls, None | Some("required" | "opportunistic")) {
            self.refuse(path, "has a tls that is neither required nor opportunistic");
        }
        if url.password().is_none() && !url.username().is_empty() {
            self.refuse(path, "names a user but no password");
        }
        let open = url.scheme() == "smtp" && tls != Some("required");
        if open && url.password().is_some() && !is_this_machine(url) {
            self.warn(format!(
                "{path} may send its password without encryption: use smtps://… or ?tls=required"
            ));
        }
    }

    fn hook(&mut self, path: &KeyPath, url: Option<&Secret>) {
        let url = url.and_then(|url| self.secret_url(path, url, &["http", "https"]));
        if url.is_some_and(|url| url.scheme() == "http" && !is_this_machine(&url)) {
            self.warn(format!(
                "{path} is not https: others can read it and what is sent there"
            ));
        }
    }
}

/// `user@host`, or that in angle brackets behind a name.
fn is_mailbox(text: &str) -> bool {
    let bracketed = text
        .strip_suffix('>')
        .and_then(|text| text.rsplit_once('<'));
    let address = bracketed.map_or(text, |(_, address)| address);
    let odd = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';');
    let parts = address.rsplit_once('@');
    parts.is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
        && !address.contains(odd)
        && !text.contains(char::is_control)
}
