//! The prices that requests are priced with: replaced as a whole when an
//! operator imports others, on every server within a second.
//!
//! Scheduled prices need nothing of this: the catalogue is asked for the time
//! of the request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use systemprompt_domain::UsageSource;
use systemprompt_domain::event::RequestFinished;
use systemprompt_pricing::{Catalogue, CustomPrice};
use systemprompt_storage::Storage;
use systemprompt_storage::prices::{CHANNEL, PricesError, in_force, stamp};

use tokio::sync::{Mutex, MutexGuard};

use crate::shutdown::Shutdown;
use crate::swap::Swap;

/// How often to look whether something was imported unheard.
const POLL: Duration = Duration::from_secs(30);
/// How soon to try again where the database does not answer.
const AGAIN: Duration = Duration::from_secs(2);

/// The prices in force. Clones are the same prices.
#[derive(Clone, Debug)]
pub(crate) struct Prices(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    current: Swap<Catalogue>,
    /// The profile's prices. Held while a catalogue is made of them.
    custom: Mutex<Custom>,
}

type Custom = BTreeMap<String, CustomPrice>;

/// Prices that were read and wait to be put in force. Nobody else changes any
/// meanwhile.
pub(crate) struct Fresh<'a> {
    current: &'a Swap<Catalogue>,
    held: MutexGuard<'a, Custom>,
    custom: Custom,
    pub(crate) catalogue: Catalogue,
}

impl Fresh<'_> {
    /// Puts them in force.
    pub(crate) fn apply(mut self) {
        *self.held = self.custom;
        self.current.replace(self.catalogue);
    }
}

/// What a request cost by these prices at its time, where it says what it used.
pub(crate) fn price(request: &mut RequestFinished, catalogue: &Catalogue) {
    if request.usage_source == UsageSource::None {
        return;
    }
    let context = &request.context;
    let cost = catalogue.cost(
        &context.provider,
        request.served_model.as_deref(),
        context.requested_model.as_deref(),
        context.created_at,
        &request.usage,
    );
    let version = |model: &str| {
        let found = catalogue.find(&context.provider, Some(model), None, context.created_at);
        found.map_or_else(String::new, |version| version.id.clone())
    };
    let others = request.usage.other_models.iter();
    request.other_price_versions = others.map(|other| version(&other.model)).collect();
    request.price_version = cost.as_ref().map(|cost| cost.price_version.clone());
    request.cost = cost.map(|cost| cost.total);
}

impl Prices {
    /// Prices a request with what is in force: one catalogue for the whole event,
    /// whatever is imported meanwhile.
    pub(crate) fn price(&self, request: &mut RequestFinished) {
        price(request, &self.current());
    }

    /// The prices as the database has them now, with the profile's over them.
    ///
    /// # Errors
    /// If the database fails or a price of the profile is impossible.
    pub(crate) async fn load(
        pool: &PgPool,
        custom: BTreeMap<String, CustomPrice>,
    ) -> Result<Self, PricesError> {
        let current = Swap::new(in_force(pool, &custom).await?);
        let custom = Mutex::new(custom);
        Ok(Self(Arc::new(Inner { current, custom })))
    }

    /// The prices with others of the profile, to be put in force.
    ///
    /// # Errors
    /// If the database fails or a price of the profile is impossible.
    pub(crate) async fn with_custom(
        &self,
        pool: &PgPool,
        custom: BTreeMap<String, CustomPrice>,
    ) -> Result<Fresh<'_>, PricesError> {
        let held = self.0.custom.lock().await;
        let catalogue = in_force(pool, &custom).await?;
        Ok(Fresh {
            current: &self.0.current,
            held,
            custom,
            catalogue,
        })
    }

    /// The prices for one request.
    pub(crate) fn current(&self) -> Arc<Catalogue> {
        self.0.current.current()
    }

    /// Keeps up with imports until the server stops.
    pub(crate) async fn follow(self, storage: Arc<Storage>, shutdown: Shutdown) {
        let following = self.keep_up(&storage);
        tokio::select! {
            () = following => {}
            () = shutdown.stopping.cancelled() => {}
        }
    }

    async fn keep_up(&self, storage: &Storage) {
        let mut listener: Option<PgListener> = None;
        let mut known = String::new();
        loop {
            if listener.is_none() {
                listener = storage.listener(CHANNEL).await.ok();
            }
            // After listening began, so that nothing falls in between.
            if let Err(error) = self.refresh(storage.pool(), &mut known).await {
                tracing::warn!(%error, "going on with the prices of before");
            }
            let Some(ears) = &mut listener else {
                tokio::time::sleep(AGAIN).await;
                continue;
            };
            // `None` after the connection was lost and made again.
            if let Ok(Err(error)) = tokio::time::timeout(POLL, ears.try_recv()).await {
                tracing::debug!(%error, "the connection that hears of imports is lost");
                listener = None;
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    /// Reads the prices again if they changed.
    async fn refresh(&self, pool: &PgPool, known: &mut String) -> Result<(), PricesError> {
        let now = stamp(pool).await?;
        if now == *known {
            return Ok(());
        }
        let custom = self.0.custom.lock().await;
        self.0.current.replace(in_force(pool, &custom).await?);
        drop(custom);
        if !known.is_empty() {
            tracing::info!("prices were imported; requests are priced with them from now on");
        }
        *known = now;
        Ok(())
    }
}
