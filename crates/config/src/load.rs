//! From files, environment and flags to one checked profile.
//!
//! Later layers override earlier ones, key by key: built-in defaults,
//! `services/` (providers, jobs, MCP servers), the profile, environment
//! variables, flags, `--set`. Variables in values are expanded once the layers
//! are joined.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use systemprompt_web::Rules;

use crate::Env;
use crate::check::check;
use crate::decode::decode;
use crate::error::{ConfigError, Problem};
use crate::expand::expand;
use crate::file::{ProfileFile, read};
use crate::node::{Node, Origin, Value};
use crate::parse::{parse, parse_value};
use crate::path::{KeyPath, key_path};
use crate::profile::Profile;
use crate::scheduler;

/// Where providers are configured, below the root.
const PROVIDERS_FILE: &str = "services/ai/providers.yaml";

/// Where MCP servers are.
const MCP_SERVERS_FILE: &str = "services/mcp/servers.yaml";
/// Where jobs are configured, below the root.
const SCHEDULER_FILE: &str = "services/scheduler/config.yaml";

/// Where the tables are that web traffic is judged by.
const WEB_FOLDER: &str = "services/web";

/// The providers of an installation without that file.
const BUILT_IN_PROVIDERS: &str = include_str!("../../../services/ai/providers.yaml");

/// Where settings come from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// A profile's file, or its name: `production` means
    /// `profiles/production.yaml` below the root. `None`: the variable
    /// `SYSTEMPROMPT_PROFILE`, else `local` if that file exists, else defaults.
    pub profile: Option<String>,
    /// The folder that holds `profiles/` and `services/`.
    pub root: PathBuf,
    /// `--listen`, over the variable `SYSTEMPROMPT_LISTEN`.
    pub listen: Option<String>,
    /// `--storage`, over the variable `SYSTEMPROMPT_STORAGE`; relative to the
    /// current folder.
    pub storage: Option<PathBuf>,
    /// `--tls-cert`, relative to the current folder.
    pub tls_cert: Option<PathBuf>,
    /// `--tls-key`, relative to the current folder.
    pub tls_key: Option<PathBuf>,
    /// `--database-url`, over the variable `DATABASE_URL`.
    pub database_url: Option<String>,
    /// `--set key.path=value`, in order; the last one holds. The value is YAML.
    pub sets: Vec<String>,
}

impl Default for Sources {
    /// No flags; the root is the nearest folder with `profiles/` in it, from the
    /// current folder upwards, else the current folder.
    fn default() -> Self {
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let root = here
            .ancestors()
            .find(|folder| folder.join("profiles").is_dir());
        Self {
            profile: None,
            root: root.unwrap_or(&here).to_owned(),
            listen: None,
            storage: None,
            tls_cert: None,
            tls_key: None,
            database_url: None,
            sets: Vec::new(),
        }
    }
}

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Config {
    /// The settings.
    pub profile: Profile,
    /// The profile's file, if one was read.
    pub profile_path: Option<PathBuf>,
    /// What the operator should know, one sentence each.
    pub warnings: Vec<String>,
}

/// Loads the configuration with the process's environment.
///
/// # Errors
/// Everything that is wrong with it: see [`ConfigError`].
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    load_with(sources, &|name| std::env::var(name).ok())
}

