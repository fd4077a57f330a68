//! What a newcomer reads at start: where things are, a request to copy for each
//! provider, and how to ask what it cost.

use std::fmt::Write as _;
use std::net::SocketAddr;

use systemprompt_config::{Config, Credentials, Provider};
use systemprompt_domain::Wire;
use systemprompt_storage::users::Secret;

/// The text for standard output, which is no log: `first_link` is the key of a
/// link that makes the first user. Its first line is for scripts.
pub(crate) fn text(
    address: SocketAddr,
    config: &Config,
    open: bool,
    first_link: Option<&Secret>,
) -> String {
    let scheme = match config.profile.server.tls_cert {
        Some(_) => "https",
        None => "http",
    };
    let base = format!("{scheme}://{address}");
    let mut out = format!("listening on {base}\n\n");
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    line("Point an SDK at it:");
    for (name, provider) in &config.profile.providers {
        line(&format!(
            "  {name:<10} base URL {}",
            base_url(&base, name, provider.wire)
        ));
    }
    line("");
    line("Or try one request:");
    for (name, provider) in &config.profile.providers {
        line("");
        line(&example(&base, name, provider, open));
    }
    line("");
    if config.profile.analytics.enabled {
        line("What did it cost?");
        // Asked at once: the command line has to be built first.
        if open {
            line(&format!("  curl {base}/api/v1/analytics/costs/summary"));
        }
        line("  cargo run --release -p systemprompt -- analytics costs summary");
        line("  cargo run --release -p systemprompt -- analytics requests list");
    } else {
        line("Analytics is off (analytics.enabled: false): requests pass and are not recorded.");
    }
    if let Some(key) = first_link {
        line("");
        line("Nobody can sign in yet. Make the first user, within a day:");
        let site = if address.ip().is_loopback() {
            base.as_str()
        } else {
            "https://<your server>"
        };
        line(&format!("  {site}/admin/setup?key={}", key.expose()));
    }
    line("");
    let _ = writeln!(
        out,
        "API {base}/api/docs · health {base}/readyz · {}",
        if open {
            "open for this machine only, until a token is issued (systemprompt admin token create)"
        } else {
            "clients need a token (systemprompt admin token create)"
        }
    );
    out
}

/// The request that a page shows where nothing was recorded yet.
pub(crate) fn first_example(address: SocketAddr, config: &Config, open: bool) -> String {
    let base = format!("http://{address}");
    let mut providers = config.profile.providers.iter();
    let first = providers.next();
    first.map_or_else(String::new, |(name, provider)| {
        example(&base, name, provider, open).trim_start().to_owned()
    })
}

fn base_url(base: &str, name: &str, wire: Wire) -> String {
    match wire {
        Wire::OpenAi => format!("{base}/{name}/v1"),
        Wire::Anthropic | Wire::Gemini => format!("{base}/{name}"),
    }
}

/// A request that works as it is pasted, once the key is in the environment.
fn example(base: &str, name: &str, provider: &Provider, open: bool) -> String {
    let managed = matches!(provider.credentials, Credentials::Managed { .. });
    // The gateway holds a managed key; the client's place for it takes a token.
    let key = |variable: &str| match (managed, open) {
        (true, true) => "unused".to_owned(),
        (true, false) => "$SYSTEMPROMPT_TOKEN".to_owned(),
        (false, _) => format!("${variable}"),
    };
    let token = if managed || open {
        ""
    } else {
        " \\\n    -H \"x-systemprompt-token: $SYSTEMPROMPT_TOKEN\""
    };
    match provider.wire {
        Wire::Anthropic => format!(
            "  curl {base}/{name}/v1/messages -H 'content-type: application/json' \\\n    \
             -H \"x-api-key: {}\" -H 'anthropic-version: 2023-06-01'{token} \\\n    \
             -d '{{\"model\":\"claude-haiku-4-5\",\"max_tokens\":64,\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'",
            key("ANTHROPIC_API_KEY")
        ),
        Wire::OpenAi => format!(
            "  curl {base}/{name}/v1/chat/completions -H 'content-type: application/json' \\\n    \
             -H \"Authorization: Bearer {}\"{token} \\\n    \
             -d '{{\"model\":\"gpt-4o-mini\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'",
            key("OPENAI_API_KEY")
        ),
        Wire::Gemini => format!(
            "  curl {base}/{name}/v1beta/models/gemini-2.5-flash:generateContent -H 'content-type: application/json' \\\n    \
             -H \"x-goog-api-key: {}\"{token} \\\n    \
             -d '{{\"contents\":[{{\"parts\":[{{\"text\":\"Hello\"}}]}}]}}'",
            key("GEMINI_API_KEY")
        ),
    }
}
