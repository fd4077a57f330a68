//! Finding and reading files, with one sentence for each way that fails.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::Env;
use crate::error::Problem;
use crate::node::Origin;

/// The profile that was found.
pub(crate) struct ProfileFile {
    pub(crate) path: PathBuf,
    /// How errors call it: as it was given, or as seen from the root.
    pub(crate) shown: String,
}

impl ProfileFile {
    /// Looks a profile up by file or name. Only the default may be absent.
    pub(crate) fn find(
        given: Option<&str>,
        root: &Path,
        env: Env<'_>,
    ) -> Result<Option<Self>, Problem> {
        let from_env = env("SYSTEMPROMPT_PROFILE").filter(|name| !name.is_empty());
        let Some(given) = given.map(str::to_owned).or(from_env) else {
            let default = Self::named("local", root);
            return Ok(default.path.exists().then_some(default));
        };
        let is_file = given.contains(['/', '\\']) || is_yaml(Path::new(&given));
        let found = if is_file {
            Self {
                path: given.clone().into(),
                shown: given,
            }
        } else {
            Self::named(&given, root)
        };
        if found.path.exists() {
            return Ok(Some(found));
        }
        let message = match profiles(root) {
            names if names.is_empty() => "there is no such profile, nor any other".to_owned(),
            names => format!("there is no such profile; there are {}", names.join(", ")),
        };
        Err(Problem {
            origin: Origin::of(&found.shown),
            message,
        })
    }

    fn named(name: &str, root: &Path) -> Self {
        let shown = format!("profiles/{name}.yaml");
        Self {
            path: root.join(&shown),
            shown,
        }
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// The names of the profiles below a root, sorted.
fn profiles(root: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root.join("profiles")) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

/// Reads a text file.
pub(crate) fn read(path: &Path, shown: &str) -> Result<String, Problem> {
    let refuse = |message: String| Problem {
        origin: Origin::of(shown),
        message,
    };
    let bytes = std::fs::read(path).map_err(|error| {
        refuse(match error.kind() {
            ErrorKind::IsADirectory => "this is a folder, not a file".to_owned(),
            _ => format!("cannot be read: {error}"),
        })
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        let origin = Origin {
            source: shown.into(),
            line: Some(line),
        };
        Problem {
            origin,
            message: "this is not UTF-8 text".to_owned(),
        }
    })
}
