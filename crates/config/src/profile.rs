//! The profile: everything an operator can set, with its defaults. Analytics,
//! providers and limits have files of their own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use systemprompt_domain::Scope;

use crate::analytics::{Action, Analytics};
use crate::fields::text_as;
use crate::limits::Limits;
use crate::mcp::Mcp;
use crate::provider::Provider;
use crate::scheduler::Scheduler;
use crate::secret::Secret;
use crate::web::Web;

/// The settings of one installation.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// Where the server listens, what it writes, and who may use it.
    pub server: Server,
    /// Where the data lives.
    pub database: Database,
    /// The hosts behind the gateway, by the name clients use in the path. Read
    /// from `services/ai/providers.yaml`; what is given here overrides it key
    /// by key.
    pub providers: BTreeMap<String, Provider>,
    /// What agents reach over MCP.
    pub mcp: Mcp,
    /// What is recorded, how it is priced, when somebody is told.
    pub analytics: Analytics,
    /// How alerts reach people.
    pub notifications: Notifications,
    /// Which sites are counted, and at which paths.
    pub web: Web,
    /// Timeouts and sizes.
    pub limits: Limits,
    /// What the audit log keeps outside the database.
    pub audit: Audit,
    /// Which jobs servers run, and when. Read from
    /// `services/scheduler/config.yaml`; what is given here overrides it key by
    /// key.
    pub scheduler: Scheduler,
}

impl Profile {
    /// The file of the audit log's keys.
    #[must_use]
    pub fn audit_keys(&self) -> PathBuf {
        let usual = || self.server.storage.join("keys/audit");
        self.audit.keys.clone().unwrap_or_else(usual)
    }

    /// The file that has the audit log's checkpoints outside the database.
    #[must_use]
    pub fn audit_anchor(&self) -> PathBuf {
        let usual = || self.server.storage.join("audit/anchor");
        self.audit.anchor.clone().unwrap_or_else(usual)
    }
}

/// Where the server listens, what it writes, and who may use it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// The address and port to listen on.
    #[serde(deserialize_with = "socket_address")]
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// The folder of everything written at run time. In a profile it is
    /// relative to the folder of `profiles/`.
    pub storage: PathBuf,
    /// Who may use the server. Without any, only this machine may.
    pub tokens: Vec<Token>,
    /// The file with the server's certificate, and those that vouch for it, as PEM:
    /// connections are encrypted. Without one the server speaks plain HTTP. In a
    /// profile it is relative to the folder of `profiles/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// The file with the certificate's private key, as PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// Proxies whose forwarding headers are believed: addresses or networks
    /// such as `10.0.0.0/8`.
    pub trusted_proxies: Vec<String>,
    /// Which log lines are written: a level, or levels by module such as
    /// `info,systemprompt_server=debug`.
    pub log: String,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Which log lines are also kept in the database, where `systemprompt infra
    /// logs` finds them. With `analytics.enabled: false` none are.
    pub keep_logs: KeepLogs,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            storage: PathBuf::from("storage"),
            tokens: Vec::new(),
            tls_cert: None,
            tls_key: None,
            trusted_proxies: Vec::new(),
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            keep_logs: KeepLogs::Info,
        }
    }
}

fn socket_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    const EXPECTED: &str = "an IP address and a port up to 65535, such as 127.0.0.1:8080";
    text_as(deserializer, EXPECTED, |text| text.parse().ok())
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Which log lines are kept in the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeepLogs {
    /// None.
    Off,
    /// Warnings and errors.
    Warn,
    /// Also what the server's own parts say they do.
    #[default]
    Info,
}

/// A credential of the server, and whom it stands for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// What answers and logs call it.
    pub name: String,
    /// The text clients send: at least 16 characters, best from `${ENV}`.
    pub token: Secret,
    /// The user its requests are recorded for.
    #[serde(default)]
    pub user: Option<String>,
    /// The agent its requests are recorded for.
    #[serde(default)]
    pub agent: Option<String>,
    /// Other agents it may act for.
    #[serde(default)]
    pub agents: Vec<String>,
    /// What it may do: `gateway` (send AI requests), `read` (ask questions),
    /// `ingest` (report events), `mcp` (ask as an agent, about itself), `admin`
    /// (everything). Without any: `gateway` and `read`.
    #[serde(default = "usual_scopes")]
    #[schemars(schema_with = "scopes_schema")]
    pub scopes: Vec<Scope>,
}

fn usual_scopes() -> Vec<Scope> {
    vec![Scope::Gateway, Scope::Read]
}

fn scopes_schema(_: &mut SchemaGenerator) -> Schema {
    let names = Scope::ALL.map(Scope::as_str);
    json_schema!({ "type": "array", "items": { "enum": names } })
}

/// What the audit log keeps outside the database. In a profile, files are
/// relative to the folder of `profiles/`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// The log's keys: `keys/audit` in the storage folder if absent, where the
    /// first start makes them. All servers of one database need the same file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<PathBuf>,
    /// Signed checkpoints, one a line: `audit/anchor` in the storage folder if
    /// absent, best on another machine's disk. Each server has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchor: Option<PathBuf>,
}

/// Where the data lives.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// A PostgreSQL server, as `postgres://user:password@host/database`.
    /// Without one the program runs its own in the storage folder.
    pub url: Option<Secret>,
    /// The same database by the role that owns the tables. It migrates, makes and drops
    /// partitions; the role of `url` then can neither change nor remove what the audit
    /// log holds. Without it one role does everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_url: Option<Secret>,
    /// A replica that follows `url`: questions of the dashboard, the API, agents and the
    /// command line are put to it, so that they take nothing from what is recorded.
    /// What they find may be some seconds old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica_url: Option<Secret>,
}

/// How alerts reach people.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Notifications {
    /// Mail.
    pub email: Option<Email>,
    /// A Discord channel.
    pub discord: Option<Channel>,
    /// A Slack channel.
    pub slack: Option<Channel>,
    /// A web hook of your own.
    pub webhook: Option<Webhook>,
}

impl Notifications {
    /// Whether there is somebody to tell by this channel. Pausing is no channel.
    #[must_use]
    pub fn reaches(&self, channel: Action) -> bool {
        match channel {
            Action::Email => self.email.as_ref().is_some_and(|mail| !mail.to.is_empty()),
            Action::Webhook => self.webhook.is_some(),
            Action::Discord => self.discord.is_some(),
            Action::Slack => self.slack.is_some(),
            Action::PauseRequests => false,
        }
    }
}

/// Mail, through an SMTP server.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// The server: `smtps://user:password@host:port` for TLS from the start,
    /// `smtp://…?tls=required` for STARTTLS, `smtp://…` without encryption.
    pub smtp_url: Secret,
    /// The sender's address.
    pub from: String,
    /// The recipients' addresses.
    #[serde(default)]
    pub to: Vec<String>,
    /// A PEM file of certificate authorities that are trusted besides the web's,
    /// for a mail server with a private one. In a profile it is relative to the
    /// folder of `profiles/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// A chat channel that takes messages at an address.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// The channel's web hook. Whoever knows it may post.
    pub webhook_url: Secret,
}

/// A web hook of your own.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where alerts are posted.
    pub url: Secret,
    /// The key that signs them, in the header `x-systemprompt-signature`:
    /// `t=<seconds since 1970>,v1=<hex HMAC-SHA256 of the seconds, a dot and
    /// the body>`.
    #[serde(default)]
    pub secret: Option<Secret>,
}
