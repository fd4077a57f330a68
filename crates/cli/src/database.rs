//! The database, opened for one command, and closed whatever comes.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::Value;
use systemprompt_config::Config;
use systemprompt_reporting::{Answer, Ctx, Entry, Scope, Settings};
use systemprompt_storage::{Storage, exports};
use tokio::runtime::Builder;

use crate::Outside;
use crate::actor::actor;
use crate::failure::Failure;

/// Asks `entry` as the operator, who may see everything.
pub(crate) fn ask(
    config: &Config,
    entry: &Entry,
    params: Value,
    outside: &mut Outside<'_>,
) -> Result<Answer<Value>, Failure> {
    with(config, outside, async |storage, outside| {
        Ok(entry.run(&ctx(config, storage, outside), params).await?)
    })
}

/// The operator, who may see everything.
pub(crate) fn ctx(config: &Config, storage: &Storage, outside: &Outside<'_>) -> Ctx {
    Ctx {
        pool: storage.questions().clone(),
        settings: Arc::new(Settings::from(&config.profile.analytics)),
        scope: Scope::everything(),
        clock: outside.clock,
    }
}

/// Records that rows which may name people were exported.
pub(crate) async fn exported(
    storage: &Storage,
    of: &str,
    format: &str,
    rows: usize,
    outside: &Outside<'_>,
) -> Result<(), Failure> {
    let export = exports::Export { of, format, rows };
    Ok(exports::record(storage.pool(), export, actor(), outside.clock.now()).await?)
}

/// Opens the database for some work. Starting the embedded one can take a
/// while: what it is doing is told aside.
pub(crate) fn with<T>(
    config: &Config,
    outside: &mut Outside<'_>,
    work: impl AsyncFnOnce(&Storage, &mut Outside<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    run(&mut Builder::new_current_thread(), config, outside, work)
}

/// As [`with`], for work that has a task of its own done meanwhile, on a second thread.
pub(crate) fn with_helper<T>(
    config: &Config,
    outside: &mut Outside<'_>,
    work: impl AsyncFnOnce(&Storage, &mut Outside<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut runtime = Builder::new_multi_thread();
    run(runtime.worker_threads(1), config, outside, work)
}

fn run<T>(
    runtime: &mut Builder,
    config: &Config,
    outside: &mut Outside<'_>,
    work: impl AsyncFnOnce(&Storage, &mut Outside<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    runtime.enable_all().build()?.block_on(async {
        let progress = RefCell::new(&mut *outside.err);
        let storage = Storage::open(config, |step| {
            // Progress that nobody can read is none to stop for.
            let _ = writeln!(progress.borrow_mut(), "{step}");
        })
        .await?;
        let done = work(&storage, outside).await;
        let closed = storage.close().await;
        let done = done?;
        closed.map_err(systemprompt_storage::OpenError::from)?;
        Ok(done)
    })
}
