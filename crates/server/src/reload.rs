//! The profile read again while the server runs: on SIGHUP all of it, and every
//! few seconds the files that hold providers' keys, so that keys are rotated
//! without a restart.
//!
//! All or nothing: what is wrong in any part leaves everything as it was. A
//! change is in the audit trail before it is in force.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rustls::ServerConfig;
use sha2::Sha256;
use sqlx::PgPool;
use systemprompt_budgets::Rules;
use systemprompt_config::{Profile, Sources};
use systemprompt_domain::Clock;
use systemprompt_domain::ids::SpoolId;
use systemprompt_notify::Channels;
use systemprompt_storage::budgets::RulesInForce;
use systemprompt_storage::prices;
use systemprompt_storage::settings::{self, Seen, Setting, Settings};
use systemprompt_storage::web::{Judge, JudgeInForce};
use tokio::signal::unix::Signal;
use tokio::sync::watch;

use crate::budgets::Budgets;
use crate::catalogue::Prices;
use crate::gateway::Gateway;
use crate::shutdown::Shutdown;
use crate::swap::Swap;
use crate::tls;

/// How often files of keys are looked at.
const KEYS: Duration = Duration::from_secs(2);
/// What follows every reason.
const UNCHANGED: &str = "nothing was changed: the server goes on with the profile of before";

/// Where settings are noted, so that a change is seen.
#[derive(Clone, Debug)]
pub(crate) struct Noted {
    pub(crate) pool: PgPool,
    pub(crate) server: SpoolId,
    /// Of the hashes that are kept of settings.
    pub(crate) key: [u8; 32],
}

impl Noted {
    /// Notes the settings of a profile; answers the keys that differ from those
    /// that were noted before.
    pub(crate) async fn note(&self, profile: &Profile, seen: Seen) -> anyhow::Result<Vec<String>> {
        let hashed = self.hashed(profile);
        settings::note(&self.pool, self.server, &hashed, seen, Clock::System.now())
            .await
            .context("the audit trail cannot be told of it")
    }

    fn hashed(&self, profile: &Profile) -> Settings {
        let hash = |setting: systemprompt_config::Setting| {
            let mut mac =
                Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
            mac.update(setting.key.as_bytes());
            mac.update(&[0]);
            mac.update(setting.value.expose().as_bytes());
            let kept = Setting {
                hash: mac.finalize().into_bytes().into(),
                agent: setting.agent,
            };
            (setting.key, kept)
        };
        profile.settings().into_iter().map(hash).collect()
    }
}

/// What can change while the server runs.
pub(crate) struct Reload {
    pub(crate) sources: Sources,
    /// What is in force.
    pub(crate) profile: Profile,
    /// The same for those who look again each time.
    pub(crate) in_force: watch::Sender<Arc<Profile>>,
    pub(crate) noted: Noted,
    pub(crate) gateway: Gateway,
    pub(crate) prices: Prices,
    pub(crate) budgets: Budgets,
    pub(crate) rules: RulesInForce,
    pub(crate) judge: JudgeInForce,
    pub(crate) channels: Swap<Channels>,
    pub(crate) tls: Option<Swap<ServerConfig>>,
}

impl Reload {
    /// Reads again whenever it is told to, until the server stops.
    pub(crate) async fn run(mut self, mut hangups: Signal, shutdown: Shutdown) {
        let mut round = tokio::time::interval(KEYS);
        round.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut troubled = BTreeSet::new();
        loop {
            tokio::select! {
                _ = hangups.recv() => self.reload().await,
                _ = round.tick() => self.rotate(&mut troubled).await,
                () = shutdown.stopping.cancelled() => return,
            }
        }
    }

