//! The mock AI provider as a process of its own, for SDK suites and benchmarks.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use systemprompt_testkit::upstream::{Options, Upstream};

/// A mock of the Anthropic, OpenAI and Gemini APIs
#[derive(Parser)]
struct Args {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:9191")]
    listen: SocketAddr,
    /// Folder of recorded bodies with its index.tsv
    #[arg(long)]
    recordings: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let Args { listen, recordings } = Args::parse();
    let upstream = Upstream::start_with(Options {
        listen,
        recordings,
        log: 0,
    })
    .await?;
    writeln!(std::io::stdout(), "listening on {}", upstream.url())?;
    upstream.run().await;
    Ok(())
}
