//! Values of the right type that are impossible, and the sentence for each.

use super::Installation;

/// Below `profiles/local.yaml:` each: the line and the sentence.
#[track_caller]
fn refused(cases: &[(&str, &str)]) {
    for (local, message) in cases {
        assert_eq!(
            Installation::new(local).error(),
            format!("profiles/local.yaml:{message}")
        );
    }
}

#[test]
fn server() {
    refused(&[
        (
            "server:\n  listen: 127.0.0.1:70000",
            "2: server.listen must be an IP address and a port up to 65535, such as 127.0.0.1:8080, not `127.0.0.1:70000`",
        ),
        (
            "server:\n  listen: here",
            "2: server.listen must be an IP address and a port up to 65535, such as 127.0.0.1:8080, not `here`",
        ),
        (
            "server:\n  tls_cert: cert.pem",
            "2: server.tls_cert needs server.tls_key beside it",
        ),
        (
            "server:\n  tls_key: key.pem",
            "2: server.tls_key needs server.tls_cert beside it",
        ),
        (
            "server:\n  trusted_proxies: [10.0.0.0/8, 10.0.0.0/33]",
            "2: server.trusted_proxies[1] must be an address or a network such as 10.0.0.0/8",
        ),
    ]);
}

#[test]
fn tokens() {
    refused(&[
        (
            "server:\n  tokens: [{name: a, token: short}]",
            "2: server.tokens[0].token must have at least 16 characters",
        ),
        (
            "server:\n  tokens: [{name: a, token: more than one word}]",
            "2: server.tokens[0].token must be ASCII without spaces, to fit a header",
        ),
        (
            "server:\n  tokens: [{name: '', token: aaaaaaaaaaaaaaaa}]",
            "2: server.tokens[0].name must not be empty",
        ),
        (
            "server:\n  tokens: [{name: a, token: aaaaaaaaaaaaaaaa, scopes: []}]",
            "2: server.tokens[0].scopes must hold at least one of gateway, read, ingest, mcp and admin",
        ),
        (
            "server:\n  tokens:\n  - {name: a, token: aaaaaaaaaaaaaaaa}\n  - {name: a, token: bbbbbbbbbbbbbbbb}",
            "4: server.tokens[1].name is a, as another token's is",
        ),
        (
            "server:\n  tokens:\n  - {name: a, token: aaaaaaaaaaaaaaaa}\n  - {name: b, token: aaaaaaaaaaaaaaaa}",
            "4: server.tokens[1].token is the same as another token's",
        ),
    ]);
}

#[test]
fn database() {
    refused(&[(
        "database:\n  url: mysql://host/db",
        "2: database.url must be an address that begins with postgres://… or postgresql://…",
    )]);
}

#[test]
fn providers() {
    refused(&[
        (
            "providers:\n  openai:\n    base_url: ftp://host",
            "3: providers.openai.base_url must be an address that begins with http://… or https://…",
        ),
        (
            "providers:\n  openai:\n    base_url: https://a:b@host",
            "3: providers.openai.base_url must not hold a user or password; use credentials",
        ),
        (
            "providers:\n  openai:\n    base_url: https://host/v1?x=1",
            "3: providers.openai.base_url must end before any ? or #",
        ),
        (
            "providers:\n  api: {wire: openai, base_url: 'http://h'}",
            "2: providers.api has a name the server uses itself; choose another",
        ),
        (
            "providers:\n  My Host: {wire: openai, base_url: 'http://h'}",
            "2: providers.My Host must be named with a-z, 0-9, - and _, beginning with a letter",
        ),
    ]);
}

#[test]
fn credentials() {
    refused(&[
        (
            "providers:\n  openai:\n    credentials: managed",
            "3: providers.openai.credentials must be passthrough, {env: NAME} or {file: PATH}, not other text",
        ),
        (
            "providers:\n  openai:\n    credentials: {otherwise: passthrough}",
            "3: providers.openai.credentials must have either env or file",
        ),
        (
            "providers:\n  openai:\n    credentials: {env: A, file: b}",
            "3: providers.openai.credentials must have either env or file",
        ),
        (
            "providers:\n  openai:\n    credentials: {env: MY_KEY}",
            "3: providers.openai.credentials needs the environment variable MY_KEY, which is not set",
        ),
        (
            "providers:\n  openai:\n    credentials: {env: [A, B]}",
            "3: providers.openai.credentials needs the environment variable A or B, which is not set",
        ),
        (
            "providers:\n  openai:\n    credentials: {env: sk-abc}",
            "3: providers.openai.credentials must name an environment variable, such as {env: MY_KEY}",
        ),
        (
            "providers:\n  openai:\n    credentials: {file: /nowhere/key}",
            "3: providers.openai.credentials finds no key in the file /nowhere/key",
        ),
    ]);
}

