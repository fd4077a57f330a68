//! Every way a configuration can be wrong, and the sentence for it.

use super::Installation;

/// Loads a `profiles/local.yaml` and compares what is wrong with it.
#[track_caller]
fn refused(local: &str, message: &str) {
    assert_eq!(Installation::new(local).error(), message);
}

#[test]
fn unknown_keys_name_the_nearest() {
    refused(
        "analytics:\n  enabled: true\n  retention_day: 30\n",
        "profiles/local.yaml:3: unknown key analytics.retention_day; did you mean retention_days?",
    );
    refused(
        "analytic: {}\n",
        "profiles/local.yaml:1: unknown key analytic; did you mean analytics?",
    );
    refused(
        "database:\n  colour: blue\n",
        "profiles/local.yaml:2: unknown key database.colour; the keys here are url, owner_url, replica_url",
    );
    refused(
        "providers:\n  openai:\n    credentials: {evn: OPENAI_API_KEY}\n",
        "profiles/local.yaml:3: unknown key providers.openai.credentials.evn; did you mean env?",
    );
    refused(
        "analytics:\n  costs:\n    custom_pricing:\n      gpt-4.1: {input_per_1k: 1, output_per_1k: 1, input: 2}\n",
        "profiles/local.yaml:4: unknown key analytics.costs.custom_pricing.\"gpt-4.1\".input; \
         the keys here are input_per_1k, output_per_1k, cache_read_per_1k, cache_write_per_1k, provider",
    );
    refused(
        "analytics:\n  alerts:\n    - type: daily_cost\n      treshold: 1\n      threshold: 1\n      action: email\n",
        "profiles/local.yaml:4: unknown key analytics.alerts[0].treshold; did you mean threshold?",
    );
}

#[test]
fn missing_keys_name_their_place() {
    refused(
        "providers:\n  groq:\n    wire: openai\n",
        "profiles/local.yaml:2: providers.groq needs the key base_url",
    );
    refused(
        "analytics:\n  alerts:\n  - action: email\n    threshold: 1\n",
        "profiles/local.yaml:3: analytics.alerts[0] needs the key type",
    );
}

