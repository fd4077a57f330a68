//! What packages ship beside the program: completions for shells, pages for `man`.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;

use crate::Outside;
use crate::failure::Failure;

pub(crate) fn completions_command() -> Command {
    Command::new("completions")
        .about("Print completions for a shell")
        .after_help(
            "Examples:\n  \
             systemprompt completions bash > ~/.local/share/bash-completion/completions/systemprompt\n  \
             systemprompt completions zsh > ~/.zfunc/_systemprompt\n  \
             systemprompt completions fish > ~/.config/fish/completions/systemprompt.fish",
        )
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(value_parser!(Shell))
                .help("Which shell"),
        )
}

/// For packagers, and so not in the help.
pub(crate) fn man_command() -> Command {
    Command::new("man")
        .about("Write the manual pages into a folder")
        .hide(true)
        .arg(
            Arg::new("dir")
                .value_name("DIR")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The folder; it is made if it does not exist"),
        )
}

pub(crate) fn completions(matches: &ArgMatches, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let shell = matches.get_one::<Shell>("shell").expect("it is required");
    let mut script = Vec::new();
    let mut command = crate::command::command();
    clap_complete::generate(*shell, &mut command, "systemprompt", &mut script);
    outside.out.write_all(&script)?;
    Ok(())
}

pub(crate) fn man(matches: &ArgMatches, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let folder = matches.get_one::<PathBuf>("dir").expect("it is required");
    let mut root = crate::command::command();
    root.build();
    std::fs::create_dir_all(folder)?;
    let pages = write_pages(root, "systemprompt", folder)?;
    writeln!(outside.err, "{pages} pages in {}", folder.display())?;
    Ok(())
}

/// The page of a command and those of its own; how many that is.
fn write_pages(command: Command, name: &str, folder: &Path) -> Result<usize, Failure> {
    let below: Vec<Command> = command.get_subcommands().cloned().collect();
    // One title for all: that of a command of four words does not fit into a line twice.
    let page = clap_mangen::Man::new(command.name(name.to_owned()))
        .title("systemprompt")
        .manual("systemprompt analytics")
        .source(concat!("systemprompt ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    page.render(&mut text)?;
    std::fs::write(folder.join(format!("{name}.1")), text)?;
    let mut pages = 1;
    for command in below.into_iter().filter(|command| !command.is_hide_set()) {
        let name = format!("{name}-{}", command.get_name());
        pages += write_pages(command, &name, folder)?;
    }
    Ok(pages)
}
