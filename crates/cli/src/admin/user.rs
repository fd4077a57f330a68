//! `systemprompt admin user`: the people who sign in at `/admin`.

mod choose;
mod show;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::{Value, json};
use systemprompt_config::Config;
use systemprompt_storage::users::{self, NewUser, Role, UserName};
use systemprompt_storage::{Storage, audit};

use self::choose::Choice;
use super::write_json;
use crate::Outside;
use crate::actor::actor;
use crate::command::group;
use crate::database;
use crate::failure::Failure;
use crate::human::figure;

const EXAMPLES: &str = "\
Examples:
  systemprompt admin user create alice@example.com
  systemprompt admin user create bob --role viewer --ask-password
  systemprompt admin user list
  systemprompt admin user password alice@example.com
  systemprompt admin user disable bob

Admins see and change everything, viewers only see. Programs use tokens instead.";

const CREATE: &str = "\
Without a password a one-time link is printed, with which the user chooses one.
A password has at least 8 characters; 15 or more are better, such as a few words.

Examples:
  systemprompt admin user create alice@example.com
  systemprompt admin user create bob --role viewer --ask-password
  pass show analytics/bob | systemprompt admin user create bob --password-stdin";

const PASSWORD: &str = "\
Without a password a one-time link is printed, with which the user chooses one;
until then the old password holds. A new password signs the user out everywhere.

Examples:
  systemprompt admin user password alice@example.com
  systemprompt admin user password bob --ask-password";

const ERASE: &str = "\
The user, their sessions and links are deleted, their tokens revoked, and wherever they are named,
in requests, tool calls, totals, conversations and activity, an opaque name such as erased-7 stands
from then on. The audit log names people by pseudonyms, whose meaning is forgotten: it still verifies. This
cannot be undone. Log lines go with retention; names in the profile, backups and anything that
clients put into ids of their own are yours to change. What arrives meanwhile needs another run.

Example:
  systemprompt admin user erase alice@example.com";

pub(crate) fn command() -> Command {
    let leaf = |name, about, more| {
        Command::new(name)
            .about(about)
            .after_help(more)
            .arg(json_arg())
    };
    let role = Arg::new("role")
        .long("role")
        .value_name("ROLE")
        .value_parser(
            PossibleValuesParser::new(Role::ALL.map(Role::as_str)).map(|role| Role::of(&role)),
        )
        .default_value(Role::Admin.as_str())
        .help("What the user may do");
    group("user", "Make, list and disable users who sign in at /admin")
        .after_help(EXAMPLES)
        .subcommand(
            leaf("create", "Make a user", CREATE)
                .arg(name_arg())
                .arg(role)
                .args(choose::args()),
        )
        .subcommand(leaf(
            "list",
            "List the users",
            "A user who is invited has a one-time link and no password yet.",
        ))
        .subcommand(
            leaf(
                "disable",
                "Let a user sign in no more, and sign them out",
                "It takes effect at once, on every server. What the user did stays on record.",
            )
            .arg(name_arg()),
        )
        .subcommand(
            leaf(
                "enable",
                "Let a disabled user sign in again",
                "The password is the one it was.",
            )
            .arg(name_arg()),
        )
        .subcommand(
            leaf("password", "Give a user another password", PASSWORD)
                .arg(name_arg())
                .args(choose::args()),
        )
        .subcommand(
            leaf("erase", "Remove a person's personal data for good", ERASE)
                .arg(Arg::new("person").value_name("NAME").required(true).help(
                "The name as requests and events have it; whether they may sign in does not matter",
            )),
        )
        .subcommand(
            leaf(
                "sessions",
                "List the browsers in which a user is signed in",
                "Times are UTC. End them: systemprompt admin user logout NAME",
            )
            .arg(name_arg()),
        )
        .subcommand(
            leaf(
                "logout",
                "Sign a user out everywhere",
                "It takes effect at once. The user may sign in again; `disable` prevents that.",
            )
            .arg(name_arg()),
        )
}

fn name_arg() -> Arg {
    Arg::new("name")
        .value_name("NAME")
        .required(true)
        .value_parser(value_parser!(UserName))
        .help("The user's name or e-mail address")
}

fn json_arg() -> Arg {
    Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help_heading("Output")
        .help("Answer in JSON")
}

pub(crate) fn run(
    command: &str,
    matches: &ArgMatches,
    config: &Config,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let (said, told) = match command {
        "list" => return show::users(config, matches, outside),
        "sessions" => return show::sessions(config, name(matches), matches, outside),
        "create" => create(config, matches, outside)?,
        "password" => password(config, matches, outside)?,
        "disable" => set_disabled(config, name(matches), true, outside)?,
        "enable" => set_disabled(config, name(matches), false, outside)?,
        "erase" => erase(config, matches, outside)?,
        "logout" => logout(config, name(matches), outside)?,
        other => unreachable!("clap admits no other commands than {other:?}"),
    };
    if matches.get_flag("json") {
        return Ok(write_json(outside, &told)?);
    }
    Ok(writeln!(outside.out, "{said}")?)
}

