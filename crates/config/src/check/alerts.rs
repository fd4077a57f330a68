//! Alerts: thresholds that can be reached, names that can be told apart, and
//! channels that lead somewhere.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use systemprompt_domain::Nanos;

use super::Checks;
use crate::analytics::{Action, Alert, AlertScope, AlertType};
use crate::path::{KeyPath, key_path};
use crate::profile::Notifications;

/// Names are keys of tables and stand in messages.
const LONGEST_NAME: usize = 200;

impl Checks<'_> {
    pub(super) fn alerts(&mut self, alerts: &[Alert], notifications: &Notifications) {
        let mut names = BTreeSet::new();
        for (i, alert) in alerts.iter().enumerate() {
            let path = key_path!["analytics", "alerts", i];
            self.alert(&path, alert);
            self.name(&path, alert);
            let name = alert.name();
            if names.contains(&name) {
                self.refuse(
                    &path,
                    format!("is called {name}, as another alert is; give it a name"),
                );
            }
            names.insert(name);
            self.channels(alert, notifications);
        }
    }

    fn alert(&mut self, path: &KeyPath, alert: &Alert) {
        if alert.threshold < Decimal::ZERO {
            self.refuse(&path.join("threshold"), "must not be negative");
        } else if alert.kind == AlertType::ErrorRate && alert.threshold > Decimal::ONE {
            self.refuse(
                &path.join("threshold"),
                "must be a share between 0 and 1 for error_rate",
            );
        } else if alert.kind.is_cost() && Nanos::from_usd(alert.threshold).is_none() {
            self.refuse(
                &path.join("threshold"),
                format!("must be at most {} dollars", Nanos(i64::MAX)),
            );
        }
        if alert.action.is_empty() {
            self.refuse(&path.join("action"), "must name at least one action");
        }
        let mut actions = BTreeSet::new();
        for action in &alert.action {
            if !actions.insert(action.as_str()) {
                self.refuse(
                    &path.join("action"),
                    format!("names {} twice", action.as_str()),
                );
            }
        }
        if alert.action.contains(&Action::PauseRequests) && !alert.kind.is_cost() {
            let only = format!(
                "must not be pause_requests for {}: only costs pause requests",
                alert.kind.as_str()
            );
            self.refuse(&path.join("action"), only);
        }
        if alert.kind == AlertType::LatencyP95 && matches!(alert.scope, Some(AlertScope::User(_))) {
            self.refuse(
                &path.join("scope"),
                "must not be a user for latency_p95: latencies are not kept by user",
            );
        }
        let mut shares = BTreeSet::new();
        for (i, share) in alert.notify_at.iter().enumerate() {
            let path = path.join("notify_at").join(i);
            if *share <= Decimal::ZERO || *share > Decimal::ONE {
                self.refuse(&path, "must be above 0 and at most 1");
            } else if !shares.insert(share) {
                self.refuse(&path, format!("is {share}, as another one is"));
            }
        }
        if jiff::tz::TimeZone::get(&alert.timezone).is_err() {
            self.refuse(
                &path.join("timezone"),
                "must be a time zone such as UTC or Europe/Berlin",
            );
        }
    }

    /// What the alert is called, by itself or after its scope.
    fn name(&mut self, path: &KeyPath, alert: &Alert) {
        let path = match (&alert.name, &alert.scope) {
            (Some(_), _) => path.join("name"),
            (None, Some(_)) => path.join("scope"),
            (None, None) => return,
        };
        let (name, scope) = (alert.name(), alert.scope.as_ref());
        let nameless = scope.is_some_and(|scope| scope.parts().1.is_empty());
        if name.trim().is_empty() || nameless {
            self.refuse(&path, "must not be empty");
        } else if name.chars().any(char::is_control) {
            self.refuse(&path, "must not hold control characters");
        } else if name.len() > LONGEST_NAME {
            let bytes = format!(
                "makes the alert's name {} bytes long; {LONGEST_NAME} are allowed",
                name.len()
            );
            self.refuse(&path, bytes);
        }
    }

    /// An alert that reaches nobody is no mistake, as it still shows and
    /// pauses; but somebody should know.
    fn channels(&mut self, alert: &Alert, notifications: &Notifications) {
        let channels = || {
            let told = alert.action.iter();
            told.copied()
                .filter(|action| *action != Action::PauseRequests)
        };
        let reached = channels().any(|channel| notifications.reaches(channel));
        for channel in channels().filter(|channel| !notifications.reaches(*channel)) {
            let name = channel.as_str();
            let what = if channel == Action::Email && notifications.email.is_some() {
                "has no recipients (notifications.email.to)".to_owned()
            } else {
                format!("is not configured (notifications.{name})")
            };
            let only = if reached {
                ""
            } else {
                "; it will show in `systemprompt alerts status` only"
            };
            self.warn(format!("alert {}: {name} {what}{only}", alert.name()));
        }
    }
}