#[test]
fn analytics() {
    refused(&[
        (
            "analytics:\n  retention_days: 0",
            "2: analytics.retention_days must be at least 1",
        ),
        (
            "analytics:\n  audit_retention_days: 0",
            "2: analytics.audit_retention_days must be at least 1",
        ),
        (
            "analytics:\n  sampling_rate: 1.5",
            "2: analytics.sampling_rate must be between 0.0 and 1.0",
        ),
        (
            "analytics:\n  sampling_rate: -0.1",
            "2: analytics.sampling_rate must be between 0.0 and 1.0",
        ),
        (
            "analytics:\n  sampling_rate: NaN",
            "2: analytics.sampling_rate must be between 0.0 and 1.0",
        ),
    ]);
}

#[test]
fn costs() {
    refused(&[
        (
            "analytics:\n  costs:\n    currency: EUR",
            "3: analytics.costs.currency is EUR, which needs analytics.costs.exchange_rates",
        ),
        (
            "analytics:\n  costs:\n    currency: euro",
            "3: analytics.costs.currency must be a three-letter code such as USD or EUR",
        ),
        (
            "analytics:\n  costs:\n    exchange_rates: [{from: 2026-01-01, usd_to: 0}]",
            "3: analytics.costs.exchange_rates[0].usd_to must be above 0 and at most 1000000000",
        ),
        (
            "analytics:\n  costs:\n    exchange_rates: [{from: 2026-01-01, usd_to: 0.123456789}]",
            "3: analytics.costs.exchange_rates[0].usd_to must have at most 8 decimals",
        ),
        (
            "analytics:\n  costs:\n    exchange_rates: [{from: 2026-01-01, usd_to: 1}, {from: 2026-01-01, usd_to: 2}]",
            "3: analytics.costs.exchange_rates[1].from is 2026-01-01, as another rate's is; a day has one",
        ),
        (
            "analytics:\n  costs:\n    exchange_rates:\n    - {from: 2026-01-01, usd_to: 0.9}\n    - {from: 2026-01-01, usd_to: 0.8}",
            "5: analytics.costs.exchange_rates[1].from is 2026-01-01, as another rate's is; a day has one",
        ),
        (
            "analytics:\n  costs:\n    custom_pricing:\n      m: {input_per_1k: 1, output_per_1k: -1}",
            "4: analytics.costs.custom_pricing.m.output_per_1k must not be negative",
        ),
    ]);
}

#[test]
fn alerts() {
    let long = "a".repeat(201);
    for (alert, message) in [
        (
            "type: daily_cost, threshold: -1, action: email",
            ".threshold must not be negative",
        ),
        (
            "type: error_rate, threshold: 5, action: email",
            ".threshold must be a share between 0 and 1 for error_rate",
        ),
        (
            "type: monthly_cost, threshold: 9223372036.9, action: email",
            ".threshold must be at most 9223372036.854775807 dollars",
        ),
        (
            "type: daily_cost, threshold: 1, action: []",
            ".action must name at least one action",
        ),
        (
            "type: daily_cost, threshold: 1, action: [email, email]",
            ".action names email twice",
        ),
        (
            "type: error_rate, threshold: 0.1, action: [email, pause_requests]",
            ".action must not be pause_requests for error_rate: only costs pause requests",
        ),
        (
            "type: latency_p95, threshold: 900, action: pause_requests",
            ".action must not be pause_requests for latency_p95: only costs pause requests",
        ),
        (
            "type: unpriced_requests, threshold: 1, action: pause_requests",
            ".action must not be pause_requests for unpriced_requests: only costs pause requests",
        ),
        (
            "type: daily_cost, threshold: 1, action: email, notify_at: [0.5, 80]",
            ".notify_at[1] must be above 0 and at most 1",
        ),
        (
            "type: daily_cost, threshold: 1, action: email, notify_at: [0.5, 0]",
            ".notify_at[1] must be above 0 and at most 1",
        ),
        (
            "type: daily_cost, threshold: 1, action: email, notify_at: [0.5, 0.50]",
            ".notify_at[1] is 0.50, as another one is",
        ),
        (
            "type: daily_cost, threshold: 1, action: email, timezone: Mars/Olympus",
            ".timezone must be a time zone such as UTC or Europe/Berlin",
        ),
        (
            "type: daily_cost, threshold: 1, action: email, name: ' '",
            ".name must not be empty",
        ),
        (
            "type: daily_cost, threshold: 1, action: email, name: \"a\\tb\"",
            ".name must not hold control characters",
        ),
        (
            &format!("type: daily_cost, threshold: 1, action: email, name: {long}"),
            ".name makes the alert's name 201 bytes long; 200 are allowed",
        ),
        (
            &format!("type: daily_cost, threshold: 1, action: email, scope: {{user: {long}}}"),
            ".scope makes the alert's name 217 bytes long; 200 are allowed",
        ),
        (
            "type: daily_cost, threshold: 1, action: email, scope: {agent: ''}",
            ".scope must not be empty",
        ),
    ] {
        refused(&[(
            &format!("analytics:\n  alerts: [{{{alert}}}]"),
            &format!("2: analytics.alerts[0]{message}"),
        )]);
    }
    refused(&[(
        "analytics:\n  alerts:\n  - {type: daily_cost, threshold: 1, action: email}\n  - {type: daily_cost, threshold: 2, action: email}",
        "4: analytics.alerts[1] is called daily_cost, as another alert is; give it a name",
    )]);
}

