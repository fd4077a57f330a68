//! What the layers make together: defaults, files, environment, flags.

use std::time::Duration;

use rust_decimal::Decimal;
use systemprompt_config::{Credentials, Limits, Scope, Sources, Unmetered, load_with};
use systemprompt_domain::api::Wire;

use super::Installation;

#[test]
fn nothing_at_all_works() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let sources = Sources {
        root: root.path().to_owned(),
        ..Sources::default()
    };
    let config = load_with(&sources, &|_| None).expect("no configuration is a configuration");
    let profile = config.profile;
    assert_eq!(config.profile_path, None);
    assert_eq!(config.warnings, [""; 0]);
    assert_eq!(profile.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(profile.server.storage, root.path().join("storage"));
    assert!(profile.server.tokens.is_empty() && profile.database.url.is_none());
    assert!(profile.analytics.enabled);
    assert_eq!(profile.analytics.retention_days, 90);
    assert_eq!(profile.analytics.sampling_rate.to_string(), "1");
    assert_eq!(profile.analytics.costs.currency, "USD");
    let providers: Vec<_> = profile
        .providers
        .iter()
        .map(|(name, p)| (name.as_str(), p.wire))
        .collect();
    assert_eq!(
        providers,
        [
            ("anthropic", Wire::Anthropic),
            ("gemini", Wire::Gemini),
            ("openai", Wire::OpenAi)
        ]
    );
    for provider in profile.providers.values() {
        assert!(matches!(provider.credentials, Credentials::Passthrough));
        assert!(provider.include_usage);
        assert_eq!(provider.unmetered, Unmetered::Refuse);
    }
}

#[test]
fn files_that_say_nothing_are_defaults() {
    for empty in [
        "",
        "\n",
        "# only a comment\n",
        "---\n",
        "\u{feff}",
        "server:\nanalytics:\n  costs:\n",
    ] {
        let config = Installation::new(empty).config();
        assert_eq!(config.profile.providers.len(), 3, "{empty:?}");
        assert!(
            config
                .profile_path
                .expect("it was read")
                .ends_with("profiles/local.yaml")
        );
    }
}

#[test]
fn limits_have_the_documented_defaults() {
    let Limits {
        upstream,
        downstream,
        gateway_body,
        spool,
        drain,
        sessions,
        stop_timeout,
    } = Limits::default();
    let seconds = Duration::from_secs;
    assert_eq!(upstream.connect_timeout, seconds(5));
    assert_eq!(upstream.first_byte_timeout, seconds(600));
    assert_eq!(upstream.idle_timeout, seconds(300));
    assert_eq!(downstream.header_timeout, seconds(10));
    assert_eq!(downstream.body_idle_timeout, seconds(30));
    assert_eq!(downstream.connections, 1024);
    assert_eq!(gateway_body, 32 * 1024 * 1024);
    assert_eq!(
        (spool.cap, spool.segment),
        (1024 * 1024 * 1024, 16 * 1024 * 1024)
    );
    assert_eq!((drain.timeout, drain.streams), (seconds(30), 64));
    assert_eq!(
        (sessions.idle_timeout, sessions.lifetime),
        (seconds(30 * 60), seconds(12 * 3600))
    );
    assert_eq!(stop_timeout, seconds(30));
}

#[test]
fn durations_and_sizes() {
    let limits = |text: &str| {
        Installation::new(&format!("limits: {text}\n"))
            .config()
            .profile
            .limits
    };
    for (text, millis) in [
        ("90", 90_000),
        ("250ms", 250),
        ("30s", 30_000),
        ("5 m", 300_000),
        ("1h", 3_600_000),
        ("2d", 172_800_000),
    ] {
        assert_eq!(
            limits(&format!("{{stop_timeout: {text}}}")).stop_timeout,
            Duration::from_millis(millis),
            "{text}"
        );
    }
    for (text, bytes) in [
        ("1000", 1000),
        ("16KiB", 16 << 10),
        ("32 MiB", 32 << 20),
        ("1GiB", 1 << 30),
        ("1TiB", 1 << 40),
    ] {
        assert_eq!(
            limits(&format!("{{gateway_body: {text}}}")).gateway_body,
            bytes,
            "{text}"
        );
    }
}

