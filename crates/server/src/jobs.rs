//! The jobs of this server, whose lines belong to the trace of their run.

use std::pin::Pin;
use std::sync::Arc;

use systemprompt_config::{Config, Profile};
use systemprompt_domain::{Clock, TraceId};
use systemprompt_jobs::{Done, Runner, Said, Surroundings, World};
use systemprompt_storage::Storage;
use tokio::sync::watch;

use crate::logs;

/// The jobs of this server, under the profile that is in force.
pub(crate) fn runner(
    config: &Config,
    storage: &Storage,
    in_force: watch::Receiver<Arc<Profile>>,
) -> Runner {
    Runner {
        world: World::new(config, storage, Clock::System).following(in_force),
        surroundings: Arc::new(Log),
    }
}

/// What a run says goes into the log.
struct Log;

type Working<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Done>> + Send + 'a>>;

impl Surroundings for Log {
    fn tell(&self, trace: TraceId, said: &Said<'_>) {
        let Said {
            job,
            warning,
            message,
            fields,
        } = said;
        logs::of(trace, || match warning {
            true => tracing::warn!(job, detail = %fields, "{message}"),
            false => tracing::info!(job, detail = %fields, "{message}"),
        });
    }

    fn within<'a>(&self, trace: TraceId, work: Working<'a>) -> Working<'a> {
        Box::pin(logs::during(trace, work))
    }
}
