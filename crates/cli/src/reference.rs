//! The whole command line as one Markdown page: `docs/cli.md`.

use std::fmt::Write as _;

use clap::Command;

/// The help of every command, in the order in which help lists them.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(
        "# The command line\n\n\
         What `--help` says, command by command. This page is made from the program by its tests.\n",
    );
    let mut root = crate::command::command().term_width(100);
    root.build();
    describe(&root, &mut Vec::new(), &mut page);
    page
}

fn describe(command: &Command, path: &mut Vec<String>, page: &mut String) {
    path.push(command.get_name().to_owned());
    let help = command.clone().term_width(100).render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let name = path.join(" ");
    write!(page, "\n## `{name}`\n\n```text\n{}\n```\n", help.join("\n").trim_end())
        .expect("a String takes all");
    for command in command.get_subcommands() {
        describe(command, path, page);
    }
    path.pop();
}