#[test]
fn later_layers_win() {
    let days = |installation: &Installation| installation.config().profile.server.listen.port();
    let mut it = Installation::new("");
    assert_eq!(days(&it), 8080);
    it = it.write("profiles/local.yaml", "server: {listen: '127.0.0.1:1'}\n");
    assert_eq!(days(&it), 1);
    it = it.env("SYSTEMPROMPT_LISTEN", "127.0.0.1:2");
    assert_eq!(days(&it), 2);
    it.sources.listen = Some("127.0.0.1:3".into());
    assert_eq!(days(&it), 3);
    it = it
        .set("server.listen=127.0.0.1:4")
        .set("server.listen=127.0.0.1:5");
    assert_eq!(days(&it), 5);
}

#[test]
fn flags_override_variables_override_the_file() {
    let mut it = Installation::new("database: {url: 'postgres://file'}\n");
    let url = |it: &Installation| {
        it.config()
            .profile
            .database
            .url
            .expect("a database")
            .expose()
            .to_owned()
    };
    assert_eq!(url(&it), "postgres://file");
    // Taken as it is: a password may look like a variable.
    it = it.env("DATABASE_URL", "postgres://u:${x}@env");
    assert_eq!(url(&it), "postgres://u:${x}@env");
    it.sources.database_url = Some("postgres://flag".into());
    assert_eq!(url(&it), "postgres://flag");

    assert_eq!(
        it.config().profile.server.storage,
        it.root().join("storage")
    );
    it = it.env("SYSTEMPROMPT_STORAGE", "/env");
    assert_eq!(it.config().profile.server.storage.to_str(), Some("/env"));
    it.sources.storage = Some("here".into());
    let here = std::env::current_dir()
        .expect("a current folder")
        .join("here");
    assert_eq!(it.config().profile.server.storage, here);
}

#[test]
fn profiles_are_found_by_name_file_and_variable() {
    let port = |it: &Installation| it.config().profile.server.listen.port();
    let mut it = Installation::new("")
        .write("profiles/team.yaml", "server: {listen: '127.0.0.1:1'}\n")
        .write("elsewhere/x.yml", "server: {listen: '127.0.0.1:2'}\n")
        .env("SYSTEMPROMPT_PROFILE", "team");
    assert_eq!(port(&it), 1);
    let file = it.root().join("elsewhere/x.yml");
    it.sources.profile = Some(file.to_str().expect("UTF-8").to_owned());
    assert_eq!(port(&it), 2);
    assert_eq!(it.config().profile_path, Some(file));
    it.sources.profile = Some("local".into());
    assert_eq!(port(&it), 8080);
}

#[test]
fn providers_are_joined_key_by_key() {
    let it = Installation::new("providers:\n  openai: {unmetered: allow}\n  extra: {wire: gemini, base_url: 'https://e/'}\n")
        .write("services/ai/providers.yaml", "providers:\n  openai: {wire: openai, base_url: 'https://o', credentials: {env: K, otherwise: passthrough}}\n")
        .set("providers.groq.wire=openai")
        .set("providers.groq.base_url=https://api.groq.com/openai/");
    let providers = it.config().profile.providers;
    assert_eq!(
        providers.keys().collect::<Vec<_>>(),
        ["extra", "groq", "openai"]
    );
    assert_eq!(providers["openai"].base_url, "https://o");
    assert_eq!(providers["openai"].unmetered, Unmetered::Allow);
    assert_eq!(providers["extra"].base_url, "https://e");
    assert_eq!(providers["groq"].base_url, "https://api.groq.com/openai");
    assert!(matches!(
        providers["groq"].credentials,
        Credentials::Passthrough
    ));
}