/// Loads the configuration with an environment of the caller's.
///
/// # Errors
/// Everything that is wrong with it: see [`ConfigError`].
pub fn load_with(sources: &Sources, env: Env<'_>) -> Result<Config, ConfigError> {
    // Only the current folder's removal makes this fail; names still work then.
    let root = std::path::absolute(&sources.root).unwrap_or_else(|_| sources.root.clone());
    let mut tree = services(&root)?;
    let file = ProfileFile::find(sources.profile.as_deref(), &root, env)?;
    if let Some(file) = &file {
        tree.overlay(parse(&file.shown, &read(&file.path, &file.shown)?)?);
    }
    for (path, node) in flags(sources, env)? {
        // These lead through mappings only, and those are made on the way.
        let _ = tree.set(&path.0, node);
    }
    let mut problems: Vec<Problem> = sources
        .sets
        .iter()
        .filter_map(|text| set(&mut tree, text).err())
        .collect();

    expand(&mut tree, &KeyPath::default(), env, &mut problems);
    let mut profile: Profile = match decode(&mut tree) {
        Ok(profile) if problems.is_empty() => profile,
        Ok(_) => return Err(ConfigError(problems)),
        Err(more) => {
            problems.extend(more);
            return Err(ConfigError(problems));
        }
    };

    for (name, provider) in &mut profile.providers {
        if let Err(message) = provider.credentials.resolve(&root, env) {
            let path = key_path!["providers", name, "credentials"];
            let origin = tree.origin_of(&path.0).clone();
            problems.push(Problem {
                origin,
                message: format!("{path} {message}"),
            });
        }
    }
    for (name, server) in &mut profile.mcp.servers {
        let Some(source) = &mut server.credentials else {
            continue;
        };
        match source.read(&root, env) {
            Ok(key) => server.key = key,
            Err(message) => {
                let path = key_path!["mcp", "servers", name, "credentials"];
                let origin = tree.origin_of(&path.0).clone();
                problems.push(Problem {
                    origin,
                    message: format!("{path} {message}"),
                });
            }
        }
    }
    profile.server.storage = root.join(&profile.server.storage);
    for file in [
        &mut profile.audit.keys,
        &mut profile.audit.anchor,
        &mut profile.server.tls_cert,
        &mut profile.server.tls_key,
    ] {
        *file = file.take().map(|file| root.join(file));
    }
    if let Some(email) = &mut profile.notifications.email {
        email.ca_file = email.ca_file.take().map(|file| root.join(file));
    }
    let web = &mut profile.web;
    web.country_database = web.country_database.take().map(|file| root.join(file));
    match own_rules(&root) {
        Ok(rules) => web.own_rules = rules,
        Err(problem) => problems.push(problem),
    }
    let warnings = check(&mut profile, &tree, &mut problems);
    if !problems.is_empty() {
        return Err(ConfigError(problems));
    }
    Ok(Config {
        profile,
        profile_path: file.map(|file| file.path),
        warnings,
    })
}

/// The lowest layers: the installation's providers, or the built-in ones; the
/// built-in jobs, and the installation's over them.
fn services(root: &Path) -> Result<Node, Problem> {
    let mut tree = match service(root, PROVIDERS_FILE, "providers")? {
        Some(providers) => providers,
        None => parse(PROVIDERS_FILE, BUILT_IN_PROVIDERS)?,
    };
    tree.overlay(parse(SCHEDULER_FILE, scheduler::BUILT_IN)?);
    if let Some(jobs) = service(root, SCHEDULER_FILE, "scheduler")? {
        tree.overlay(jobs);
    }
    if let Some(servers) = service(root, MCP_SERVERS_FILE, "servers")?
        && let Value::Map(entries) = servers.value
        && let Some((_, servers)) = entries.into_iter().next()
    {
        // The way there is through mappings alone, which are made.
        let _ = tree.set(&key_path!["mcp", "servers"].0, servers);
    }
    Ok(tree)
}

