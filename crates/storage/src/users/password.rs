//! Passwords: which are accepted, and Argon2id over them. A hash holds 19 MiB
//! for a moment, so no more than two are made at once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::sync::Semaphore;

use super::UserName;

/// Memory in KiB, passes over it, lanes: the least that OWASP advises.
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// A hash of no password, for names that have none: looking at it takes as long
/// as looking at any other, so the time of an answer does not tell who exists.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c3lzdGVtcHJvbXB0LTAwMQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Fewer characters can be guessed.
const SHORTEST: usize = 8;
/// More characters are no text that somebody chose.
const LONGEST: usize = 1_024;
/// Those that are tried first by whoever guesses.
const COMMON: &str = include_str!("common-passwords.txt");

/// How many are hashed at once.
const AT_ONCE: usize = 2;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// A password that somebody chose and that is accepted.
#[derive(Clone)]
pub struct Password(String);

/// Why a password is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It can be guessed by trying all.
    #[error(
        "a password needs at least {SHORTEST} characters; 15 or more are better, such as a few words"
    )]
    Short,
    /// It is larger than any text somebody remembers.
    #[error("a password has at most {LONGEST} characters")]
    Long,
    /// It can be guessed by trying the usual ones.
    #[error("this password is one of those that are tried first; choose another")]
    Common,
    /// It is the user's name.
    #[error("a password must not be the user's name")]
    Name,
}

impl Password {
    /// Accepts a password for a user: long enough, and none that everybody
    /// tries. Nothing is asked of its characters and nothing is cut off.
    ///
    /// # Errors
    /// What is wrong with it, in words for the user.
    pub fn new(text: String, user: &UserName) -> Result<Self, PasswordError> {
        let characters = text.chars().count();
        let plain = text.to_lowercase();
        let local = user.as_str().split('@').next().unwrap_or_default();
        if characters < SHORTEST {
            Err(PasswordError::Short)
        } else if characters > LONGEST {
            Err(PasswordError::Long)
        } else if plain == user.as_str() || plain == local {
            Err(PasswordError::Name)
        } else if is_common(&plain) {
            Err(PasswordError::Common)
        } else {
            Ok(Self(text))
        }
    }

    /// Its Argon2id hash with a salt of its own, as a PHC string. Takes tens of
    /// milliseconds of one core.
    #[must_use]
    pub fn hash(&self) -> String {
        argon2()
            .hash_password(self.0.as_bytes())
            .expect("the parameters are valid and the system has randomness")
            .to_string()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// On the list, or one character again and again.
fn is_common(plain: &str) -> bool {
    let first = plain.chars().next();
    plain.chars().all(|c| Some(c) == first) || COMMON.lines().any(|common| common == plain)
}

fn argon2() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).expect("these parameters are valid");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// What came of checking a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// It is the user's.
    pub right: bool,
    /// Its stored hash is weaker than those that are made now.
    pub weak: bool,
}

/// Checks a typed password against a stored hash. Without a hash the same work
/// is done for nothing. Takes tens of milliseconds of one core.
#[must_use]
pub fn check(typed: &str, stored: Option<&str>) -> Checked {
    let parsed = PasswordHash::new(stored.unwrap_or(NOBODY));
    let right = parsed
        .as_ref()
        .is_ok_and(|hash| argon2().verify_password(typed.as_bytes(), hash).is_ok());
    Checked {
        right: right && stored.is_some(),
        weak: parsed.is_ok_and(|hash| is_weak(&hash)),
    }
}

fn is_weak(hash: &PasswordHash) -> bool {
    let (memory, passes, lanes) = COST;
    hash.algorithm.as_str() != Algorithm::Argon2id.as_str()
        || Params::try_from(hash).is_ok_and(|params| {
            params.m_cost() < memory || params.t_cost() < passes || params.p_cost() < lanes
        })
}

/// Hashes and checks passwords without holding up other requests, two at once.
#[derive(Clone, Debug)]
pub struct Passwords(Arc<Semaphore>);

