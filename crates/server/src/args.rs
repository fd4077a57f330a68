//! The server's flags. Each is also an environment variable and a profile key.

use std::path::{Path, PathBuf};

use clap::Parser;
use systemprompt_config::Sources;

use crate::demo::Demo;

/// Record what your AI requests cost
///
/// Starts on 127.0.0.1:8080 with a PostgreSQL of its own: no configuration is
/// needed. Point an SDK's base URL at it and ask `systemprompt analytics` what
/// was spent.
#[derive(Debug, Parser)]
#[command(
    name = "systemprompt-server",
    version,
    after_help = "\
Examples:
  systemprompt-server
  systemprompt-server --demo
  systemprompt-server --listen 0.0.0.0:8080 --database-url postgres://analytics@db/analytics
  systemprompt-server --set providers.anthropic.base_url=http://127.0.0.1:9191 \\
                      --set providers.anthropic.credentials=passthrough"
)]
pub(crate) struct Args {
    /// Profile to use: a file, or a name in `profiles/`
    #[arg(long, value_name = "FILE|NAME", env = "SYSTEMPROMPT_PROFILE")]
    profile: Option<String>,
    /// Address to listen on (profile: server.listen)
    #[arg(long, value_name = "ADDR", env = "SYSTEMPROMPT_LISTEN")]
    listen: Option<String>,
    /// Folder for the spool, reports and the embedded PostgreSQL (profile: server.storage)
    #[arg(long, value_name = "DIR", env = "SYSTEMPROMPT_STORAGE")]
    storage: Option<PathBuf>,
    /// Certificate to encrypt connections with, as PEM (profile: server.tls_cert)
    #[arg(long, value_name = "FILE", env = "SYSTEMPROMPT_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, as PEM (profile: server.tls_key)
    #[arg(long, value_name = "FILE", env = "SYSTEMPROMPT_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// PostgreSQL to use instead of the embedded one (profile: database.url)
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Override any key of the profile (can be repeated)
    #[arg(
        long = "set",
        value_name = "KEY.PATH=VALUE",
        env = "SYSTEMPROMPT_SET",
        value_delimiter = '\n'
    )]
    sets: Vec<String>,
    /// Show ninety days of made-up figures, in a folder and database of their own
    #[arg(long, conflicts_with_all = ["profile", "database_url"])]
    pub(crate) demo: bool,

    /// Remove the made-up figures and end
    #[arg(long, conflicts_with = "demo")]
    pub(crate) remove_demo: bool,

    /// Go on although events between the spool and the database are missing
    #[arg(long)]
    pub(crate) accept_gap: bool,
}

impl Args {
    /// Where the configuration comes from.
    pub(crate) fn sources(&self, root: PathBuf) -> Sources {
        let demo = self.demo.then(|| self.demonstration(&root));
        let profile = demo
            .as_ref()
            .map(|demo| demo.profile().display().to_string());
        Sources {
            profile: profile.or_else(|| self.profile.clone()),
            storage: demo.map_or_else(
                || self.storage.clone(),
                |demo| Some(demo.folder().to_owned()),
            ),
            root,
            listen: self.listen.clone(),
            tls_cert: self.tls_cert.clone(),
            tls_key: self.tls_key.clone(),
            database_url: self.database_url.clone(),
            sets: self.sets.clone(),
        }
    }

    /// Where made-up figures are kept: below the storage folder.
    pub(crate) fn demonstration(&self, root: &Path) -> Demo {
        let storage = self.storage.clone();
        Demo::below(&storage.unwrap_or_else(|| root.join("storage")))
    }
}
