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
    /// What stands after the fence: the language.
    pub(super) language: String,
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

    /// Its blocks of commands.
    pub(super) fn shell(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|block| block.is_shell())
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

    /// What is to be run of a block of commands.
    pub(super) fn script(&self) -> String {
        if self.language != "console" {
            return self.text.clone();
        }
        // What follows a prompt is typed; the rest is what comes of it.
        let typed = self.text.lines().filter_map(|line| line.strip_prefix("$ "));
        typed.map(|line| format!("{line}\n")).collect()
    }
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (n, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => {
                open = Some(Block {
                    line: n + 1,
                    language: language.trim().to_owned(),
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
fn blocks_are_told_apart() {
    let found = blocks(
        "text\n```sh\na b   # one\n\nc \\\n  d\n```\n```console\n$ e\nout\n```\n  ```bash\n  f\n  ```\n```json\n{}\n```\n",
    );
    let told: Vec<_> = found.iter().map(|b| (b.line, b.is_shell())).collect();
    assert_eq!(told, [(2, true), (8, true), (12, true), (15, false)]);
    let scripts: Vec<_> = found.iter().map(Block::script).collect();
    assert_eq!(
        scripts,
        ["a b   # one\n\nc \\\n  d\n", "e\n", "  f\n", "{}\n"]
    );
}
