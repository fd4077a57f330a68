//! `systemprompt config`: whether the configuration can be used, and what it
//! comes to.

use clap::Command;
use systemprompt_config::RELOADED;

use crate::Outside;
use crate::command::{Globals, group};
use crate::failure::Failure;

pub(crate) fn command() -> Command {
    group("config", "Check and show the configuration")
        .subcommand(
            Command::new("check")
                .about("Say whether the configuration can be used, and what to know about it")
                .after_help(
                    "Every fault is named at once, with file, line and key.\n\nA running server reads \
                     the profile again when it is sent SIGHUP: it takes over what it can, all or \
                     nothing, and its log says what needs a restart.",
                ),
        )
        .subcommand(
            Command::new("show")
                .about("Show the effective configuration as YAML, secrets hidden")
                .after_help(
                    "Later layers override earlier ones, key by key: defaults, \
                     services/ai/providers.yaml, the profile, the environment, options, --set.",
                ),
        )
        .subcommand(
            Command::new("schema")
                .about("Print the JSON Schema of a profile, for editors")
                .after_help("Example:\n  systemprompt config schema > profile.schema.json"),
        )
}

pub(crate) fn check(globals: &Globals, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let config = systemprompt_config::load(&globals.sources())?;
    for warning in &config.warnings {
        writeln!(outside.out, "warning: {warning}")?;
    }
    match &config.profile_path {
        Some(path) => writeln!(outside.out, "{} can be used.", path.display())?,
        None => writeln!(outside.out, "There is no profile: the defaults are used.")?,
    }
    writeln!(
        outside.out,
        "A running server takes over {} when it is sent SIGHUP; all else needs a restart.",
        RELOADED.join(", ")
    )?;
    Ok(())
}

pub(crate) fn show(globals: &Globals, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let config = systemprompt_config::load(&globals.sources())?;
    outside
        .out
        .write_all(systemprompt_config::show(&config).as_bytes())?;
    Ok(())
}

pub(crate) fn schema(outside: &mut Outside<'_>) -> Result<(), Failure> {
    writeln!(outside.out, "{:#}", systemprompt_config::schema())?;
    Ok(())
}