/// Too many are being checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked at the moment; try again in a few seconds")]
pub struct Busy;

impl Default for Passwords {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Passwords {
    /// As [`check`].
    ///
    /// # Errors
    /// When too many others wait.
    pub async fn check(&self, typed: String, stored: Option<String>) -> Result<Checked, Busy> {
        self.run(move || check(&typed, stored.as_deref())).await
    }

    /// As [`Password::hash`].
    ///
    /// # Errors
    /// When too many others wait.
    pub async fn hash(&self, password: Password) -> Result<String, Busy> {
        self.run(move || password.hash()).await
    }

    /// A new hash of a password that a user has already.
    ///
    /// # Errors
    /// When too many others wait.
    pub async fn rehash(&self, typed: String) -> Result<String, Busy> {
        self.hash(Password(typed)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let turn = Arc::clone(&self.0).acquire_owned();
        let turn = tokio::time::timeout(PATIENCE, turn).await;
        let turn = turn.map_err(|_| Busy)?.map_err(|_| Busy)?;
        // The turn goes along: a caller that leaves does not make room for a
        // third hash.
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| Busy)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn user() -> UserName {
        "alice@example.com".parse().expect("a name")
    }

    fn accepted(text: &str) -> Result<(), PasswordError> {
        Password::new(text.to_owned(), &user()).map(|_| ())
    }

    #[test]
    fn long_ones_are_accepted_whatever_they_are_made_of() {
        for good in [
            "correct horse battery staple",
            "ähnlich wie früher",
            &"ab".repeat(40),
            "  leading and trailing  ",
        ] {
            assert_eq!(accepted(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("7 chars", PasswordError::Short),
            ("Password1", PasswordError::Common),
            ("aaaaaaaaaaaa", PasswordError::Common),
            ("Alice@Example.com", PasswordError::Name),
            (&"xy".repeat(600), PasswordError::Long),
        ] {
            assert_eq!(accepted(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn the_list_can_be_found_in() {
        let mut lines = COMMON.lines();
        assert!(lines.all(|line| line.chars().count() >= SHORTEST && line == line.to_lowercase()));
    }

    #[test]
    fn nothing_is_cut_off() {
        let long = "0123456789".repeat(20);
        let password = Password::new(long.clone(), &user()).expect("accepted");
        let hash = password.hash();
        let checked = |typed: &str| check(typed, Some(&hash));
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert_eq!(
            checked(&long),
            Checked {
                right: true,
                weak: false
            }
        );
        assert!(!checked(&long[..199]).right);
        assert_eq!(format!("{password:?}"), "***");
    }

    #[test]
    fn an_older_hash_is_weak() {
        let params = Params::new(8_192, 1, 1, None).expect("parameters");
        let old = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = old.hash_password(b"correct horse").expect("a hash");
        assert_eq!(
            check("correct horse", Some(&hash.to_string())),
            Checked {
                right: true,
                weak: true
            }
        );
    }

    #[test]
    fn nobody_takes_as_much_work_as_somebody() {
        let hash = Password::new("correct horse".to_owned(), &user())
            .expect("accepted")
            .hash();
        let time = |stored: Option<&str>| {
            let runs = (0..5).map(|_| {
                let begun = Instant::now();
                assert!(!check("wrong horse", stored).right);
                begun.elapsed()
            });
            runs.min().expect("five runs")
        };
        let (somebody, nobody) = (time(Some(&hash)), time(None));
        assert!(nobody * 2 > somebody, "{nobody:?} for nobody, {somebody:?}");
        let dummy = PasswordHash::new(NOBODY).expect("a PHC string");
        assert!(!is_weak(&dummy), "it costs what others cost");
    }

    #[tokio::test]
    async fn no_more_than_two_at_once() {
        let passwords = Passwords::default();
        let _both = passwords.0.acquire_many(2).await.expect("open");
        let third = passwords.check("x".to_owned(), None);
        let waited = tokio::time::timeout(Duration::from_millis(100), third).await;
        assert!(waited.is_err(), "it waits for its turn");
    }
}
