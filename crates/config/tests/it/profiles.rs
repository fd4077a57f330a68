//! The profiles that are shipped, the block the documentation shows, and the
//! schema that describes them all.

use std::fs;
use std::path::Path;

use systemprompt_config::{Config, Sources, load_with, schema};

use super::Installation;

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn shipped(name: &str, env: &[(&str, &str)]) -> Config {
    let sources = Sources {
        root: WORKSPACE.into(),
        profile: Some(name.into()),
        sets: vec![
            "providers.openai.credentials={env: OPENAI_API_KEY, otherwise: passthrough}".into(),
        ],
        ..Sources::default()
    };
    let env = |wanted: &str| {
        env.iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| (*value).to_owned())
    };
    load_with(&sources, &env).expect("a shipped profile can be used")
}

#[test]
fn the_local_profile_is_the_defaults() {
    let config = shipped("local", &[]);
    assert_eq!(config.warnings, [""; 0]);
    let defaults = Installation::new("").config();
    let show = |mut config: Config| {
        config.profile.server.storage = "storage".into();
        systemprompt_config::show(&config)
    };
    assert_eq!(show(config), show(defaults));
}

#[test]
fn the_production_profile_shows_every_section() {
    let config = shipped(
        "production",
        &[
            ("SUPPORT_BOT_TOKEN", "support-bot-token-1"),
            ("FINANCE_TOKEN", "finance-token-12345"),
            ("ORCHESTRATOR_TOKEN", "orchestrator-token1"),
            ("DATABASE_URL", "postgres://analytics:pw@db/analytics"),
            ("ANTHROPIC_API_KEY", "sk-ant-1"),
            ("SMTP_URL", "smtps://u:p@mail.example.com:465"),
            ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/x"),
            ("WEBHOOK_SECRET", "signing-key"),
        ],
    );
    assert_eq!(config.warnings, [""; 0]);
    // Its limits are said to be the defaults.
    assert_eq!(
        config.profile.limits,
        systemprompt_config::Limits::default()
    );
    let written = fs::read_to_string(Path::new(WORKSPACE).join("profiles/production.yaml"))
        .expect("the profile is there");
    for section in schema()["properties"].as_object().expect("sections").keys() {
        assert!(
            written.contains(&format!("\n{section}:")),
            "{section} is not shown"
        );
    }
}

#[test]
fn the_documented_block_loads_as_it_is() {
    let config = Installation::new(
        "\
analytics:
  enabled: true
  retention_days: 90
  sampling_rate: 1.0          # 1.0 = 100% of requests tracked
  costs:
    currency: USD
    custom_pricing:
      my-custom-model:
        input_per_1k: 0.01
        output_per_1k: 0.03
  alerts:
    - type: daily_cost
      threshold: 100.00
      action: email
    - type: monthly_cost
      threshold: 1000.00
      action: pause_requests
",
    )
    .config();
    let price = &config.profile.analytics.costs.custom_pricing["my-custom-model"];
    assert_eq!(price.input_per_1k.to_string(), "0.01");
    assert_eq!(price.output_per_1k.to_string(), "0.03");
    let alerts = config.profile.analytics.alerts.iter();
    let alerts: Vec<_> = alerts
        .map(|a| (a.name(), a.threshold.to_string(), a.timezone.as_str()))
        .collect();
    assert_eq!(
        alerts,
        [
            ("daily_cost".to_owned(), "100.00".to_owned(), "UTC"),
            ("monthly_cost".to_owned(), "1000.00".to_owned(), "UTC"),
        ]
    );
    assert_eq!(
        config.warnings,
        [
            "alert daily_cost: email is not configured (notifications.email); it will show in `systemprompt alerts status` only",
        ]
    );
}

