//! A profile as a flat list of keys: to tell which of them differ between two
//! profiles, without showing what they say.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::analytics::{Alert, AlertScope};
use crate::profile::Profile;
use crate::provider::Credentials;
use crate::secret::Secret;

/// One key of a profile and what it is set to, or defaults to.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The key with its path, as in `analytics.retention_days`. Entries of lists
    /// go by their names.
    pub key: String,
    /// What it says. It may be a secret, so it is one.
    pub value: Secret,
    /// The agent whose budget it is part of.
    pub agent: Option<String>,
}

/// What a running server takes over from a profile that it reads again; a change
/// of anything else needs a restart.
pub const RELOADED: [&str; 5] = [
    "providers",
    "analytics.alerts",
    "analytics.costs.custom_pricing",
    "notifications",
    WEB_RULES,
];

/// The tables that web traffic is judged by. They are files of their own, and so no
/// key of a profile; a change of them is told like one.
const WEB_RULES: &str = "services/web";

impl Profile {
    /// This profile with what a running server takes over from another one.
    #[must_use]
    pub fn with_reloaded(&self, from: &Self) -> Self {
        let mut next = self.clone();
        next.providers = from.providers.clone();
        next.analytics.alerts = from.analytics.alerts.clone();
        next.analytics.costs.custom_pricing = from.analytics.costs.custom_pricing.clone();
        next.notifications = from.notifications.clone();
        next.web.own_rules.clone_from(&from.web.own_rules);
        next
    }

    /// The alerts that are watched: with analytics off nothing is counted, so
    /// nothing can be held to a limit.
    #[must_use]
    pub fn budgets(&self) -> &[Alert] {
        match self.analytics.enabled {
            true => &self.analytics.alerts,
            false => &[],
        }
    }

    /// Every key that has a value, by key. Keys of secrets have the secret's text
    /// for their value, so that a new one is seen to differ.
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        let mut found = BTreeMap::new();
        let mut tree = serde_json::to_value(self).expect("a profile is plain data");
        // Their order says nothing, and a name may be that of their type and scope.
        let alerts = tree["analytics"]["alerts"].take();
        walk("", &tree, &mut found);
        let named = self
            .analytics
            .alerts
            .iter()
            .zip(alerts.as_array().into_iter().flatten());
        for (alert, tree) in named {
            walk(
                &format!("analytics.alerts.{}", alert.name()),
                tree,
                &mut found,
            );
        }
        for (key, secret) in self.secrets() {
            found.insert(key, secret.expose().to_owned());
        }
        if let Some(rules) = &self.web.own_rules {
            found.insert(WEB_RULES.to_owned(), rules.version().to_owned());
        }
        let agents = self.agents();
        let setting = |(key, value): (String, String)| Setting {
            agent: agents
                .iter()
                .find(|(prefix, _)| key.starts_with(prefix))
                .map(|(_, agent)| agent.clone()),
            value: value.into(),
            key,
        };
        found.into_iter().map(setting).collect()
    }

    /// The beginnings of keys that are those of an agent's budget.
    fn agents(&self) -> Vec<(String, String)> {
        let of_agent = |alert: &Alert| match &alert.scope {
            Some(AlertScope::Agent(agent)) => {
                Some((format!("analytics.alerts.{}.", alert.name()), agent.clone()))
            }
            _ => None,
        };
        self.analytics.alerts.iter().filter_map(of_agent).collect()
    }

    /// Every secret with its key.
    fn secrets(&self) -> Vec<(String, &Secret)> {
        let mut secrets = Vec::new();
        let mut add =
            |key: &str, secret| secrets.extend(Option::map(secret, |s| (key.to_owned(), s)));
        add("database.url", self.database.url.as_ref());
        add("database.owner_url", self.database.owner_url.as_ref());
        add("database.replica_url", self.database.replica_url.as_ref());
        for token in &self.server.tokens {
            add(
                &format!("server.tokens.{}.token", token.name),
                Some(&token.token),
            );
        }
        for (name, provider) in &self.providers {
            if let Credentials::Managed { key, .. } = &provider.credentials {
                add(&format!("providers.{name}.credentials.key"), Some(key));
            }
        }
        let channels = &self.notifications;
        let (email, webhook) = (channels.email.as_ref(), channels.webhook.as_ref());
        add(
            "notifications.email.smtp_url",
            email.map(|email| &email.smtp_url),
        );
        for (key, channel) in [
            ("notifications.discord.webhook_url", &channels.discord),
            ("notifications.slack.webhook_url", &channels.slack),
        ] {
            add(key, channel.as_ref().map(|channel| &channel.webhook_url));
        }
        add("notifications.webhook.url", webhook.map(|hook| &hook.url));
        let signing = webhook.and_then(|hook| hook.secret.as_ref());
        add("notifications.webhook.secret", signing);
        secrets
    }
}

fn walk(path: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    let below = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                walk(&below(name), value, found);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (n, item) in items.iter().enumerate() {
                let name = item["name"].as_str().or_else(|| item["from"].as_str());
                walk(&below(name.unwrap_or(&n.to_string())), item, found);
            }
        }
        Value::Null => {}
        Value::String(text) => {
            found.insert(path.to_owned(), text.clone());
        }
        other => {
            found.insert(path.to_owned(), other.to_string());
        }
    }
}
