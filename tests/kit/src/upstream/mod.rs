//! A mock AI provider: Anthropic, OpenAI and Gemini behind one address. It
//! answers with recorded or synthesised bodies and breaks in every way a real
//! provider does; which way is asked for by the request (see [`Behaviour`]).
//! What the answers mean is for the tests to say.

mod anthropic;
mod behaviour;
mod body;
mod chat;
mod errors;
mod faults;
mod gemini;
mod headers;
mod log;
mod openai;
mod recordings;
mod respond;
mod responses;
mod route;
mod serve;
mod sse;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

pub use behaviour::{Behaviour, UnknownOption};
pub use log::Call;
use serve::Shared;

/// How a mock provider is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder of recorded bodies with its `index.tsv`, for `rec:`.
    pub recordings: Option<PathBuf>,
    /// How many calls the log keeps, the latest ones; 0 keeps none, which is
    /// what a benchmark wants.
    pub log: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            recordings: None,
            log: 4_096,
        }
    }
}

/// A running mock provider. Dropping it closes its port and its connections.
#[derive(Debug)]
pub struct Upstream {
    /// Where it listens.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    accept: JoinHandle<()>,
}

impl Upstream {
    /// Starts a provider on a free loopback port.
    ///
    /// # Errors
    /// The port cannot be bound, or `recordings` has no readable index.
    pub async fn start(recordings: Option<&Path>) -> io::Result<Self> {
        let recordings = recordings.map(Path::to_path_buf);
        Self::start_with(Options {
            recordings,
            ..Options::default()
        })
        .await
    }

    /// Starts a provider as the options say.
    ///
    /// # Errors
    /// The address cannot be bound, or the recordings have no readable index.
    pub async fn start_with(options: Options) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(options.recordings, options.log)?);
        let listener = TcpListener::bind(options.listen).await?;
        let addr = listener.local_addr()?;
        let accept = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            addr,
            shared,
            accept,
        })
    }

    /// The base URL, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The logged calls, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.log.calls()
    }

    /// How many calls arrived, logged or not.
    #[must_use]
    pub fn call_count(&self) -> u64 {
        self.shared.log.count()
    }

    /// Closes the port and every connection, answered or not.
    pub async fn stop(mut self) {
        self.accept.abort();
        // Cancelled is the expected end; what matters is that it is over.
        let _ = (&mut self.accept).await;
    }

    /// Runs until the task is cancelled or the listener breaks.
    pub async fn run(mut self) {
        let _ = (&mut self.accept).await;
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // The set owns the connections: they end with this task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
                // Out of descriptors, mostly: waiting lets others close.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    use std::os::fd::AsFd;

    // A second handle on the socket outlives hyper's, so that a `cut` can turn
    // the close into a reset.
    let Ok(socket) = stream
        .set_nodelay(true)
        .and_then(|()| stream.as_fd().try_clone_to_owned())
    else {
        return;
    };
    let cut = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request| {
        let (shared, cut) = (Arc::clone(&shared), Arc::clone(&cut));
        async move { Ok::<_, std::convert::Infallible>(shared.answer(request, cut).await) }
    });
    // A client that leaves early is part of the tests, not an error.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if cut.load(Ordering::Acquire) {
        // Without it the peer sees an ordinary close: still a cut answer.
        let _ = rustix::net::sockopt::set_socket_linger(&socket, Some(Duration::ZERO));
    }
}
