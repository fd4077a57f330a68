//! Loading whole configurations: what they become, and what is said of those
//! that cannot be used.

mod errors;
mod layers;
mod mcp;
mod profiles;
mod scheduler;
mod secrets;
mod values;
mod web;

use std::fs;
use std::path::Path;

use systemprompt_config::{Config, ConfigError, Sources, load_with};
use tempfile::TempDir;

/// An installation's folder with a `profiles/local.yaml`.
struct Installation {
    folder: TempDir,
    env: Vec<(&'static str, String)>,
    sources: Sources,
}

impl Installation {
    fn new(local: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let sources = Sources {
            root: folder.path().to_owned(),
            ..Sources::default()
        };
        let new = Self {
            folder,
            env: Vec::new(),
            sources,
        };
        new.write("profiles/local.yaml", local)
    }

    fn write(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a folder below the root")).expect("made");
        fs::write(path, content).expect("written");
        self
    }

    fn env(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    fn set(mut self, text: &str) -> Self {
        self.sources.sets.push(text.to_owned());
        self
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn load(&self) -> Result<Config, ConfigError> {
        let env = |name: &str| {
            self.env
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.clone())
        };
        load_with(&self.sources, &env)
    }

    fn config(&self) -> Config {
        self.load().expect("a configuration that can be used")
    }

    /// What is wrong with it, in the words the user sees.
    fn error(&self) -> String {
        self.load()
            .expect_err("a configuration that cannot be used")
            .to_string()
    }
}
