//! The accept loop: `axum::serve` has no limits, so connections, header time
//! and stopping are handled here.

mod h2;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::{Service, ServiceExt as _};

use self::h2::Streams;
use crate::door::client::{Proxies, ViaProxy};
use crate::door::linger::linger;
use crate::shutdown::Shutdown;
use crate::swap::Swap;
use crate::tls;

/// Limits on clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at once; further ones wait in the kernel's queue.
    pub(crate) connections: usize,
    /// Time for a request's header, and for the next request on a connection.
    pub(crate) header: Duration,
}

/// How connections are taken.
pub(crate) struct Door {
    pub(crate) app: Router,
    pub(crate) limits: Limits,
    pub(crate) proxies: Proxies,
    /// What connections are encrypted with; `None`: they are not.
    pub(crate) tls: Option<Swap<ServerConfig>>,
    pub(crate) shutdown: Shutdown,
}

/// Serves until the shutdown begins, then lets connections end.
pub(crate) async fn serve(listener: TcpListener, door: Door) {
    let door = Arc::new(door);
    let shutdown = &door.shutdown;
    let room = Arc::new(Semaphore::new(door.limits.connections));
    loop {
        let permit = tokio::select! {
            permit = Arc::clone(&room).acquire_owned() => permit,
            () = shutdown.stopping.cancelled() => return,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.stopping.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: give others time to end.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        prepare(&stream);
        let one = Arc::clone(&door);
        shutdown.connections.spawn(async move {
            let _permit = permit;
            one.talk(stream, peer).await;
        });
    }
}

impl Door {
    /// One connection, from its first byte to its end.
    async fn talk(&self, stream: TcpStream, peer: SocketAddr) {
        let Some(tls) = &self.tls else {
            return self.answer(stream, peer).await;
        };
        let handshake = TlsAcceptor::from(tls.current()).accept(stream);
        // A client has as long for it as for the head of a request.
        let handshake = tokio::time::timeout(self.limits.header, handshake);
        let handshake = tokio::select! {
            handshake = handshake => handshake,
            () = self.shutdown.stopping.cancelled() => return,
        };
        match handshake {
            Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(tls::H2) => {
                self.answer_streams(stream, peer).await;
            }
            Ok(Ok(stream)) => self.answer(stream, peer).await,
            Ok(Err(error)) => tracing::debug!(%error, %peer, "no encryption was agreed on"),
            Err(_) => tracing::debug!(%peer, "a client took too long to agree on encryption"),
        }
    }

    async fn answer<S>(&self, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = self.routes(peer);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.limits.header)
            .max_headers(128);
        let connection =
            http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.shutdown.stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, %peer, "a connection ended early");
        }
    }

    /// The same, where several requests share the connection.
    async fn answer_streams<S>(&self, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let silence = self.limits.header;
        let (routes, streams) = (self.routes(peer), Streams::default());
        let begun = streams.clone();
        let service = tower::service_fn(move |request: Request<Incoming>| {
            let (stream, routes) = (begun.begin(), routes.clone());
            async move {
                let answer = routes.oneshot(h2::plain(request)).await;
                answer.map(|answer| stream.answer(answer))
            }
        });
        let connection = h2::builder(silence)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            // A client that has nothing to ask makes room for others.
            () = streams.idle(silence) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            () = self.shutdown.stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, %peer, "a connection ended early");
        }
    }

    /// The routes, which hear who is asking.
    fn routes(
        &self,
        peer: SocketAddr,
    ) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static
    + use<> {
        let proxies = self.proxies.clone();
        let hear = move |mut request: Request<Incoming>| {
            let client = proxies.client(peer.ip(), request.headers());
            let proxied = ViaProxy(proxies.trusts(peer.ip()));
            request.extensions_mut().insert(client);
            request.extensions_mut().insert(proxied);
            request.extensions_mut().insert(ConnectInfo(peer));
            linger(request)
        };
        self.app.clone().map_request(hear)
    }
}

fn prepare(stream: &TcpStream) {
    // Small events must not wait for the next one.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
}
