//! The whole command line as one Markdown page: `docs/cli.md`.

use std::fmt::Write as _;

use clap::{Arg, Command};

/// The help of every command, in the order in which help lists them. Options
/// that every command has are shown with the first.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(
        "# The command line\n\n\
         What `--help` says, command by command. The options under *Configuration* hold for every \
         command. This page is made from the program by its tests.\n",
    );
    let mut root = crate::command::command().term_width(100);
    root.build();
    describe(root, &mut Vec::new(), &mut page);
    page
}

fn describe(command: Command, path: &mut Vec<String>, page: &mut String) {
    path.push(command.get_name().to_owned());
    let shown = |command: &&Command| !command.is_hide_set();
    let subcommands: Vec<Command> = command.get_subcommands().filter(shown).cloned().collect();
    let shown = if path.len() == 1 {
        command
    } else {
        command.mut_args(hide_common)
    };
    let asked = [
        path.last().map(String::as_str).unwrap_or_default(),
        "--help",
    ];
    let help = shown
        .term_width(100)
        .try_get_matches_from(asked)
        .expect_err("help is no match");
    let help = help.render().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let (name, help) = (path.join(" "), lines.join("\n"));
    write!(page, "\n## `{name}`\n\n```text\n{}\n```\n", help.trim_end())
        .expect("a String takes all");
    for command in subcommands {
        describe(command, path, page);
    }
    path.pop();
}

fn hide_common(arg: Arg) -> Arg {
    let common = arg.is_global_set();
    arg.hide(common)
}