    async fn reload(&mut self) {
        let loaded = match systemprompt_config::load(&self.sources) {
            Ok(loaded) => loaded,
            Err(error) => {
                for line in error.to_string().lines() {
                    tracing::error!("the profile cannot be used: {line}");
                }
                tracing::error!("{UNCHANGED}");
                return;
            }
        };
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let next = self.profile.with_reloaded(&loaded.profile);
        let waiting = differing(&next, &loaded.profile);
        // The files that the server was started with, as they are now.
        let tls = match tls::load(&self.profile.server) {
            Ok(tls) => tls,
            Err(error) => {
                tracing::error!("the certificate cannot be used: {error:#}");
                tracing::error!("{UNCHANGED}");
                return;
            }
        };
        let applied = self.apply(next).await;
        if let (Ok(_), Some(current), Some(tls)) = (&applied, &self.tls, tls) {
            current.replace(tls);
            tracing::info!("the certificate was read again; new connections get it");
        }
        match applied {
            Ok(keys) if keys.is_empty() => {
                tracing::info!(
                    "the profile was read again; nothing that can change now has changed"
                );
            }
            Ok(keys) => {
                let keys = keys.join(", ");
                tracing::info!(keys, "the profile was read again and is in force");
            }
            Err(error) => {
                tracing::error!(
                    "the profile was read again, but cannot be put in force: {error:#}"
                );
                tracing::error!("{UNCHANGED}");
                return;
            }
        }
        if !waiting.is_empty() {
            let keys = waiting.join(", ");
            tracing::warn!(keys, "these settings changed too and need a restart");
        }
    }

    /// Puts a profile in force; answers the keys that changed.
    async fn apply(&mut self, next: Profile) -> anyhow::Result<Vec<String>> {
        let channels = Channels::new(&next.notifications)?;
        let pool = self.noted.pool.clone();
        let custom = next.analytics.costs.custom_pricing.clone();
        let prices = self.prices.clone();
        let fresh = prices.with_custom(&pool, custom).await?;
        prices::keep(&pool, &fresh.catalogue, Clock::System.now())
            .await
            .context("the price versions cannot be kept")?;
        let keys = self.noted.note(&next, Seen::Reload).await?;
        // From here on nothing can fail.
        fresh.apply();
        if self.profile.analytics.alerts != next.analytics.alerts {
            let rules = Arc::new(Rules::new(next.budgets()));
            self.rules
                .replace(Arc::clone(&rules), Clock::System.now())
                .await;
            self.budgets.replace(&rules).await;
        }
        self.judge.replace(Judge::new(next.web.rules().clone()));
        self.channels.replace(channels);
        self.gateway.replace_providers(&next.providers);
        self.in_force.send_replace(Arc::new(next.clone()));
        self.profile = next;
        Ok(keys)
    }

    /// Looks at the files that hold keys. Trouble with one is told once.
    async fn rotate(&mut self, troubled: &mut BTreeSet<String>) {
        let mut next = self.profile.clone();
        let mut rotated = Vec::new();
        for (name, provider) in &mut next.providers {
            match provider.reread_key() {
                Ok(false) => {
                    troubled.remove(name);
                }
                Ok(true) => rotated.push(name.clone()),
                Err(trouble) => {
                    if troubled.insert(name.clone()) {
                        tracing::warn!(
                            provider = name,
                            "the key stays the one it was: providers.{name}.credentials {trouble}"
                        );
                    }
                }
            }
        }
        if rotated.is_empty() {
            return;
        }
        let providers = rotated.join(", ");
        match self.apply(next).await {
            Ok(_) => tracing::info!(
                providers,
                "another key was read from its file and is in use"
            ),
            // The database is away: it is tried again with the next round.
            Err(error) => tracing::debug!("a key waits to be used: {error:#}"),
        }
    }
}

/// The keys whose settings are not the same in both.
fn differing(one: &Profile, other: &Profile) -> Vec<String> {
    let values = |profile: &Profile| -> BTreeMap<String, String> {
        let settings = profile.settings().into_iter();
        settings
            .map(|setting| (setting.key, setting.value.expose().to_owned()))
            .collect()
    };
    let (one, other) = (values(one), values(other));
    let keys: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let differ = keys
        .into_iter()
        .filter(|key| one.get(*key) != other.get(*key));
    differ.cloned().collect()
}
