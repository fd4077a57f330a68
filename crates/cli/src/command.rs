//! The tree of commands, and what is common to all.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use systemprompt_config::Sources;

use crate::{
    admin, alerts, analytics, config, content, db, doctor, export, import, jobs, logs, mcp,
    pricing, reports, shell, trail,
};

const EXAMPLES: &str = "\
Examples:
  systemprompt analytics overview
  systemprompt analytics costs --since 7d
  systemprompt analytics costs breakdown --by agent --since this-month
  systemprompt analytics costs trends --since 30d --export costs.csv
  systemprompt analytics requests list --state failed --limit 50
  systemprompt analytics traffic sources --since 7d
  systemprompt analytics sessions live
  systemprompt import access-log /var/log/nginx/access.log*
  systemprompt export requests requests.csv --since last-month
  systemprompt alerts status
  systemprompt infra logs audit 01935e8d-7c2a --full
  systemprompt infra logs view --level warn
  systemprompt infra audit verify
  systemprompt infra db status
  systemprompt infra jobs list
  systemprompt reports traffic --stdout
  systemprompt pricing show claude-haiku-4-5
  systemprompt admin user create alice@example.com
  systemprompt admin token create alice --kind gw
  systemprompt mcp serve --agent scout
  systemprompt mcp wrap --server files -- npx @example/files-server
  systemprompt config check
  systemprompt doctor

Exit codes: 0 answered, 1 not found or failed, 2 not a valid question.";

// Where the configuration and the data are. Every command has these. No doc
// comment: clap would take it for the help of the whole command.
#[derive(Clone, Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct Globals {
    /// Profile to use: a file, or a name below profiles/ [env: SYSTEMPROMPT_PROFILE]
    #[arg(long, global = true, value_name = "FILE|NAME")]
    profile: Option<String>,
    /// Folder of everything written at run time [env: SYSTEMPROMPT_STORAGE]
    #[arg(long, global = true, value_name = "DIR")]
    storage: Option<PathBuf>,
    /// PostgreSQL server to use instead of the embedded one [env: DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// One setting of the profile (can be repeated)
    #[arg(long, global = true, value_name = "KEY.PATH=VALUE")]
    set: Vec<String>,
}

impl Globals {
    pub(crate) fn of(matches: &ArgMatches) -> Self {
        Self::from_arg_matches(matches).expect("the command line was parsed with these arguments")
    }

    /// The configuration they point to.
    pub(crate) fn sources(&self) -> Sources {
        Sources {
            profile: self.profile.clone(),
            storage: self.storage.clone(),
            database_url: self.database_url.clone(),
            sets: self.set.clone(),
            ..Sources::default()
        }
    }
}

/// The whole command line.
pub(crate) fn command() -> Command {
    let command = Command::new("systemprompt")
        .version(env!("CARGO_PKG_VERSION"))
        .about("What AI requests cost, how they went, and why")
        .after_help(EXAMPLES)
        .max_term_width(100)
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(analytics::command())
        .subcommand(alerts::command())
        .subcommand(
            group("infra", "Look behind the answers")
                .subcommand(logs::command())
                .subcommand(trail::command())
                .subcommand(db::command())
                .subcommand(jobs::command()),
        )
        .subcommand(reports::command())
        .subcommand(content::command())
        .subcommand(import::command())
        .subcommand(export::whole::command())
        .subcommand(mcp::command())
        .subcommand(pricing::command())
        .subcommand(admin::command())
        .subcommand(config::command())
        .subcommand(doctor::command())
        .subcommand(shell::completions_command())
        .subcommand(shell::man_command());
    Globals::augment_args(command)
}

/// A command that only leads to others.
pub(crate) fn group(name: &'static str, about: &'static str) -> Command {
    Command::new(name)
        .about(about)
        .subcommand_required(true)
        .arg_required_else_help(true)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use systemprompt_reporting::QUERIES;

    use super::*;
    use crate::analytics::Output;

    #[test]
    fn the_tree_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn what_is_common_has_no_names_of_questions() {
        let ids = |command: Command| -> BTreeSet<String> {
            command
                .get_arguments()
                .map(|arg| arg.get_id().to_string())
                .collect()
        };
        let common = ids(Output::augment_args(Globals::augment_args(Command::new(
            "common",
        ))));
        assert_eq!(common.len(), 6);
        for entry in QUERIES {
            let own = ids(entry.augment(Command::new("question")));
            assert!(own.is_disjoint(&common), "{:?}: {own:?}", entry.path);
        }
    }

    #[test]
    fn common_arguments_count_wherever_they_stand() {
        for line in [
            "systemprompt --storage here analytics costs summary",
            "systemprompt analytics costs summary --storage here",
            "systemprompt analytics --storage here overview",
            "systemprompt infra logs audit --storage here 01935e8d",
            "systemprompt config check --storage here",
        ] {
            let matches = command().try_get_matches_from(line.split(' ')).expect(line);
            assert_eq!(
                Globals::of(&matches).sources().storage,
                Some(PathBuf::from("here")),
                "{line}"
            );
        }
    }
}