#[test]
fn wrong_types_say_what_was_expected_and_found() {
    for (local, message) in [
        (
            "hello",
            "profiles/local.yaml:1: the profile must be a mapping of keys to values, not text",
        ),
        (
            "server: 8080\n",
            "profiles/local.yaml:1: server must be a mapping of keys to values, not text",
        ),
        (
            "server:\n  tokens: {a: b}\n",
            "profiles/local.yaml:2: server.tokens must be a list, not a mapping",
        ),
        (
            "server:\n  log: [a]\n",
            "profiles/local.yaml:2: server.log must be text, not a list",
        ),
        (
            "analytics:\n  enabled: yes\n",
            "profiles/local.yaml:2: analytics.enabled must be true or false, not `yes`",
        ),
        (
            "analytics:\n  retention_days: ninety\n",
            "profiles/local.yaml:2: analytics.retention_days must be a whole number from 0 to 4294967295, not `ninety`",
        ),
        (
            "analytics:\n  retention_days: -1\n",
            "profiles/local.yaml:2: analytics.retention_days must be a whole number from 0 to 4294967295, not `-1`",
        ),
        (
            "analytics:\n  retention_days:\n",
            "profiles/local.yaml:2: analytics.retention_days must be a whole number from 0 to 4294967295, not empty",
        ),
        (
            "analytics:\n  sampling_rate: all\n",
            "profiles/local.yaml:2: analytics.sampling_rate must be a number, not `all`",
        ),
        (
            "analytics:\n  costs:\n    custom_pricing:\n      m:\n        input_per_1k: cheap\n        output_per_1k: 1\n",
            "profiles/local.yaml:5: analytics.costs.custom_pricing.m.input_per_1k must be a number such as 100 or 0.025, not `cheap`",
        ),
        (
            "analytics:\n  costs:\n    exchange_rates: [{from: today, usd_to: 1}]\n",
            "profiles/local.yaml:3: analytics.costs.exchange_rates[0].from must be a day such as 2026-11-23, not `today`",
        ),
        (
            "analytics:\n  alerts: [{type: dayly_cost, threshold: 1, action: email}]\n",
            "profiles/local.yaml:2: analytics.alerts[0].type must be one of hourly_cost, daily_cost, weekly_cost, monthly_cost, error_rate, latency_p95, unpriced_requests, not `dayly_cost`",
        ),
        (
            "analytics:\n  alerts: [{type: daily_cost, threshold: 1, action: [email, fax]}]\n",
            "profiles/local.yaml:2: analytics.alerts[0].action[1] must be one of email, webhook, discord, slack, pause_requests, not `fax`",
        ),
        (
            "analytics:\n  alerts: [{type: daily_cost, threshold: 1, action: email, scope: {agnt: x}}]\n",
            "profiles/local.yaml:2: analytics.alerts[0].scope must be one of agent, user, model, provider, not `agnt`",
        ),
        (
            "analytics:\n  alerts: [{type: daily_cost, threshold: 1, action: email, scope: {agent: x, user: y}}]\n",
            "profiles/local.yaml:2: analytics.alerts[0].scope must be one of the keys agent, user, model, provider, not 2 keys",
        ),
        (
            "server:\n  log_format: xml\n",
            "profiles/local.yaml:2: server.log_format must be text or json, not `xml`",
        ),
        (
            "server:\n  keep_logs: debug\n",
            "profiles/local.yaml:2: server.keep_logs must be one of off, warn, info, not `debug`",
        ),
        (
            "providers:\n  openai:\n    wire: chatgpt\n",
            "profiles/local.yaml:3: providers.openai.wire must be one of anthropic, openai, gemini, not `chatgpt`",
        ),
        (
            "limits:\n  stop_timeout: 5 minutes\n",
            "profiles/local.yaml:2: limits.stop_timeout must be a duration such as 250ms, 30s, 5m, 1h or 2d, not `5 minutes`",
        ),
        (
            "limits:\n  gateway_body: 32MB\n",
            "profiles/local.yaml:2: limits.gateway_body must be a size such as 16KiB, 32MiB or 1GiB, or a number of bytes, not `32MB`",
        ),
    ] {
        refused(local, message);
    }
}

#[test]
fn all_faults_come_together() {
    refused(
        "server:\n  listen: here\n  lgo: info\nanalytics:\n  alerts:\n  - type: daily_cost\n    threshold: much\n    action: fax\n  - type: monthly\n    action: email\n",
        "profiles/local.yaml:2: server.listen must be an IP address and a port up to 65535, such as 127.0.0.1:8080, not `here`\n\
         profiles/local.yaml:3: unknown key server.lgo; did you mean log?\n\
         profiles/local.yaml:7: analytics.alerts[0].threshold must be a number such as 100 or 0.025, not `much`\n\
         profiles/local.yaml:8: analytics.alerts[0].action must be one of email, webhook, discord, slack, pause_requests, not `fax`\n\
         profiles/local.yaml:9: analytics.alerts[1].type must be one of hourly_cost, daily_cost, weekly_cost, monthly_cost, error_rate, latency_p95, unpriced_requests, not `monthly`",
    );
    refused(
        "analytics:\n  retention_days: 0\nlimits:\n  spool: {cap: 1MiB}\n",
        "profiles/local.yaml:2: analytics.retention_days must be at least 1\n\
         profiles/local.yaml:4: limits.spool.cap must have room for two segments",
    );
}

