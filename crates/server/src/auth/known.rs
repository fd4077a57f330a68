//! Tokens of the database: looked up once, then known for a while, so that
//! requests do not wait for the database.
//!
//! What is known is looked up again every few seconds and whenever a change is
//! announced: a revoked token is refused within a second, and within [`FRESH`]
//! where announcements do not arrive. While the database is away, what was known
//! stays known for [`GRACE`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use systemprompt_storage::Storage;
use systemprompt_storage::tokens::{self, CHANNEL, Hash, TokenState, Verified};
use time::OffsetDateTime;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{Identity, Refusal, Turned};
use crate::shutdown::Shutdown;

/// How long a verified token is accepted without another look.
const FRESH: Duration = Duration::from_secs(30);
/// How long it is while the database is away.
const GRACE: Duration = Duration::from_secs(15 * 60);
/// How often what is known is looked up again.
const ROUND: Duration = Duration::from_secs(10);
/// How soon to try again where the database does not answer.
const AGAIN: Duration = Duration::from_secs(2);
/// How long a request waits for the database.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a token is looked up while changes are announced.
const LOOKS: usize = 3;
/// Most tokens that are known at once.
const MOST: usize = 10_000;

/// The tokens that were verified. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Known(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// For tokens that are not known yet.
    pool: PgPool,
    /// Never held across a question to the database.
    entries: RwLock<HashMap<Hash, Arc<Entry>>>,
    /// Announcements so far: an answer that is older than one is asked for again, or
    /// at least not kept.
    announced: AtomicU64,
    /// Whether there is or ever was a token or a user.
    issued: AtomicBool,
    away: AtomicBool,
    /// Somebody got no answer.
    doubt: Notify,
    started: Instant,
}

/// A token that was live when it was verified.
#[derive(Debug)]
struct Entry {
    token: Uuid,
    identity: Arc<Identity>,
    expires_at: Option<OffsetDateTime>,
    verified: Instant,
    /// When it was used last, in seconds since the server started.
    used: AtomicU64,
}

