//! The analytics server for one client, over standard input and output.

use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::analytics::Analytics;

/// Why a conversation over standard input and output ended early.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The client did not begin as the protocol demands.
    #[error("the MCP client did not begin as the protocol demands: {0}")]
    Begin(#[source] Box<ServerInitializeError>),
    /// The server's task broke down.
    #[error("the MCP server broke down: {0}")]
    Task(#[source] tokio::task::JoinError),
}

/// Answers until the client closes its end. A client that never says anything
/// has ended too.
///
/// # Errors
/// See [`StdioError`].
pub async fn serve_stdio<R, W>(analytics: Analytics, reader: R, writer: W) -> Result<(), StdioError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let running = match analytics.serve((reader, writer)).await {
        Ok(running) => running,
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(StdioError::Begin(Box::new(error))),
    };
    running.waiting().await.map_err(StdioError::Task)?;
    Ok(())
}
