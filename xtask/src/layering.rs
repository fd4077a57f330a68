//! The direction of dependencies: a room may use those below it, never those
//! above or beside it. `cargo metadata` tells who uses whom.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::ci::{cargo, root};

/// Each room and the rooms it may use. The table is the architecture: a change
/// here belongs into ARCHITECTURE.md as well.
const ROOMS: &[(&str, &[&str])] = &[
    ("systemprompt-domain", &[]),
    ("systemprompt-audit", &["domain"]),
    ("systemprompt-pricing", &["domain"]),
    ("systemprompt-meters", &["domain"]),
    ("systemprompt-web", &["domain"]),
    ("systemprompt-otlp", &["domain"]),
    ("systemprompt-capture", &["domain", "meters"]),
    ("systemprompt-config", &["domain", "pricing", "web"]),
    ("systemprompt-budgets", &["domain", "pricing", "config"]),
    ("systemprompt-notify", &["domain", "config"]),
    (
        "systemprompt-storage",
        &[
            "domain", "audit", "pricing", "web", "config", "budgets", "capture",
        ],
    ),
    (
        "systemprompt-reporting",
        &["domain", "pricing", "config", "budgets", "storage"],
    ),
    (
        "systemprompt-jobs",
        &[
            "domain",
            "pricing",
            "config",
            "notify",
            "storage",
            "reporting",
        ],
    ),
    (
        "systemprompt-mcp",
        &["domain", "meters", "capture", "reporting"],
    ),
    (
        "systemprompt-server-core",
        &[
            "domain",
            "audit",
            "pricing",
            "meters",
            "web",
            "otlp",
            "capture",
            "config",
            "budgets",
            "notify",
            "storage",
            "reporting",
            "jobs",
            "mcp",
        ],
    ),
    (
        "systemprompt-cli",
        &[
            "domain",
            "audit",
            "pricing",
            "web",
            "otlp",
            "capture",
            "config",
            "budgets",
            "notify",
            "storage",
            "reporting",
            "jobs",
            "mcp",
        ],
    ),
    ("systemprompt-server", &["server-core"]),
    ("systemprompt", &["cli"]),
];

/// Crates for tests and developers: they may use everything, nothing may use
/// them but as a dev-dependency.
const OUTSIDE: &[&str] = &["systemprompt-testkit", "systemprompt-tests", "xtask"];

/// Pure rooms, and what must never appear below them.
const PURE: &[&str] = &[
    "systemprompt-audit",
    "systemprompt-domain",
    "systemprompt-pricing",
    "systemprompt-meters",
    "systemprompt-web",
    "systemprompt-otlp",
];
const IMPURE: &[&str] = &["tokio", "sqlx", "axum", "hyper", "reqwest"];

/// Prints every arrow that runs the wrong way; `true` when there is none.
pub(crate) fn check() -> anyhow::Result<bool> {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!(
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let faults = faults(&metadata)?;
    for fault in &faults {
        eprintln!("layering: {fault}");
    }
    if faults.is_empty() {
        println!("layering: {} rooms, every arrow points down", ROOMS.len());
    }
    Ok(faults.is_empty())
}

fn faults(metadata: &Value) -> anyhow::Result<BTreeSet<String>> {
    let rooms: BTreeMap<_, _> = ROOMS.iter().copied().collect();
    let packages = metadata["packages"].as_array().context("no packages")?;
    let mut faults = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for package in packages {
        let name = package["name"]
            .as_str()
            .context("a package without a name")?;
        if OUTSIDE.contains(&name) {
            continue;
        }
        let Some(allowed) = rooms.get(name) else {
            faults.insert(format!(
                "{name} is no room: add it to the table and to ARCHITECTURE.md"
            ));
            continue;
        };
        seen.insert(name);
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let used = dependency["name"]
                .as_str()
                .context("a dependency without a name")?;
            let dev = dependency["kind"].as_str() == Some("dev");
            let room = used.strip_prefix("systemprompt-");
            let wrong = room.is_some_and(|room| !allowed.contains(&room)) && !dev;
            if wrong {
                faults.insert(format!("{name} must not use {used}"));
            }
            if PURE.contains(&name) && IMPURE.contains(&used) && !dev {
                faults.insert(format!("{name} is pure and must not use {used}"));
            }
        }
    }
    for (name, _) in ROOMS {
        if !seen.contains(name) {
            faults.insert(format!("{name} is in the table but not in the workspace"));
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_upwards_is_found() {
        let packages: Vec<_> = ROOMS
            .iter()
            .map(|(name, _)| {
                let dependencies = match *name {
                    "systemprompt-domain" => vec![
                        serde_json::json!({"name": "tokio", "kind": null}),
                        serde_json::json!({"name": "systemprompt-storage", "kind": null}),
                    ],
                    "systemprompt-meters" => {
                        vec![serde_json::json!({"name": "systemprompt-testkit", "kind": "dev"})]
                    }
                    _ => vec![],
                };
                serde_json::json!({"name": name, "dependencies": dependencies})
            })
            .collect();
        let found = faults(&serde_json::json!({"packages": packages})).expect("readable");
        let found: Vec<_> = found.iter().map(String::as_str).collect();
        assert_eq!(
            found,
            [
                "systemprompt-domain is pure and must not use tokio",
                "systemprompt-domain must not use systemprompt-storage"
            ]
        );
    }
}