/// The rules by the installation's tables of web traffic; none where it has none but
/// those that are compiled in, which are only read when something is judged.
fn own_rules(root: &Path) -> Result<Option<Arc<Rules>>, Problem> {
    let Ok(entries) = root.join(WEB_FOLDER).read_dir() else {
        return Ok(None);
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter(|name| name.ends_with(".yaml") || name.ends_with(".yml"))
        .collect();
    names.sort_unstable();
    let mut own = Vec::new();
    for name in names {
        let shown = format!("{WEB_FOLDER}/{name}");
        let text = read(&root.join(&shown), &shown)?;
        if Rules::text(&name) != Some(&*text) {
            own.push((name, text));
        }
    }
    if own.is_empty() {
        return Ok(None);
    }
    let tables: Vec<(&str, &str)> = own.iter().map(|(name, text)| (&**name, &**text)).collect();
    let rules = Rules::load(&tables).map_err(|error| Problem {
        origin: Origin {
            source: format!("{WEB_FOLDER}/{}", error.file).into(),
            line: error.line,
        },
        message: error.reason,
    })?;
    Ok(Some(Arc::new(rules)))
}

/// A file of the installation, if it has one: a mapping with one key.
fn service(root: &Path, file: &str, only: &str) -> Result<Option<Node>, Problem> {
    let path = root.join(file);
    if !path.exists() {
        return Ok(None);
    }
    let mut layer = parse(file, &read(&path, file)?)?;
    match &layer.value {
        Value::Null => layer.value = Value::Map(Vec::new()),
        Value::Map(entries) => {
            if let Some((key, node)) = entries.iter().find(|(key, _)| key != only) {
                let message = format!("unknown key {key}; the only key here is {only}");
                return Err(Problem {
                    origin: node.origin.clone(),
                    message,
                });
            }
        }
        _ => {
            let message = format!("this file must be a mapping with the key {only}");
            return Err(Problem {
                origin: layer.origin,
                message,
            });
        }
    }
    Ok(Some(layer))
}

/// The settings that have a flag and an environment variable of their own. Their
/// values are taken as they are: a password may hold `${`.
fn flags(sources: &Sources, env: Env<'_>) -> Result<Vec<(KeyPath, Node)>, Problem> {
    let storage = sources
        .storage
        .as_deref()
        .map(|folder| absolute("--storage", folder));
    let storage_variable = env("SYSTEMPROMPT_STORAGE").filter(|folder| !folder.is_empty());
    let storage_variable =
        storage_variable.map(|folder| absolute("SYSTEMPROMPT_STORAGE", Path::new(&folder)));
    let keys = env("SYSTEMPROMPT_AUDIT_KEYS").filter(|file| !file.is_empty());
    let keys = keys.map(|file| absolute("SYSTEMPROMPT_AUDIT_KEYS", Path::new(&file)));
    let given = [
        (
            key_path!["audit", "keys"],
            "SYSTEMPROMPT_AUDIT_KEYS",
            keys.transpose()?,
        ),
        (
            key_path!["server", "listen"],
            "SYSTEMPROMPT_LISTEN",
            env("SYSTEMPROMPT_LISTEN"),
        ),
        (
            key_path!["server", "storage"],
            "SYSTEMPROMPT_STORAGE",
            storage_variable.transpose()?,
        ),
        (
            key_path!["database", "url"],
            "DATABASE_URL",
            env("DATABASE_URL"),
        ),
        (
            key_path!["server", "listen"],
            "--listen",
            sources.listen.clone(),
        ),
        (
            key_path!["server", "storage"],
            "--storage",
            storage.transpose()?,
        ),
        (
            key_path!["server", "tls_cert"],
            "--tls-cert",
            given_file("--tls-cert", sources.tls_cert.as_deref())?,
        ),
        (
            key_path!["server", "tls_key"],
            "--tls-key",
            given_file("--tls-key", sources.tls_key.as_deref())?,
        ),
        (
            key_path!["database", "url"],
            "--database-url",
            sources.database_url.clone(),
        ),
    ];
    let layer = given.into_iter().filter_map(|(path, source, text)| {
        let text = text.filter(|text| !text.is_empty())?;
        let value = Value::Scalar {
            text,
            from_outside: true,
        };
        Some((
            path,
            Node {
                origin: Origin::of(source),
                value,
            },
        ))
    });
    Ok(layer.collect())
}

fn given_file(source: &str, file: Option<&Path>) -> Result<Option<String>, Problem> {
    file.map(|file| absolute(source, file)).transpose()
}

/// A folder or file that was named where the current folder is what counts.
fn absolute(source: &str, folder: &Path) -> Result<String, Problem> {
    let refuse = |what: &str| Problem {
        origin: Origin::of(source),
        message: format!("the path {} {what}", folder.display()),
    };
    let absolute = std::path::absolute(folder).map_err(|_| refuse("cannot be found"))?;
    absolute
        .into_os_string()
        .into_string()
        .map_err(|_| refuse("has a name that is not UTF-8"))
}

/// Applies one `--set key.path=value`.
fn set(tree: &mut Node, text: &str) -> Result<(), Problem> {
    let refuse = |source: &str, message: String| Problem {
        origin: Origin::of(source),
        message,
    };
    let given = text
        .split_once('=')
        .and_then(|(path, value)| Some((path.trim().parse().ok()?, value)));
    let Some((path, value)): Option<(KeyPath, &str)> = given else {
        // Not quoted: without a path the text may be anything.
        return Err(refuse("--set", "must look like key.path=value".to_owned()));
    };
    let source = format!("--set {path}=…");
    let node = parse_value(&source, value)?;
    tree.set(&path.0, node).map_err(|depth| {
        let missing = KeyPath(path.0[..=depth].to_vec());
        refuse(&source, format!("there is no {missing}"))
    })
}
