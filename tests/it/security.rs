//! SECURITY.md names a test for each threat: every one of them exists.

use std::path::Path;

/// What stands between backticks and names a test: `path/to/file.rs::name`.
fn tests_in(text: &str) -> Vec<(&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|name| name.split_once(".rs::")).collect()
}

#[test]
fn every_threat_has_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<_> = rows
        .skip_while(|line| !line.starts_with("| threat"))
        .skip(1)
        .collect();
    assert!(rows.len() > 25, "{}", rows.len());
    for row in rows {
        let named = tests_in(row);
        assert!(!named.is_empty(), "no test: {row}");
        for (file, name) in named {
            let path = root.join(format!("{file}.rs"));
            let source = std::fs::read_to_string(&path);
            let source = source.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let before = source.split_once(&format!("fn {name}("));
            let (before, _) = before.unwrap_or_else(|| panic!("{file}.rs has no {name}"));
            let above: Vec<_> = before.lines().rev().take(4).collect();
            let is_test = above.iter().any(|line| {
                let line = line.trim();
                line.starts_with("#[test]") || line.starts_with("#[tokio::test")
            });
            assert!(is_test, "{file}.rs::{name} is no test");
        }
    }
}