#[test]
fn an_alert_that_reaches_nobody_is_said() {
    let warnings = |notifications: &str| {
        let alert = "analytics: {alerts: [{type: daily_cost, threshold: 1, action: [email, slack, pause_requests]}]}";
        Installation::new(&format!("{alert}\n{notifications}"))
            .config()
            .warnings
    };
    assert_eq!(
        warnings(""),
        [
            "alert daily_cost: email is not configured (notifications.email); it will show in `systemprompt alerts status` only",
            "alert daily_cost: slack is not configured (notifications.slack); it will show in `systemprompt alerts status` only",
        ]
    );
    assert_eq!(
        warnings(
            "notifications: {email: {smtp_url: 'smtps://a', from: a@b.example}, slack: {webhook_url: 'https://a'}}"
        ),
        ["alert daily_cost: email has no recipients (notifications.email.to)"]
    );
}

#[test]
fn what_an_operator_should_know_is_said() {
    let config = Installation::new(
        "server: {listen: '0.0.0.0:80'}\n\
         providers: {openai: {base_url: 'http://far.example', credentials: {env: K}}}\n\
         analytics:\n  enabled: false\n  retention_days: 30\n  sampling_rate: 0.5\n  \
         alerts: [{type: monthly_cost, threshold: 9, action: pause_requests}]\n  costs:\n    currency: EUR\n    exchange_rates: [{from: 2026-01-01, usd_to: 0.92}]\n    \
         custom_pricing: {m: {input_per_1k: 1, output_per_1k: 1, provider: groq}}\n",
    )
    .env("K", "key")
    .config();
    assert_eq!(
        config.warnings,
        [
            "server.listen is open to other machines but server.tokens is empty: they need a token of `systemprompt admin token create`",
            "server.listen is open to other machines without encryption: give the server a certificate (server.tls_cert, server.tls_key), or put a TLS proxy in front and name it in server.trusted_proxies",
            "providers.openai sends its key over http, where others can read it",
            "alert monthly_cost is to pause requests, but analytics.enabled is false: nothing is counted and nothing is paused",
            "custom_pricing names the provider groq, which is not configured",
        ]
    );
}

/// `UPDATE_SCHEMA=1 cargo test -p systemprompt-config` writes it anew.
#[test]
fn the_committed_schema_is_current() {
    let path = Path::new(WORKSPACE).join("docs/profile.schema.json");
    let current = serde_json::to_string_pretty(&schema()).expect("a schema is JSON") + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, &current).expect("the schema can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "docs/profile.schema.json is stale; run this test with UPDATE_SCHEMA=1"
    );
}

/// `UPDATE_SCHEMA=1 cargo test -p systemprompt-config` writes it anew.
#[test]
fn the_committed_reference_is_current() {
    let path = Path::new(WORKSPACE).join("docs/configuration.md");
    let current = systemprompt_config::reference();
    // Each key that there is stands somewhere on it.
    for key in [
        "`listen`",
        "`providers.NAME`",
        "`analytics.alerts[]`",
        "`limits.upstream`",
    ] {
        assert!(current.contains(key), "{key}");
    }
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, &current).expect("the page can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "docs/configuration.md is stale; run this test with UPDATE_SCHEMA=1"
    );
}

#[test]
fn the_comments_of_the_local_profile_are_settings() {
    let written = fs::read_to_string(Path::new(WORKSPACE).join("profiles/local.yaml"))
        .expect("the profile is there");
    // Everything below the introduction, without its `# `; prose is what does
    // not look like YAML's `key:` or `- item`.
    let (_, settings) = written.split_once("\n\n").expect("an introduction");
    let uncommented: String = settings
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| line.starts_with(' ') || line.ends_with(':'))
        .map(|line| format!("{line}\n"))
        .collect();
    let config = Installation::new(&uncommented)
        .env("ALICE_TOKEN", "0123456789abcdef")
        .env("DATABASE_URL", "postgres://localhost/analytics")
        .config();
    assert_eq!(config.profile.server.tokens[0].name, "alice");
    assert_eq!(config.profile.analytics.alerts.len(), 1);
}
