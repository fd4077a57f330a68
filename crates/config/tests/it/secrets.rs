//! Secrets are never shown: not by `show`, `Debug`, warnings, errors or schema.

use systemprompt_config::{schema, show};

use super::Installation;

/// In every secret below; must never come out.
const CANARY: &str = "canary-7f3a9c";

fn with_secrets() -> Installation {
    Installation::new(
        "server: {tokens: [{name: t, token: '${TOKEN}'}, {name: u, token: canary-7f3a9c-in-the-file}]}\n\
         database: {url: 'postgres://u:canary-7f3a9c@db/x'}\n\
         providers:\n  openai: {credentials: {file: secrets/openai}}\n  gemini: {credentials: {env: TOKEN}}\n\
         notifications:\n  email: {smtp_url: 'smtp://u:canary-7f3a9c@mail', from: a@b}\n  \
         slack: {webhook_url: 'https://slack/canary-7f3a9c'}\n  discord: {webhook_url: 'https://discord/canary-7f3a9c'}\n  \
         webhook: {url: 'https://hook/canary-7f3a9c', secret: canary-7f3a9c}\n",
    )
    .write("secrets/openai", "sk-canary-7f3a9c\n")
    .env("TOKEN", "canary-7f3a9c-from-env")
    .env("ANTHROPIC_API_KEY", "sk-ant-canary-7f3a9c")
}

#[test]
fn a_configuration_shows_no_secret() {
    let config = with_secrets().config();
    let shown = show(&config);
    assert!(shown.contains("token: '***'"), "{shown}");
    assert!(shown.contains("env:\n      - ANTHROPIC_API_KEY"), "{shown}");
    for text in [
        shown,
        format!("{config:?} {config:#?}"),
        config.warnings.join("\n"),
        schema().to_string(),
    ] {
        assert!(!text.contains(CANARY), "{text}");
    }
    assert_eq!(config.profile.server.tokens[0].token.to_string(), "***");
    assert_eq!(
        config.profile.server.tokens[0].token.expose(),
        "canary-7f3a9c-from-env"
    );
}

#[test]
fn what_is_shown_can_be_loaded() {
    let it = Installation::new(
        "analytics:\n  costs: {custom_pricing: {\"gpt-4.1\": {input_per_1k: 0.01, output_per_1k: 0.1234567890123456789}}}\n  \
         alerts: [{type: daily_cost, threshold: 100.00, action: email, scope: {agent: a}, notify_at: [0.5, 1]}]\n\
         limits: {stop_timeout: 1500ms, gateway_body: 1000}\n",
    );
    let shown = show(&it.config());
    assert!(shown.contains("input_per_1k: 0.01\n"), "{shown}");
    assert_eq!(
        show(&it.write("profiles/local.yaml", &shown).config()),
        shown
    );
}