impl Known {
    /// Nothing is known yet but whether tokens were issued.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn load(pool: PgPool) -> Result<Self, sqlx::Error> {
        let issued = AtomicBool::new(tokens::any(&pool).await?);
        Ok(Self(Arc::new(Inner {
            pool,
            entries: RwLock::default(),
            announced: AtomicU64::new(0),
            issued,
            away: AtomicBool::new(false),
            doubt: Notify::new(),
            started: Instant::now(),
        })))
    }

    /// Whether there is or ever was a token or a user: then nobody is let in without one.
    pub(super) fn were_issued(&self) -> bool {
        self.0.issued.load(Ordering::Relaxed)
    }

    /// Whether the database was away when it was last asked.
    pub(super) fn is_away(&self) -> bool {
        self.0.away.load(Ordering::Relaxed)
    }

    /// Who has this token.
    pub(super) async fn identify(&self, hash: Hash) -> Result<Arc<Identity>, Turned> {
        let entry = self.entries().get(&hash).map(Arc::clone);
        let away = self.is_away();
        if let Some(entry) = &entry
            && is_trusted(entry.verified.elapsed(), away)
        {
            return self.admit(entry);
        }
        let unavailable = Turned {
            refusal: Refusal::Unavailable,
            who: None,
        };
        if away {
            return Err(unavailable);
        }
        let answer = tokio::time::timeout(PATIENCE, self.ask(hash)).await;
        match answer.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(%error, "a token could not be looked up");
                self.0.doubt.notify_one();
                let entry = entry.filter(|entry| is_trusted(entry.verified.elapsed(), true));
                entry.map_or(Err(unavailable), |entry| self.admit(&entry))
            }
        }
    }

    /// Asks the database. Something that is announced meanwhile may be about this
    /// token, so it is asked again; where that never ends the answer is not kept.
    async fn ask(&self, hash: Hash) -> Result<Result<Arc<Identity>, Turned>, sqlx::Error> {
        let mut looks = 0;
        loop {
            let announced = self.0.announced.load(Ordering::Acquire);
            let asked = Instant::now();
            let found = tokens::verify(&self.0.pool, &[hash]).await?;
            let Some(found) = found.first() else {
                self.entries_mut().remove(&hash);
                return Ok(Err(Turned {
                    refusal: Refusal::UnknownToken,
                    who: None,
                }));
            };
            let identity = Arc::new(identity(found));
            if let Some(refusal) = refusal(found) {
                self.entries_mut().remove(&hash);
                let who = Some(identity);
                return Ok(Err(Turned { refusal, who }));
            }
            self.0.issued.store(true, Ordering::Relaxed);
            let entry = Entry::new(found, Arc::clone(&identity), asked, self.seconds());
            let kept = self.keep(hash, entry, announced);
            looks += 1;
            if kept || looks == LOOKS {
                return Ok(Ok(identity));
            }
        }
    }

    /// Keeps what was found, unless something was announced since.
    fn keep(&self, hash: Hash, entry: Entry, announced: u64) -> bool {
        let mut entries = self.entries_mut();
        let current = self.0.announced.load(Ordering::Acquire) == announced;
        if current {
            if entries.len() >= MOST
                && let Some(one) = entries.keys().next().copied()
            {
                entries.remove(&one);
            }
            entries.insert(hash, Arc::new(entry));
        }
        current
    }

    fn admit(&self, entry: &Entry) -> Result<Arc<Identity>, Turned> {
        entry.used.store(self.seconds(), Ordering::Relaxed);
        let end = entry.expires_at;
        if end.is_some_and(|end| end <= OffsetDateTime::now_utc()) {
            return Err(Turned {
                refusal: Refusal::Expired,
                who: Some(Arc::clone(&entry.identity)),
            });
        }
        Ok(Arc::clone(&entry.identity))
    }

    /// Keeps up with changes until the server stops.
    pub(crate) async fn follow(self, storage: Arc<Storage>, shutdown: Shutdown) {
        tokio::select! {
            () = self.keep_up(&storage) => {}
            () = shutdown.stopping.cancelled() => {}
        }
    }

    async fn keep_up(&self, storage: &Storage) {
        let mut listener: Option<PgListener> = None;
        let mut since = 0;
        loop {
            if listener.is_none() {
                listener = storage.listener(CHANNEL).await.ok();
            }
            // After listening began, so that nothing falls in between.
            let begun = self.seconds();
            let refreshed = self.refresh(storage.pool(), since).await;
            if refreshed.is_ok() {
                since = begun;
            }
            self.tell(refreshed.as_ref().err());
            let rest = if refreshed.is_ok() && listener.is_some() {
                ROUND
            } else {
                AGAIN
            };
            let lost = tokio::select! {
                lost = hear(listener.as_mut()) => {
                    self.0.announced.fetch_add(1, Ordering::AcqRel);
                    lost
                }
                () = tokio::time::sleep(rest) => false,
                () = self.0.doubt.notified() => {
                    // Many may doubt at once.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    false
                }
            };
            if lost {
                listener = None;
            }
        }
    }

    /// Looks everything up again that is known, and notes in the database what
    /// was used since the round before.
    async fn refresh(&self, pool: &PgPool, since: u64) -> Result<(), sqlx::Error> {
        let asked = Instant::now();
        let known: Vec<(Hash, Arc<Entry>)> = {
            let entries = self.entries();
            let known = entries
                .iter()
                .map(|(hash, entry)| (*hash, Arc::clone(entry)));
            known.collect()
        };
        let idle = self.seconds().saturating_sub(GRACE.as_secs());
        let (wanted, unused): (Vec<_>, Vec<_>) = known
            .into_iter()
            .partition(|(_, entry)| entry.used() >= idle);
        let hashes: Vec<Hash> = wanted.iter().map(|(hash, _)| *hash).collect();
        let found = tokens::verify(pool, &hashes).await?;
        let mut live: HashMap<Hash, Verified> = found
            .into_iter()
            .filter(|found| refusal(found).is_none())
            .map(|found| (found.hash, found))
            .collect();
        {
            let mut entries = self.entries_mut();
            for (hash, _) in &unused {
                entries.remove(hash);
            }
            for (hash, entry) in &wanted {
                match live.remove(hash) {
                    Some(found) => {
                        let fresh =
                            Entry::new(&found, Arc::new(identity(&found)), asked, entry.used());
                        entries.insert(*hash, Arc::new(fresh));
                    }
                    None => _ = entries.remove(hash),
                }
            }
        }
        let used: Vec<Uuid> = wanted
            .iter()
            .filter(|(_, entry)| entry.used() >= since)
            .map(|(_, entry)| entry.token)
            .collect();
        if !used.is_empty() {
            tokens::touch(pool, &used, OffsetDateTime::now_utc()).await?;
        }
        if !self.were_issued() && tokens::any(pool).await? {
            self.0.issued.store(true, Ordering::Relaxed);
            tracing::info!(
                "tokens or users are in use: requests of nobody are refused from now on"
            );
        }
        Ok(())
    }

    /// Says so when the database goes, and when it is back.
    fn tell(&self, error: Option<&sqlx::Error>) {
        let was_away = self.0.away.swap(error.is_some(), Ordering::Relaxed);
        match error {
            Some(error) if !was_away => tracing::warn!(
                %error,
                "tokens cannot be verified: those that were are accepted for {} minutes",
                GRACE.as_secs() / 60
            ),
            None if was_away => tracing::info!("tokens can be verified again"),
            _ => {}
        }
    }

    /// Seconds since the server started.
    fn seconds(&self) -> u64 {
        self.0.started.elapsed().as_secs()
    }

    fn entries(&self) -> RwLockReadGuard<'_, HashMap<Hash, Arc<Entry>>> {
        self.0
            .entries
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn entries_mut(&self) -> RwLockWriteGuard<'_, HashMap<Hash, Arc<Entry>>> {
        self.0
            .entries
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn new(found: &Verified, identity: Arc<Identity>, verified: Instant, used: u64) -> Self {
        Self {
            token: found.token.id,
            identity,
            expires_at: found.token.expires_at,
            verified,
            used: AtomicU64::new(used),
        }
    }

    fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

