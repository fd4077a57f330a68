//! `systemprompt infra jobs enable` and `disable`.

use clap::{ArgMatches, FromArgMatches};
use serde_json::json;
use systemprompt_storage::jobs::{Switched, switch};

use super::{One, failed, known, write_json};
use crate::Outside;
use crate::actor::actor;
use crate::command::Globals;
use crate::database;
use crate::failure::Failure;

pub(super) fn run(
    enabled: bool,
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args = One::from_arg_matches(matches).expect("the command was made from these arguments");
    let job = known(&args.name)?;
    let config = systemprompt_config::load(&globals.sources())?;
    let configured = job.settings(&config.profile.scheduler).enabled;
    let now = outside.clock.now();
    let switched = database::with(&config, outside, async |storage, _| {
        let pool = storage.pool();
        switch(pool, job.name, configured, enabled, Some(actor()), now)
            .await
            .map_err(failed)
    })?;
    let changed = switched == Switched::Changed;
    if args.json {
        let answer = json!({ "job": job.name, "enabled": enabled, "changed": changed });
        return Ok(write_json(outside, &answer)?);
    }
    let word = if enabled { "enabled" } else { "disabled" };
    let already = if changed { "" } else { " already" };
    writeln!(
        outside.out,
        "{} is {word}{already}, on all servers, until somebody says otherwise.",
        job.name
    )?;
    Ok(())
}