#[test]
fn keys_come_from_where_they_are_said_to() {
    let key = |it: &Installation, name: &str| match &it.config().profile.providers[name].credentials
    {
        Credentials::Passthrough => None,
        Credentials::Managed { key, .. } => Some(key.expose().to_owned()),
    };
    let it = Installation::new("")
        .write("secrets/openai", "from-file\n")
        .env("ANTHROPIC_API_KEY", "from-env")
        .env("OPENAI_API_KEY", "")
        .env("GOOGLE_API_KEY", "from-google");
    assert_eq!(key(&it, "anthropic").as_deref(), Some("from-env"));
    assert_eq!(key(&it, "openai"), None);
    assert_eq!(key(&it, "gemini").as_deref(), Some("from-google"));

    let it = it
        .set("providers.anthropic.credentials=passthrough")
        .set("providers.openai.credentials={file: secrets/openai}")
        .set("providers.gemini.credentials.env=ANTHROPIC_API_KEY");
    assert_eq!(key(&it, "anthropic"), None);
    assert_eq!(key(&it, "openai").as_deref(), Some("from-file"));
    assert_eq!(key(&it, "gemini").as_deref(), Some("from-env"));

    // A whole new choice, not a key beside `env`; and a file may be absent.
    let absent =
        "providers: {anthropic: {credentials: {file: secrets/none, otherwise: passthrough}}}";
    let it = Installation::new(absent).env("ANTHROPIC_API_KEY", "from-env");
    assert_eq!(key(&it, "anthropic"), None);
    assert_eq!(
        key(&it.write("secrets/none", "new"), "anthropic").as_deref(),
        Some("new")
    );
}

#[test]
fn set_takes_any_yaml_value() {
    let it = Installation::new(
        "analytics:\n  alerts: [{type: daily_cost, threshold: 1, action: email}]\n",
    )
    .set("analytics.alerts[0].threshold=2.50")
    .set("analytics.alerts[0].action=[slack, pause_requests]")
    .set("analytics.costs.custom_pricing.\"gpt-4.1\"={input_per_1k: 0.1, output_per_1k: 1e-3}")
    .set("server.tokens=[{name: t, token: aaaabbbbccccdddd, scopes: [read]}]")
    .set("analytics.enabled=false");
    let profile = it.config().profile;
    assert!(!profile.analytics.enabled);
    assert_eq!(profile.analytics.alerts[0].threshold, Decimal::new(25, 1));
    assert_eq!(profile.analytics.alerts[0].action.len(), 2);
    let price = &profile.analytics.costs.custom_pricing["gpt-4.1"];
    assert_eq!(
        (price.input_per_1k, price.output_per_1k),
        (Decimal::new(1, 1), Decimal::new(1, 3))
    );
    assert_eq!(profile.server.tokens[0].scopes, [Scope::Read]);
}

#[test]
fn variables_are_expanded_after_the_layers() {
    let it = Installation::new(
        "server: {listen: '127.0.0.1:${PORT:-9000}', log: '${LOG}'}\n\
         analytics: {retention_days: '${DAYS:-30}', enabled: \"${ON:-false}\"}\n\
         database: {url: '${UNSET_URL:-}'}\n",
    );
    assert_eq!(
        it.error(),
        "profiles/local.yaml:1: server.log needs the environment variable LOG, which is not set"
    );
    // A value that is overridden needs no variable.
    let it = it.set("server.log=debug").env("DAYS", "7");
    let profile = it.config().profile;
    assert_eq!(profile.server.listen.port(), 9000);
    assert_eq!(profile.server.log, "debug");
    assert_eq!(profile.analytics.retention_days, 7);
    assert!(!profile.analytics.enabled);
    assert!(profile.database.url.is_none());
}

#[test]
fn a_variable_cannot_change_the_shape() {
    let it = Installation::new("server: {log: '${ODD}'}\n")
        .env("ODD", "a: b\nserver: {listen: x} # ${HOME}");
    assert_eq!(
        it.config().profile.server.log,
        "a: b\nserver: {listen: x} # ${HOME}"
    );
}

#[test]
fn amounts_are_exact() {
    let digits = "0.1234567890123456789012345678";
    let local = format!(
        "analytics:\n  costs:\n    custom_pricing:\n      m: {{input_per_1k: {digits}, output_per_1k: 0.1}}\n"
    );
    let price = Installation::new(&local)
        .config()
        .profile
        .analytics
        .costs
        .custom_pricing["m"]
        .input_per_1k;
    assert_eq!(price.to_string(), digits);
}
