//! A web site whose page views are recorded, crawlers included.
//!
//! ```sh
//! export SYSTEMPROMPT_URL=http://127.0.0.1:8080 SYSTEMPROMPT_TOKEN=sp_…   # scope: ingest
//! cargo run -p systemprompt-capture --features tower,http-sink --example page_views
//! ```
#![expect(
    clippy::print_stdout,
    reason = "an example talks to whoever started it"
)]

use std::env;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Path};
use axum::response::Html;
use axum::routing::get;
use systemprompt_capture::Capture;
use systemprompt_capture::page_views::{Asked, DailyVisitors, PageViewLayer};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // With reqwest's default features there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (url, token) = (
        env::var("SYSTEMPROMPT_URL")?,
        env::var("SYSTEMPROMPT_TOKEN")?,
    );
    let folder = env::var("SYSTEMPROMPT_SPOOL").unwrap_or_else(|_| "page-views-spool".to_owned());
    let capture = Capture::builder(reqwest::Client::new(), &url, token).start(folder)?;

    // The address is hashed with a key of the day, and not recorded.
    let visitors = DailyVisitors::new(|asked: &Asked<'_>| {
        let peer = asked.extensions.get::<ConnectInfo<SocketAddr>>()?;
        Some(peer.0.ip())
    });
    let site = Router::new()
        .route(
            "/",
            get(|| async { Html("<title>Home</title><a href=/docs/a>Docs</a>") }),
        )
        .route(
            "/docs/{page}",
            get(|Path(page): Path<String>| async move { format!("All about {page}") }),
        )
        .layer(PageViewLayer::new(capture.recorder(), visitors))
        .into_make_service_with_connect_info::<SocketAddr>();

    let listen = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    axum::serve(listener, site)
        .with_graceful_shutdown(stop)
        .await?;
    println!("{:?}", capture.close(Duration::from_secs(5)).await);
    Ok(())
}
