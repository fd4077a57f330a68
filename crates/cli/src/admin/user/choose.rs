//! Where a password comes from: the terminal without an echo, a pipe, or the
//! user, by a one-time link. Never the command line, which others can see.

use std::io::{BufRead as _, Read as _};

use clap::{Arg, ArgAction, ArgMatches};
use systemprompt_config::Config;
use systemprompt_storage::users::{Password, Secret, UserName};

use crate::failure::Failure;

/// More than a password can have.
const LONGEST_LINE: u64 = 8 * 1024;

/// What was chosen.
pub(super) enum Choice {
    Password(Password),
    Link,
}

impl Choice {
    /// The password's hash, if it is one.
    pub(super) fn hash(&self) -> Option<String> {
        match self {
            Self::Password(password) => Some(password.hash()),
            Self::Link => None,
        }
    }
}

pub(super) fn args() -> [Arg; 2] {
    [
        Arg::new("ask-password")
            .long("ask-password")
            .action(ArgAction::SetTrue)
            .conflicts_with("password-stdin")
            .help("Ask for a password on the terminal"),
        Arg::new("password-stdin")
            .long("password-stdin")
            .action(ArgAction::SetTrue)
            .help("Read a password from standard input: its first line"),
    ]
}

pub(super) fn read(matches: &ArgMatches, user: &UserName) -> Result<Choice, Failure> {
    let text = if matches.get_flag("ask-password") {
        ask(user)?
    } else if matches.get_flag("password-stdin") {
        let mut line = String::new();
        let mut stdin = std::io::stdin().lock().take(LONGEST_LINE);
        stdin
            .read_line(&mut line)
            .map_err(|error| unreadable(&error))?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    } else {
        return Ok(Choice::Link);
    };
    let password = Password::new(text, user).map_err(|why| Failure::Usage(why.to_string()))?;
    Ok(Choice::Password(password))
}

/// Asks twice: nobody sees what they type.
fn ask(user: &UserName) -> Result<String, Failure> {
    let prompt = |text: &str| rpassword::prompt_password(text).map_err(|error| unreadable(&error));
    let first = prompt(&format!("Password for {user}: "))?;
    if prompt("Once more: ")? == first {
        Ok(first)
    } else {
        Err(Failure::Usage("the passwords differ".to_owned()))
    }
}

fn unreadable(error: &std::io::Error) -> Failure {
    Failure::Usage(format!("cannot read a password: {error}"))
}

/// The address of a one-time link, as far as the profile tells.
pub(super) fn link(config: &Config, secret: &Secret) -> String {
    let listen = config.profile.server.listen;
    let base = if listen.ip().is_loopback() {
        format!("http://{listen}")
    } else {
        "https://<your server>".to_owned()
    };
    format!("{base}/admin/setup?key={}", secret.expose())
}
