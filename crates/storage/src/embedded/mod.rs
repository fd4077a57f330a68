//! The database that needs no set-up: a PostgreSQL cluster of our own, kept in
//! the storage folder and run while somebody uses it.
//!
//! Server and command line share it. Whoever comes first starts it, later ones
//! attach, and the last one stops it; a holder that is killed is noticed by the
//! next one or by a watchdog. The cluster listens on a Unix socket only.

mod account;
mod binaries;
mod cluster;
mod error;
mod lock;
mod place;
mod server;
mod settings;
mod watchdog;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _};

use self::account::Account;
use self::binaries::Installation;
use self::lock::Lock;
use self::place::Place;

pub use self::error::EmbeddedError;
pub use self::place::remove_outside;
use crate::rights;

/// The cluster's superuser, whose password is ours alone.
const SUPERUSER: &str = "systemprompt";

/// What servers and command lines run as: it may do what [`crate::rights`] says.
const SERVICE: &str = "systemprompt_server";

/// The database with our tables.
const DATABASE: &str = "systemprompt";

/// How long a start may take; recovery after a crash replays at most 2 GB of WAL.
const START_LIMIT: Duration = Duration::from_secs(300);

/// How long a stop may take, which writes what is only in memory.
const STOP_LIMIT: Duration = Duration::from_secs(120);

/// How to run the cluster. The default is what users get.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether what is committed survives a crash of the machine. Tests that are
    /// not about crashes run faster without.
    pub durable: bool,
    /// How long the cluster runs on after its last holder, to be found running
    /// by the next one. Whole seconds.
    pub linger: Duration,
    /// How many connections it allows.
    pub max_connections: u16,
    /// Folders to look for PostgreSQL's programs in, instead of the usual ones.
    pub binaries: Option<Vec<PathBuf>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durable: true,
            linger: Duration::ZERO,
            max_connections: 50,
            binaries: None,
        }
    }
}

/// A share in the running cluster. Dropping the last one stops the cluster,
/// blocking the thread meanwhile; [`Embedded::stop`] does so without blocking.
#[derive(Debug)]
pub struct Embedded {
    place: Place,
    account: Account,
    installation: Installation,
    connect: PgConnectOptions,
    /// Held shared from beginning to end.
    holders: Lock,
    /// Held only while somebody comes or goes.
    turn: Lock,
    /// The watchdog stops the cluster when it has lingered; we need not.
    left_to_watchdog: bool,
    released: bool,
}

impl Embedded {
    /// Starts the cluster kept under `storage` (in `<storage>/postgres`), or
    /// attaches to it if it runs. `progress` is told what takes its time, in
    /// words for a person.
    ///
    /// # Errors
    ///
    /// One sentence that says what to do, see [`EmbeddedError`].
    pub async fn start(storage: &Path, progress: impl Fn(&str)) -> Result<Self, EmbeddedError> {
        Self::start_with(storage, &Options::default(), progress).await
    }

    /// Like [`Embedded::start`]; the options count for whoever starts the
    /// cluster, not for those who attach.
    ///
    /// # Errors
    ///
    /// One sentence that says what to do, see [`EmbeddedError`].
    pub async fn start_with(
        storage: &Path,
        options: &Options,
        progress: impl Fn(&str),
    ) -> Result<Self, EmbeddedError> {
        let mut place = Place::of(storage)?;
        let turn = Lock::open(&place.home.join("lock.turn"))?;
        let holders = Lock::open(&place.home.join("lock"))?;
        let deadline = Instant::now() + START_LIMIT;
        let mine = lock::until(deadline, || turn.try_exclusive()).await?
            && lock::until(deadline, || holders.try_shared()).await?;
        if !mine {
            return Err(EmbeddedError::TooSlow {
                waiting: "waiting for another process that is starting or stopping the cluster",
                seconds: START_LIMIT.as_secs(),
                log: place.log(),
            });
        }

        let account = Account::of_cluster(&place.data())?;
        let wrote = cluster::version(&place.data())?;
        let installation = match &options.binaries {
            Some(folders) => binaries::choose(folders, wrote, &place.data())?,
            None => binaries::choose_installed(wrote, &place.data())?,
        };
        let (major, minor) = installation.version;
        if wrote.is_none() {
            place.prepare(account)?;
            let data = place.data();
            progress(&format!(
                "creating a PostgreSQL {major} database in {}",
                data.display()
            ));
            cluster::create(&place, account, &installation, options).await?;
        }

        let connect = connect_options(&place)?;
        // From here on, whatever goes wrong, the drop gives back what we hold.
        let embedded = Self {
            place,
            account,
            installation,
            connect,
            holders,
            turn,
            left_to_watchdog: !options.linger.is_zero() && watchdog::is_possible(),
            released: false,
        };
        server::ensure(
            &embedded.place,
            account,
            &embedded.installation,
            options,
            &embedded.connect,
            || {
                progress(&format!("starting PostgreSQL {major}.{minor}"));
                embedded.guard(options)
            },
        )
        .await?;
        embedded.turn.unlock();
        Ok(embedded)
    }

