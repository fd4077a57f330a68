//! What types cannot say: ranges, addresses, names, and settings that need each
//! other; and what the operator should know although it can be used.

mod alerts;
mod analytics;
mod mcp;
mod notifications;
mod reach;
mod scheduler;
mod web;

use std::time::Duration;

use url::Url;

use crate::error::Problem;
use crate::limits::Limits;
use crate::node::Node;
use crate::path::{KeyPath, key_path};
use crate::profile::Profile;
use crate::secret::Secret;

/// Checks a profile, tidies its addresses and returns the warnings.
pub(crate) fn check(
    profile: &mut Profile,
    tree: &Node,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let mut checks = Checks {
        tree,
        problems,
        warnings: Vec::new(),
    };
    checks.server(&profile.server);
    let database = &profile.database;
    for (key, url) in [
        ("url", &database.url),
        ("owner_url", &database.owner_url),
        ("replica_url", &database.replica_url),
    ] {
        if let Some(url) = url {
            let path = key_path!["database", key];
            checks.secret_url(&path, url, &["postgres", "postgresql"]);
        }
    }
    if database.owner_url.is_some() && database.url.is_none() {
        checks.refuse(
            &key_path!["database", "owner_url"],
            "needs database.url: our own database has both roles already",
        );
    }
    if database.replica_url.is_some() && database.url.is_none() {
        checks.refuse(
            &key_path!["database", "replica_url"],
            "needs database.url: nothing follows our own database",
        );
    }
    for (name, provider) in &mut profile.providers {
        checks.provider(name, provider);
    }
    for (name, server) in &profile.mcp.servers {
        checks.mcp_server(name, server);
    }
    checks.analytics(&profile.analytics);
    checks.alerts(&profile.analytics.alerts, &profile.notifications);
    for price in profile.analytics.costs.custom_pricing.values() {
        if let Some(name) = &price.provider
            && !profile.providers.contains_key(name)
        {
            checks.warn(format!(
                "custom_pricing names the provider {name}, which is not configured"
            ));
        }
    }
    checks.notifications(&profile.notifications);
    checks.web(&profile.web);
    checks.limits(&profile.limits);
    checks.scheduler(&profile.scheduler);
    checks.warnings
}

struct Checks<'a> {
    tree: &'a Node,
    problems: &'a mut Vec<Problem>,
    warnings: Vec<String>,
}

impl Checks<'_> {
    fn refuse(&mut self, path: &KeyPath, message: impl AsRef<str>) {
        self.problems.push(Problem {
            origin: self.tree.origin_of(&path.0).clone(),
            message: format!("{path} {}", message.as_ref()),
        });
    }

    fn warn(&mut self, message: impl Into<String>) {
        self.warnings.push(message.into());
    }

    fn limits(&mut self, limits: &Limits) {
        let path = key_path!["limits"];
        let (up, down, spool) = (&limits.upstream, &limits.downstream, &limits.spool);
        let timeouts = [
            ("upstream", "connect_timeout", up.connect_timeout),
            ("upstream", "first_byte_timeout", up.first_byte_timeout),
            ("upstream", "idle_timeout", up.idle_timeout),
            ("downstream", "header_timeout", down.header_timeout),
            ("downstream", "body_idle_timeout", down.body_idle_timeout),
        ];
        for (section, key, _) in timeouts
            .into_iter()
            .filter(|(_, _, timeout)| timeout.is_zero())
        {
            self.refuse(&path.join(section).join(key), "must be above 0");
        }
        if down.connections == 0 {
            self.refuse(
                &path.join("downstream").join("connections"),
                "must be above 0",
            );
        }
        if limits.gateway_body == 0 {
            self.refuse(&path.join("gateway_body"), "must be above 0");
        }
        // Requests are noted to the minute, so shorter times cannot be kept.
        let minute = Duration::from_secs(60);
        let sessions = path.join("sessions");
        if limits.sessions.idle_timeout < minute {
            self.refuse(&sessions.join("idle_timeout"), "must be at least 1m");
        }
        if limits.sessions.lifetime < limits.sessions.idle_timeout {
            self.refuse(
                &sessions.join("lifetime"),
                "must not be shorter than idle_timeout",
            );
        } else if limits.sessions.lifetime > 365 * 24 * 60 * minute {
            self.refuse(&sessions.join("lifetime"), "must be at most 365d");
        }
        let path = path.join("spool");
        if spool.segment < 64 * 1024 {
            self.refuse(&path.join("segment"), "must be at least 64KiB");
        } else if spool.cap / 2 < spool.segment {
            self.refuse(&path.join("cap"), "must have room for two segments");
        }
    }

    fn url(&mut self, path: &KeyPath, text: &str, schemes: &[&str]) -> Option<Url> {
        let url = Url::parse(text)
            .ok()
            .filter(|url| schemes.contains(&url.scheme()));
        let url = url.filter(|url| url.scheme().starts_with("postgres") || url.has_host());
        if url.is_none() {
            // Not quoted: addresses may hold passwords.
            let forms: Vec<String> = schemes
                .iter()
                .map(|scheme| format!("{scheme}://…"))
                .collect();
            self.refuse(
                path,
                format!("must be an address that begins with {}", forms.join(" or ")),
            );
        }
        url
    }

    fn secret_url(&mut self, path: &KeyPath, secret: &Secret, schemes: &[&str]) -> Option<Url> {
        self.url(path, secret.expose(), schemes)
    }
}
