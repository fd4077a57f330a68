//! A mail server that keeps what it is sent: plain, with STARTTLS or with TLS
//! from the start, with or without a login, and out of order on demand.

mod session;

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// How a mail server encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all.
    None,
    /// After `STARTTLS`, before which it takes neither logins nor mail.
    StartTls,
    /// From the first byte, as on port 465.
    Implicit,
}

/// A running mail server. Dropping it closes its port and its connections.
#[derive(Debug)]
pub struct SmtpSink {
    /// Where it listens.
    pub addr: SocketAddr,
    encryption: Encryption,
    certificate: String,
    shared: Arc<Shared>,
    accept: JoinHandle<()>,
}

/// A mail that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients, as far as they were accepted.
    pub to: Vec<String>,
    /// Headers and body as they were sent, without the transport's dots.
    pub content: String,
    /// The user who was logged in.
    pub user: Option<String>,
    /// Whether it came encrypted.
    pub encrypted: bool,
}

/// What the connections share.
struct Shared {
    encryption: Encryption,
    tls: TlsAcceptor,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    login: Option<(String, String)>,
    down: bool,
    replies: VecDeque<String>,
    refused: BTreeMap<String, String>,
    mails: Vec<Mail>,
}

impl SmtpSink {
    /// Starts a server on a free loopback port, with a certificate of its own
    /// for `localhost` and 127.0.0.1.
    ///
    /// # Errors
    /// The port cannot be bound, or no certificate can be made.
    pub async fn start(encryption: Encryption) -> Result<Self> {
        let names = ["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string()];
        let made = rcgen::generate_simple_self_signed(names)?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())?;
        let shared = Arc::new(Shared {
            encryption,
            tls: TlsAcceptor::from(Arc::new(tls)),
            state: Mutex::default(),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let accept = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            addr,
            encryption,
            certificate: made.cert.pem(),
            shared,
            accept,
        })
    }

    /// Its address as a profile's `smtp_url`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_as("")
    }

    /// The same with a login, `user:password@`, in front of the host.
    #[must_use]
    pub fn url_as(&self, login: &str) -> String {
        let (scheme, query) = match self.encryption {
            Encryption::None => ("smtp", ""),
            Encryption::StartTls => ("smtp", "?tls=required"),
            Encryption::Implicit => ("smtps", ""),
        };
        format!("{scheme}://{login}{}{query}", self.addr)
    }

    /// Its certificate as PEM, for those who are to trust it.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Takes mail from this user alone.
    pub fn require_login(&self, user: &str, password: &str) {
        self.shared.state().login = Some((user.to_owned(), password.to_owned()));
    }

    /// While it is down it hangs up on whoever connects.
    pub fn set_down(&self, down: bool) {
        self.shared.state().down = down;
    }

    /// Answers the next mails with these replies, such as `451 4.3.0 later`,
    /// instead of keeping them; those after them are kept again.
    pub fn reply<T: Into<String>>(&self, replies: impl IntoIterator<Item = T>) {
        let replies = replies.into_iter().map(Into::into);
        self.shared.state().replies.extend(replies);
    }

    /// Refuses a recipient with a reply such as `550 5.1.1 no such user`.
    pub fn refuse(&self, recipient: &str, reply: &str) {
        let refused = &mut self.shared.state().refused;
        refused.insert(recipient.to_owned(), reply.to_owned());
    }

    /// The mails it accepted, oldest first.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.state().mails.clone()
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.state().fmt(f)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // The set owns the connections: they end with this task.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        if !shared.state().down {
            // Clients may hang up at any time.
            let shared = Arc::clone(&shared);
            connections.spawn(async move { drop(session::run(stream, shared).await) });
        }
    }
}
