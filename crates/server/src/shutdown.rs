//! Stopping in steps: refuse new work, let running work end, cut what is left.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What running work watches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shutdown {
    /// No new connections or requests.
    pub(crate) stopping: CancellationToken,
    /// Streams end now.
    pub(crate) cut: CancellationToken,
    /// Requests that are under way, whether or not their client still is.
    pub(crate) work: TaskTracker,
    /// Connections, which may still have bytes to deliver.
    pub(crate) connections: TaskTracker,
}

/// How long delivered bytes may take to leave.
const FLUSH: Duration = Duration::from_secs(2);

impl Shutdown {
    /// Resolves at the first SIGTERM or SIGINT. A second one ends the process
    /// at once: the spool makes that safe.
    pub(crate) async fn signalled() -> std::io::Result<()> {
        let mut term = signal(SignalKind::terminate())?;
        let mut int = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            tracing::warn!("second signal: stopping at once; what was accepted is in the spool");
            #[allow(clippy::exit)] // exactly what the operator asks for
            std::process::exit(130);
        });
        Ok(())
    }

    /// Waits for running work, then cuts it.
    pub(crate) async fn drain(&self, patience: Duration) {
        self.stopping.cancel();
        self.work.close();
        if tokio::time::timeout(patience, self.work.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                requests = self.work.len(),
                "cutting requests that did not end in time"
            );
            self.cut.cancel();
            self.work.wait().await;
        }
        self.connections.close();
        let _ = tokio::time::timeout(FLUSH, self.connections.wait()).await;
    }
}
