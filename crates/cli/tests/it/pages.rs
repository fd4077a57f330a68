//! The commands that the docs tell are commands that there are.

use std::fs;
use std::path::Path;

use crate::shell::systemprompt;

/// The commands of a page: lines of its `sh` blocks that begin with the program.
fn commands(page: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in page.lines() {
        match line.trim() {
            "```sh" | "```console" => inside = true,
            "```" => inside = false,
            line if inside => {
                let line = line.trim_start_matches("$ ");
                // What is after a pipe or goes to a file is the shell's.
                let line = line.split(['|', '>', '#']).next().unwrap_or_default();
                if line.starts_with("systemprompt ") {
                    found.push(line.trim().to_owned());
                }
            }
            _ => {}
        }
    }
    found
}

#[test]
fn every_command_of_the_docs_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md")];
    for entry in fs::read_dir(root.join("docs")).expect("docs/") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    let mut tried = 0;
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page");
        for command in commands(&text) {
            // With --help nothing is done, but every word before it is read.
            let words = command.split_whitespace().skip(1);
            let words: Vec<&str> = words.take_while(|word| *word != "--").collect();
            let run = systemprompt(words.into_iter().chain(["--help"]));
            let page = page.display();
            assert_eq!(run.code, 0, "{page}: {command}\n{}", run.err);
            tried += 1;
        }
    }
    assert!(tried > 50, "only {tried} commands were found");
}