#[test]
fn alerts_of_unknown_kinds() {
    for (alert, key, unknown) in [
        (
            "type: yearly_cost, threshold: 1, action: email",
            "type",
            "yearly_cost",
        ),
        (
            "type: daily_cost, threshold: 1, action: fax",
            "action",
            "fax",
        ),
        (
            "type: daily_cost, threshold: 1, action: email, scope: {team: a}",
            "scope",
            "team",
        ),
    ] {
        let error = Installation::new(&format!("analytics:\n  alerts: [{{{alert}}}]")).error();
        assert!(
            error.starts_with(&format!("profiles/local.yaml:2: analytics.alerts[0].{key}"))
                && error.contains(unknown),
            "{error}"
        );
    }
}

#[test]
fn notifications() {
    refused(&[
        (
            "notifications:\n  email: {smtp_url: 'http://a', from: a@b}",
            "2: notifications.email.smtp_url must be an address that begins with smtp://… or smtps://…",
        ),
        (
            "notifications:\n  email: {smtp_url: 'smtp://a', from: a@b, to: [me]}",
            "2: notifications.email.to[0] must be an e-mail address",
        ),
        (
            "notifications:\n  email: {smtp_url: 'smtp:a', from: a@b}",
            "2: notifications.email.smtp_url must be an address that begins with smtp://… or smtps://…",
        ),
        (
            "notifications:\n  email: {smtp_url: 'smtp://a?tls=yes', from: a@b}",
            "2: notifications.email.smtp_url has a tls that is neither required nor opportunistic",
        ),
        (
            "notifications:\n  email: {smtp_url: 'smtps://me@a', from: a@b}",
            "2: notifications.email.smtp_url names a user but no password",
        ),
        (
            "notifications:\n  email: {smtp_url: 'smtp://a', from: 'Alerts <alerts>'}",
            "2: notifications.email.from must be an e-mail address",
        ),
        (
            "notifications:\n  email: {smtp_url: 'smtp://a', from: \"a@b\\r\\nbcc: c@d\"}",
            "2: notifications.email.from must be an e-mail address",
        ),
        (
            "notifications:\n  email: {smtp_url: 'smtp://a', from: a@b, to: ['a@b, c@d']}",
            "2: notifications.email.to[0] must be an e-mail address",
        ),
        (
            "notifications:\n  webhook: {url: 'https://a', secret: ''}",
            "2: notifications.webhook.secret must not be empty; leave it out instead",
        ),
        (
            "notifications:\n  slack: {webhook_url: hooks}",
            "2: notifications.slack.webhook_url must be an address that begins with http://… or https://…",
        ),
    ]);
}

#[test]
fn notifications_that_can_be_sent() {
    let config = Installation::new(
        "notifications:\n  \
         email: {smtp_url: 'smtp://u:p@mail.example?tls=opportunistic', from: 'Alerts <a@b>', \
         to: [a@b, c+d@e.example], ca_file: ca.pem}\n  \
         slack: {webhook_url: 'http://far.example/hook'}\n  \
         webhook: {url: 'http://127.0.0.1:1/hook'}\n",
    );
    let root = config.root().to_owned();
    let config = config.config();
    assert_eq!(
        config.warnings,
        [
            "notifications.email.smtp_url may send its password without encryption: use smtps://… or ?tls=required",
            "notifications.slack.webhook_url is not https: others can read it and what is sent there",
        ]
    );
    let email = config.profile.notifications.email.expect("it is set");
    assert_eq!(email.ca_file, Some(root.join("ca.pem")));
}

#[test]
fn limits() {
    refused(&[
        (
            "limits:\n  upstream:\n    idle_timeout: 0s",
            "3: limits.upstream.idle_timeout must be above 0",
        ),
        (
            "limits:\n  gateway_body: 0",
            "2: limits.gateway_body must be above 0",
        ),
        (
            "limits:\n  sessions: {idle_timeout: 59s}",
            "2: limits.sessions.idle_timeout must be at least 1m",
        ),
        (
            "limits:\n  sessions: {lifetime: 29m}",
            "2: limits.sessions.lifetime must not be shorter than idle_timeout",
        ),
        (
            "limits:\n  sessions: {lifetime: 366d}",
            "2: limits.sessions.lifetime must be at most 365d",
        ),
        (
            "limits:\n  spool: {segment: 1KiB}",
            "2: limits.spool.segment must be at least 64KiB",
        ),
        (
            "limits:\n  spool: {cap: 16MiB}",
            "2: limits.spool.cap must have room for two segments",
        ),
        (
            "limits:\n  spool: {segment: 16000000TiB}",
            "2: limits.spool.cap must have room for two segments",
        ),
    ]);
}