fn name(matches: &ArgMatches) -> &UserName {
    matches.get_one("name").expect("clap requires it")
}

/// An answer for people, and the same as JSON.
type Answer = (String, Value);

fn create(
    config: &Config,
    matches: &ArgMatches,
    outside: &mut Outside<'_>,
) -> Result<Answer, Failure> {
    let name = name(matches);
    let role: Role = *matches.get_one("role").expect("it has a default");
    // Before the database: who mistypes a password need not wait for it.
    let choice = choose::read(matches, name)?;
    database::with(config, outside, async |storage, outside| {
        let hash = choice.hash();
        let new = NewUser {
            name,
            role,
            password_hash: hash.as_deref(),
        };
        let (pool, now) = (storage.pool(), outside.clock.now());
        users::create(pool, new, actor(), now).await?;
        let made = format!("{name} may sign in at /admin as {}.", role.as_str());
        let told = json!({ "user": name.as_str(), "role": role.as_str() });
        with_link(config, storage, outside, &choice, name, (made, told)).await
    })
}

fn password(
    config: &Config,
    matches: &ArgMatches,
    outside: &mut Outside<'_>,
) -> Result<Answer, Failure> {
    let name = name(matches);
    let choice = choose::read(matches, name)?;
    database::with(config, outside, async |storage, outside| {
        let told = json!({ "user": name.as_str() });
        let said = match choice.hash() {
            Some(hash) => {
                let (pool, now) = (storage.pool(), outside.clock.now());
                users::set_password(pool, name, &hash, actor(), now).await?;
                format!("{name} has a new password and is signed out everywhere.")
            }
            None => format!("{name} can choose a new password."),
        };
        with_link(config, storage, outside, &choice, name, (said, told)).await
    })
}

/// Adds a one-time link, if it is what was chosen.
async fn with_link(
    config: &Config,
    storage: &Storage,
    outside: &Outside<'_>,
    choice: &Choice,
    name: &UserName,
    (mut said, mut told): Answer,
) -> Result<Answer, Failure> {
    if let Choice::Link = choice {
        let now = outside.clock.now();
        let secret = users::invite(storage.pool(), name, actor(), now).await?;
        let link = choose::link(config, &secret);
        let hours = users::LINK_LIFETIME.whole_hours();
        said += &format!(
            "\nOne-time link to choose a password, good for {hours} hours; whoever has it can use it:\n  {link}"
        );
        told["link"] = link.into();
        told["link_expires_at"] = show::moment(now + users::LINK_LIFETIME);
    }
    Ok((said, told))
}

fn erase(
    config: &Config,
    matches: &ArgMatches,
    outside: &mut Outside<'_>,
) -> Result<Answer, Failure> {
    let name: &String = matches.get_one("person").expect("clap requires it");
    database::with(config, outside, async |storage, outside| {
        storage.log()?;
        let now = outside.clock.now();
        let erased = audit::erase(&storage.upkeep_pool(), name, actor(), now).await;
        let erased = erased.map_err(|error| Failure::Question(error.into()))?;
        let Some(erased) = erased else {
            return Err(Failure::NotFound(format!("nothing names {name}")));
        };
        let said = format!(
            "{name} is erased; what they did is now that of {}. {} rows were changed.",
            erased.name,
            figure::grouped(&erased.rows.to_string())
        );
        Ok((said, json!({ "erased": erased.name, "rows": erased.rows })))
    })
}

fn set_disabled(
    config: &Config,
    name: &UserName,
    disabled: bool,
    outside: &mut Outside<'_>,
) -> Result<Answer, Failure> {
    database::with(config, outside, async |storage, outside| {
        let (pool, now) = (storage.pool(), outside.clock.now());
        let changed = users::set_disabled(pool, name, disabled, actor(), now).await?;
        let said = match (disabled, changed) {
            (true, true) => format!("{name} may not sign in any more and is signed out."),
            (true, false) => format!("{name} was disabled already."),
            (false, true) => format!("{name} may sign in again."),
            (false, false) => format!("{name} was not disabled."),
        };
        let told = json!({ "user": name.as_str(), "disabled": disabled, "changed": changed });
        Ok((said, told))
    })
}

fn logout(config: &Config, name: &UserName, outside: &mut Outside<'_>) -> Result<Answer, Failure> {
    database::with(config, outside, async |storage, outside| {
        let ended = users::end_all(storage.pool(), name, actor(), outside.clock.now()).await?;
        let said = match ended {
            0 => format!("{name} was not signed in."),
            1 => format!("{name} is signed out of 1 browser."),
            n => format!("{name} is signed out of {n} browsers."),
        };
        Ok((said, json!({ "user": name.as_str(), "ended": ended })))
    })
}
