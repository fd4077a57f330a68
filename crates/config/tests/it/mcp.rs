//! MCP servers: from `services/mcp/servers.yaml` and the profile over it, with keys
//! that are never shown.

use std::time::Duration;

use super::Installation;

const FILE: &str = "services/mcp/servers.yaml";
const DOCS: &str = "servers:\n  docs:\n    url: https://docs.example.com/mcp\n    credentials: {env: DOCS_KEY}\n    deny: [delete_*]\n";

#[test]
fn the_profile_lies_over_the_file() {
    let profile = "mcp: {servers: {docs: {timeout: 5s}, web: {url: 'http://127.0.0.1:9/mcp', header: x-api-key, credentials: {env: WEB_KEY, otherwise: passthrough}}}}";
    let installation = Installation::new(profile)
        .write(FILE, DOCS)
        .env("DOCS_KEY", "docs-key");
    let config = installation.config();
    let servers = &config.profile.mcp.servers;
    let docs = &servers["docs"];
    assert_eq!(docs.timeout, Duration::from_secs(5));
    assert_eq!(docs.idle_timeout, Duration::from_secs(300));
    assert_eq!(docs.key.as_ref().map(|key| key.expose()), Some("docs-key"));
    assert!(docs.admits("search") && !docs.admits("delete_all"));
    assert!(servers["web"].key.is_none());
    let shown = systemprompt_config::show(&config);
    assert!(
        shown.contains("DOCS_KEY") && !shown.contains("docs-key"),
        "{shown}"
    );
    let set = installation.set("mcp.servers.docs.allow=[search]").config();
    assert!(!set.profile.mcp.servers["docs"].admits("read"));
}

#[test]
fn what_is_wrong_is_named() {
    let file = |text: &str| Installation::new("").write(FILE, text).error();
    let missing = file(DOCS);
    assert!(
        missing.contains("mcp.servers.docs.credentials needs the environment variable DOCS_KEY"),
        "{missing}"
    );
    assert!(missing.contains("services/mcp/servers.yaml:4"), "{missing}");
    let unknown = file("server: {}\n");
    assert!(
        unknown.contains("unknown key server; the only key here is servers"),
        "{unknown}"
    );
    for (server, fault) in [
        (
            "docs: {url: 'ftp://x/mcp'}",
            "mcp.servers.docs.url must be an address",
        ),
        (
            "docs: {url: 'http://a:b@x/mcp'}",
            "must not hold a user or password",
        ),
        ("Docs: {url: 'http://x/mcp'}", "must be named with a-z"),
        (
            "docs: {url: 'http://x/mcp', header: Cookie}",
            "mcp.servers.docs.header must be",
        ),
        (
            "docs: {url: 'http://x/mcp', timeout: 0s}",
            "mcp.servers.docs.timeout must be above 0",
        ),
        ("docs: {}", "url"),
    ] {
        let error = Installation::new(&format!("mcp: {{servers: {{{server}}}}}")).error();
        assert!(error.contains(fault), "{server}: {error}");
    }
    let plain = "mcp: {servers: {docs: {url: 'http://x.example/mcp', credentials: {env: K}}}}";
    let warned = Installation::new(plain).env("K", "k").config().warnings;
    assert_eq!(
        warned,
        ["mcp.servers.docs is sent its key over http, where others can read it"]
    );
}

#[test]
fn an_installation_without_the_file_has_none() {
    assert!(
        Installation::new("")
            .config()
            .profile
            .mcp
            .servers
            .is_empty()
    );
    let empty = Installation::new("").write(FILE, "servers: {}\n");
    assert!(empty.config().profile.mcp.servers.is_empty());
}
