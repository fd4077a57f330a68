//! A page of the documentation: its blocks of commands, and the files it shows.

use std::path::Path;

/// A page, as it lies in the repository.
pub(super) struct Page {
    /// Its path from the root of the repository.
    pub(super) name: String,
    pub(super) blocks: Vec<Block>,
}

/// What stands between two fences.
pub(super) struct Block {
    /// Where the block begins, from 1.
    pub(super) line: usize,
    /// The first word after the fence, empty if there is none.
    pub(super) language: String,
    /// The words after it.
    tags: Vec<String>,
    pub(super) text: String,
}

impl Page {
    pub(super) fn read(root: &Path, name: &str) -> Self {
        let text = std::fs::read_to_string(root.join(name)).unwrap();
        Self {
            name: name.to_owned(),
            blocks: blocks(&text),
        }
    }

    /// What it shows of files below `profiles/` and `services/`: the path that the
    /// first line of a block names in a comment, and the block.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        let yaml = self.blocks.iter().filter(|block| block.language == "yaml");
        yaml.filter_map(|block| {
            let (first, _) = block.text.split_once('\n')?;
            let path = first.strip_prefix("# ")?;
            let ours = path.starts_with("profiles/") || path.starts_with("services/");
            ours.then_some((path, block.text.as_str()))
        })
    }

    /// Whether any of its commands mentions this.
    pub(super) fn mentions(&self, text: &str) -> bool {
        let mut scripts = self.blocks.iter().filter_map(Block::script);
        scripts.any(|script| script.contains(text))
    }
}

impl Block {
    /// Whether it says that it is for people to run.
    pub(super) fn is_shell(&self) -> bool {
        matches!(self.language.as_str(), "sh" | "bash" | "shell" | "console")
    }

    /// Whether it looks like commands, whatever it says it is.
    pub(super) fn begins_like_commands(&self) -> bool {
        let first = self.text.split_whitespace().find(|word| *word != "$");
        let programs = ["systemprompt", "systemprompt-server", "curl", "cargo"];
        first.is_some_and(|word| programs.contains(&word))
    }

    /// Whether it says that no test runs it.
    pub(super) fn is_not_run(&self) -> bool {
        self.tags == ["not-run"]
    }

    /// Its tags other than that one.
    pub(super) fn unknown_tag(&self) -> Option<&str> {
        let mut tags = self.tags.iter().map(String::as_str);
        tags.find(|tag| *tag != "not-run")
    }

    /// What is to be run; `None` if that is nothing.
    pub(super) fn script(&self) -> Option<String> {
        if !self.is_shell() || self.is_not_run() {
            return None;
        }
        if self.language != "console" {
            return Some(self.text.clone());
        }
        // What follows a prompt is typed; the rest is what comes of it.
        let typed = self.text.lines().filter_map(|line| line.strip_prefix("$ "));
        Some(typed.map(|line| format!("{line}\n")).collect())
    }
}

/// How many commands a script has: lines, without comments and what goes on from
/// the line before.
pub(super) fn commands(script: &str) -> usize {
    let mut goes_on = false;
    let mut quoted = false;
    let mut count = 0;
    for line in script.lines() {
        let begins = !goes_on && !quoted;
        let says = !line.trim().is_empty() && !line.trim_start().starts_with('#');
        count += usize::from(begins && says);
        goes_on = line.ends_with('\\');
        quoted ^= line.matches('\'').count() % 2 == 1;
    }
    count
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (n, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(info), None) => {
                let mut words = info.split_whitespace().map(str::to_owned);
                open = Some(Block {
                    line: n + 1,
                    language: words.next().unwrap_or_default(),
                    tags: words.collect(),
                    text: String::new(),
                });
            }
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block has no end");
    blocks
}

#[test]
fn blocks_and_commands_are_told_apart() {
    let found = blocks(
        "text\n```sh\na b   # one\n# none\n\nc \\\n  d\n```\n```console\n$ e\nout\n```\n  ```sh not-run\n  f\n  ```\n```json\n{}\n```\n",
    );
    let scripts: Vec<_> = found.iter().map(Block::script).collect();
    let a = Some("a b   # one\n# none\n\nc \\\n  d\n".to_owned());
    assert_eq!(scripts, [a, Some("e\n".to_owned()), None, None]);
    assert_eq!(commands(scripts[0].as_deref().unwrap()), 2);
    assert_eq!(commands("curl -d '\n{}\n'\nls\n"), 2);
    assert_eq!(
        found.iter().map(|b| b.line).collect::<Vec<_>>(),
        [2, 9, 13, 16]
    );
}
