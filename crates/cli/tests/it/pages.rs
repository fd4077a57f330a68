//! The commands that the docs tell are commands that there are.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The commands of a page: lines of its `sh` blocks that begin with the program, and the
/// examples that help shows.
fn commands(page: &str) -> Vec<&str> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in page.lines() {
        match line.trim() {
            "```sh" | "```console" | "Examples:" => inside = true,
            "```" => inside = false,
            line if inside => {
                let line = line.trim_start_matches("$ ");
                // What is after a pipe or goes to a file is the shell's.
                let line = line.split(['|', '>', '#']).next().unwrap_or_default();
                if line.starts_with("systemprompt ") {
                    found.push(line.trim());
                }
            }
            _ => {}
        }
    }
    found
}

/// The commands in the sentences of a page, which may end where one would say more.
fn mentions(page: &str) -> Vec<&str> {
    let prose = page.split("```").step_by(2);
    let code = prose.flat_map(|prose| prose.split('`').skip(1).step_by(2));
    code.filter(|code| code.starts_with("systemprompt "))
        .collect()
}

/// The words of a line, as a shell reads them.
fn words(line: &str) -> Vec<OsString> {
    let mut words = Vec::new();
    for (n, part) in line.split('\'').enumerate() {
        match n % 2 {
            0 => words.extend(part.split_whitespace().map(OsString::from)),
            _ => words.push(part.into()),
        }
    }
    words
}

fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    for entry in fs::read_dir(root.join("docs")).expect("docs/") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    pages
        .into_iter()
        .map(|page| {
            let text = fs::read_to_string(&page).expect("a page");
            (page, text)
        })
        .collect()
}

#[test]
fn every_command_of_the_docs_is_one() {
    let mut tried = 0;
    for (page, text) in pages() {
        for command in commands(&text) {
            let read = systemprompt_cli::check(words(command));
            assert_eq!(read, Ok(()), "{}: {command}", page.display());
            tried += 1;
        }
    }
    assert!(tried > 150, "only {tried} commands were found");
}

#[test]
fn every_command_that_the_docs_mention_is_one() {
    let mut tried = 0;
    for (page, text) in pages() {
        for command in mentions(&text) {
            let mut words = words(command);
            // Before it every word is read, but none may be missing.
            words.push("--help".into());
            let read = systemprompt_cli::check(words);
            assert_eq!(read, Ok(()), "{}: {command}", page.display());
            tried += 1;
        }
    }
    assert!(tried > 30, "only {tried} commands were found");
}