    /// How to connect: as the superuser, to the database `systemprompt`, over
    /// the Unix socket.
    #[must_use]
    pub fn connect_options(&self) -> PgConnectOptions {
        self.connect.clone()
    }

    /// How to connect as the role that owns nothing, which is made if it is not there.
    /// It has the superuser's password: whoever can read that may do everything anyway.
    ///
    /// # Errors
    ///
    /// When the role cannot be made.
    pub(crate) async fn service_options(&self) -> Result<PgConnectOptions, EmbeddedError> {
        let password = read_password(&self.place)?;
        let mut superuser = self.connect.connect().await?;
        rights::make_role(&mut superuser, SERVICE, &password).await?;
        superuser.close().await?;
        Ok(self.connect.clone().username(SERVICE))
    }

    /// A program of the PostgreSQL that runs the cluster, such as `pg_dump`.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.installation.program(name)
    }

    /// Gives the share back; if it was the last one, returns when the cluster
    /// has stopped. The work goes on if the future is dropped.
    ///
    /// # Errors
    ///
    /// The server does not stop, or its programs are gone.
    pub async fn stop(mut self) -> Result<(), EmbeddedError> {
        match tokio::task::spawn_blocking(move || self.release()).await {
            Ok(outcome) => outcome,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    fn guard(&self, options: &Options) -> Result<(), EmbeddedError> {
        if !watchdog::is_possible() {
            return Ok(());
        }
        watchdog::spawn(
            &self.place,
            self.account,
            &self.installation,
            options,
            &self.holders,
        )
    }

    /// Ceases to be a holder, and stops the cluster if there is no other one.
    fn release(&mut self) -> Result<(), EmbeddedError> {
        if std::mem::replace(&mut self.released, true) {
            return Ok(());
        }
        if self.left_to_watchdog {
            self.holders.unlock();
            return Ok(());
        }
        // Our own from a start that failed, or else taken now. With it, nobody
        // else comes or goes until we are done, except the watchdog.
        self.turn.exclusive_blocking()?;
        self.holders.unlock();
        let stopped = if self.holders.try_exclusive()? {
            server::stop(&self.place, self.account, &self.installation)
        } else {
            // Either there are other holders, and the shared lock is to be had
            // at once, or the watchdog was faster and is stopping the cluster.
            let deadline = Instant::now() + STOP_LIMIT;
            while !self.holders.try_shared()? && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(())
        };
        self.holders.unlock();
        self.turn.unlock();
        stopped
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Err(error) = self.release() {
            tracing::error!(%error, "could not stop the embedded PostgreSQL");
        }
    }
}

fn read_password(place: &Place) -> Result<String, EmbeddedError> {
    let path = place.password();
    let password = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => EmbeddedError::PasswordMissing { path: path.clone() },
        _ => EmbeddedError::at(&path)(error),
    })?;
    Ok(password.trim_end().to_owned())
}

/// Reads the password and puts together how to connect.
fn connect_options(place: &Place) -> Result<PgConnectOptions, EmbeddedError> {
    let password = read_password(place)?;
    Ok(PgConnectOptions::new_without_pgpass()
        .socket(place.socket())
        .port(5432)
        .username(SUPERUSER)
        .password(&password)
        .database(DATABASE)
        .ssl_mode(PgSslMode::Disable))
}