#[test]
fn broken_yaml_names_line_and_column() {
    for (local, message) in [
        (
            "server:\n\tlisten: x\n",
            "profiles/local.yaml:2: this is not YAML (column 2): tabs disallowed within this context (block indentation)",
        ),
        (
            "server: [1, 2\n",
            "profiles/local.yaml:2: this is not YAML (column 1): while parsing a flow sequence, expected ',' or ']'",
        ),
        (
            "server:\n  log: a\n listen: b\n",
            "profiles/local.yaml:3: this is not YAML (column 2): while parsing a block mapping, did not find expected key",
        ),
        (
            "server:\n  log: 'open\n",
            "profiles/local.yaml:2: this is not YAML (column 8): while scanning a quoted scalar, found unexpected end of stream",
        ),
        (
            "server:\n  log: a\n  log: b\n",
            "profiles/local.yaml:3: the key log was already given on line 2",
        ),
        (
            "a: &x 1\nb: *x\n",
            "profiles/local.yaml:2: YAML aliases (`*name`) are not used in a profile; write the value out",
        ),
        (
            "server: !custom {}\n",
            "profiles/local.yaml:1: YAML tags (`!name`) are not used in a profile",
        ),
        (
            "server: {}\n---\nserver: {}\n",
            "profiles/local.yaml:2: a second YAML document (`---`) is not read",
        ),
        (
            "? [a]\n: b\n",
            "profiles/local.yaml:1: a key must be plain text",
        ),
    ] {
        refused(local, message);
    }
    let deep = "[".repeat(60);
    refused(&deep, "profiles/local.yaml:1: this is nested too deeply");
}

#[test]
fn files_that_cannot_be_read() {
    let bytes = Installation::new("").write("profiles/local.yaml", b"server:\n  log: \xff\n");
    assert_eq!(
        bytes.error(),
        "profiles/local.yaml:2: this is not UTF-8 text"
    );

    let mut named = Installation::new("").write("profiles/team.yaml", "");
    named.sources.profile = Some("staging".into());
    assert_eq!(
        named.error(),
        "profiles/staging.yaml: there is no such profile; there are local, team"
    );
    named.sources.profile = Some("/nowhere/a.yaml".into());
    assert_eq!(
        named.error(),
        "/nowhere/a.yaml: there is no such profile; there are local, team"
    );
    let folder = named.root().join("profiles").display().to_string();
    named.sources.profile = Some(folder.clone());
    assert_eq!(
        named.error(),
        format!("{folder}: this is a folder, not a file")
    );

    let mut none = Installation::new("");
    std::fs::remove_file(none.root().join("profiles/local.yaml")).expect("removed");
    none.sources.profile = Some("staging".into());
    assert_eq!(
        none.error(),
        "profiles/staging.yaml: there is no such profile, nor any other"
    );

    let providers = Installation::new("").write("services/ai/providers.yaml", "provider: {}\n");
    assert_eq!(
        providers.error(),
        "services/ai/providers.yaml:1: unknown key provider; the only key here is providers"
    );
    let providers = providers.write("services/ai/providers.yaml", "- a\n");
    assert_eq!(
        providers.error(),
        "services/ai/providers.yaml:1: this file must be a mapping with the key providers"
    );
    let providers = providers.write(
        "services/ai/providers.yaml",
        "providers:\n  a: {wire: openai}\n",
    );
    assert_eq!(
        providers.error(),
        "services/ai/providers.yaml:2: providers.a needs the key base_url"
    );
}

#[test]
fn flags_and_variables_name_themselves() {
    for (set, message) in [
        (
            "providers.openai.base_url=ftp://x",
            "--set providers.openai.base_url=…: providers.openai.base_url must be an address that begins with http://… or https://…",
        ),
        (
            "analytics.retention_day=3",
            "--set analytics.retention_day=…: unknown key analytics.retention_day; did you mean retention_days?",
        ),
        (
            "providers.groq.wire=openai",
            "--set providers.groq.wire=…: providers.groq needs the key base_url",
        ),
        (
            "analytics.alerts[2].threshold=1",
            "--set analytics.alerts[2].threshold=…: there is no analytics.alerts[2]",
        ),
        ("analytics.enabled", "--set: must look like key.path=value"),
        ("=x", "--set: must look like key.path=value"),
        ("a..b=x", "--set: must look like key.path=value"),
        (
            "server={",
            "--set server=…: this is not YAML (column 1): while parsing a node, did not find expected node content",
        ),
    ] {
        assert_eq!(Installation::new("").set(set).error(), message, "{set}");
    }
    let address =
        "server.listen must be an IP address and a port up to 65535, such as 127.0.0.1:8080";
    let mut flag = Installation::new("").env("SYSTEMPROMPT_LISTEN", "there");
    assert_eq!(flag.error(), format!("SYSTEMPROMPT_LISTEN: {address}"));
    flag.sources.listen = Some("here".into());
    assert_eq!(flag.error(), format!("--listen: {address}"));
}
