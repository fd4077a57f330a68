//! House rules that no compiler checks: files of one idea, nothing unfinished.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::ci::root;

/// Lines above which a file must say in its header why it is that long
/// (`Long because …`).
const LONG: usize = 500;

/// Marks of unfinished work, spelled so that this file does not hold them.
const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "FIXME", "dbg!"];

/// Prints what breaks a rule; `true` when nothing does.
pub(crate) fn run() -> anyhow::Result<bool> {
    let mut faults = Vec::new();
    for folder in ["crates", "bin", "tests", "xtask"] {
        walk(&root().join(folder), &mut faults)?;
    }
    for fault in &faults {
        eprintln!("house rules: {fault}");
    }
    Ok(faults.is_empty())
}

fn walk(folder: &Path, faults: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("");
        if path.is_dir() {
            if !matches!(
                name,
                "target" | "node_modules" | ".venv" | "corpus" | "artifacts"
            ) {
                walk(&path, faults)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            faults.extend(
                file(&text)
                    .into_iter()
                    .map(|fault| format!("{}: {fault}", path.display())),
            );
        }
    }
    Ok(())
}

fn file(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let header: String = text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .collect();
    if header.is_empty() && !text.starts_with("#!") {
        faults.push("opens without a sentence that says what it is for (`//!`)".into());
    }
    let lines = text.lines().count();
    if lines > LONG && !header.contains("Long because") {
        faults.push(format!(
            "has {lines} lines and does not say why (`Long because …`)"
        ));
    }
    for mark in UNFINISHED {
        // The list above is the one place that may hold them.
        let held = text
            .lines()
            .any(|line| line.contains(mark) && !line.contains("const UNFINISHED"));
        if held {
            faults.push(format!("holds {mark}"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::file;

    #[test]
    fn the_rules_bite() {
        assert!(file("//! What for.\nfn f() {}\n").is_empty());
        assert_eq!(file("fn f() {}\n").len(), 1);
        let long = format!("//! What for.\n{}", "// line\n".repeat(600));
        assert_eq!(file(&long).len(), 1);
        assert!(file(&long.replacen("for.", "for. Long because of a table.", 1)).is_empty());
    }
}