/// Each of these is wrong, and holds a secret where one may come to stand.
#[test]
fn errors_quote_no_secret() {
    let wrong = [
        "server: {tokens: canary-7f3a9c}",
        "server: {tokens: [canary-7f3a9c]}",
        "server: {tokens: [{name: t, token: [canary-7f3a9c]}]}",
        "server: {tokens: [{name: t, token: 'canary-7f3a9c é é é é é'}]}",
        "server: {tokens: [{name: t, token: 'short${TOKEN}', scopes: ['${TOKEN}']}]}",
        "server: {listen: '${TOKEN}'}",
        "server: {log_format: 'x${TOKEN}', keep_logs: '${TOKEN}'}",
        "analytics: {retention_days: '${TOKEN}', sampling_rate: '${TOKEN}', enabled: '${TOKEN}'}",
        "analytics: {alerts: [{type: '${TOKEN}', threshold: '${TOKEN}', action: '${TOKEN}'}]}",
        "analytics: {alerts: [{type: daily_cost, threshold: 1, action: ['${TOKEN}'], scope: '${TOKEN}'}]}",
        "analytics: {alerts: [{type: daily_cost, threshold: 1, action: email, timezone: '${TOKEN}'}]}",
        "analytics: {costs: {currency: '${TOKEN}'}}",
        "limits: {stop_timeout: '${TOKEN}', gateway_body: '${TOKEN}'}",
        "database: {url: 'http://u:canary-7f3a9c@db'}",
        "providers: {openai: {credentials: canary-7f3a9c}}",
        "providers: {openai: {credentials: {env: canary-7f3a9c}}}",
        "providers: {openai: {credentials: {env: TOKEN, otherwise: '${TOKEN}'}}}",
        "providers: {openai: {wire: '${TOKEN}', base_url: x}}",
        "providers: {openai: {base_url: 'https://u:canary-7f3a9c@host'}}",
        "providers: {openai: {base_url: 'canary-7f3a9c'}}",
        "notifications: {email: {smtp_url: 'canary-7f3a9c', from: '${TOKEN}', to: ['${TOKEN}']}}",
        "notifications: {email: {smtp_url: 'smtp://canary-7f3a9c@mail?tls=canary-7f3a9c', from: a@b}}",
        "notifications: {slack: {webhook_url: 'canary-7f3a9c'}}",
        "notifications: {slack: canary-7f3a9c}",
    ];
    for local in wrong {
        let error = Installation::new(local)
            .env("TOKEN", "canary-7f3a9c")
            .error();
        assert!(!error.contains(CANARY), "{local}: {error}");
    }
    for set in [
        "canary-7f3a9c",
        "database.url=[canary-7f3a9c",
        "database.url={a: canary-7f3a9c}",
        "..=canary-7f3a9c",
    ] {
        let error = Installation::new("").set(set).error();
        assert!(!error.contains(CANARY), "{set}: {error}");
    }
    let mut flag = Installation::new("").env("DATABASE_URL", "canary-7f3a9c");
    assert!(!flag.error().contains(CANARY));
    flag.sources.database_url = Some("canary-7f3a9c@db".into());
    assert!(!flag.error().contains(CANARY));
}

#[test]
fn a_new_secret_makes_its_key_differ_and_is_shown_nowhere() {
    let values = |config: &systemprompt_config::Config| -> Vec<(String, String)> {
        let settings = config.profile.settings();
        let shown = format!("{settings:?}");
        assert!(!shown.contains(CANARY), "{shown}");
        let pair = |setting: systemprompt_config::Setting| {
            (setting.key, setting.value.expose().to_owned())
        };
        settings.into_iter().map(pair).collect()
    };
    let before = values(&with_secrets().config());
    // A mask would hide a change: every secret is there with its text.
    for (key, value) in &before {
        assert_ne!(value, "***", "{key}");
    }
    let mut after = with_secrets().write("secrets/openai", "sk-another-7f3a9c\n");
    after.env.retain(|(name, _)| *name != "TOKEN");
    let after = after.env("TOKEN", "another-7f3a9c-from-env").config();
    let after = values(&after);
    let differ = before.iter().zip(&after).filter(|(a, b)| a != b);
    // Each installation of these tests lies in a folder of its own.
    let differ = differ.map(|(before, _)| before.0.as_str());
    let differ: Vec<_> = differ
        .filter(|key| !key.ends_with("storage") && !key.ends_with("file"))
        .collect();
    assert_eq!(
        differ,
        [
            "providers.gemini.credentials.key",
            "providers.openai.credentials.key",
            "server.tokens.t.token",
        ]
    );
}

#[test]
fn keys_go_by_names_and_those_of_an_agents_budget_name_the_agent() {
    let it = Installation::new(
        "analytics:\n  alerts:\n    - {type: monthly_cost, threshold: 5, action: pause_requests, scope: {agent: scout}}\n    \
         - {type: daily_cost, threshold: 7, action: pause_requests, name: all}\n",
    );
    let settings = it.config().profile.settings();
    let of = |key: &str| {
        let found = settings.iter().find(|setting| setting.key == key);
        let found = found.unwrap_or_else(|| panic!("{key}: {settings:?}"));
        (found.value.expose().to_owned(), found.agent.clone())
    };
    let scout = Some("scout".to_owned());
    assert_eq!(
        of("analytics.alerts.monthly_cost-agent-scout.threshold"),
        ("5.0".to_owned(), scout)
    );
    assert_eq!(
        of("analytics.alerts.all.threshold"),
        ("7.0".to_owned(), None)
    );
    assert_eq!(of("analytics.retention_days"), ("90".to_owned(), None));
}