/// Whether a token that was verified so long ago is accepted unasked.
fn is_trusted(age: Duration, away: bool) -> bool {
    age < if away { GRACE } else { FRESH }
}

/// Waits for an announcement; whether the connection is lost for good. After one
/// that was made again something may have been missed, which is as good as one.
async fn hear(listener: Option<&mut PgListener>) -> bool {
    match listener {
        Some(listener) => listener.try_recv().await.is_err(),
        None => std::future::pending().await,
    }
}

fn identity(found: &Verified) -> Identity {
    let token = &found.token;
    Identity {
        token: Some(token.name.clone()),
        user: token.user.clone(),
        agent: token.agent.clone(),
        agents: Some(Vec::new()),
        scopes: token.scopes.clone(),
    }
}

/// Why a token is not accepted, although it is known.
fn refusal(found: &Verified) -> Option<Refusal> {
    match found.token.state(OffsetDateTime::now_utc()) {
        TokenState::Revoked => Some(Refusal::Revoked),
        TokenState::Expired => Some(Refusal::Expired),
        TokenState::Live | TokenState::Replaced => {
            found.agent_disabled.then_some(Refusal::AgentDisabled)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_verified_is_trusted_for_a_while() {
        let second = Duration::from_secs(1);
        for (age, away, trusted) in [
            (Duration::ZERO, false, true),
            (FRESH - second, false, true),
            (FRESH, false, false),
            (FRESH, true, true),
            (GRACE - second, true, true),
            (GRACE, true, false),
        ] {
            assert_eq!(is_trusted(age, away), trusted, "{age:?} {away}");
        }
    }
}
