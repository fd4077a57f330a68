//! A question put to the database: opened for it, and closed whatever comes.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::Value;
use systemprompt_config::Config;
use systemprompt_reporting::{Answer, Ctx, Entry, Scope, Settings};
use systemprompt_storage::Storage;

use crate::Outside;
use crate::failure::Failure;

/// Asks `entry` as the operator, who may see everything. Starting the embedded
/// database can take a while: what it is doing is told aside.
pub(crate) fn ask(
    config: &Config,
    entry: &Entry,
    params: Value,
    outside: &mut Outside<'_>,
) -> Result<Answer<Value>, Failure> {
    // One question at a time needs no other threads.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let progress = RefCell::new(&mut *outside.err);
        let storage = Storage::open(config, |step| {
            // Progress that nobody can read is none to stop for.
            let _ = writeln!(progress.borrow_mut(), "{step}");
        })
        .await?;
        let ctx = Ctx {
            pool: storage.pool().clone(),
            settings: Arc::new(Settings::from(&config.profile.analytics)),
            scope: Scope::everything(),
            clock: outside.clock,
        };
        let answer = entry.run(&ctx, params).await;
        let closed = storage.close().await;
        let answer = answer?;
        closed.map_err(systemprompt_storage::OpenError::from)?;
        Ok(answer)
    })
}
