//! Every route with every kind of token, in every state a token can be in. A route
//! that this file does not know fails the test.

use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};
use serde_json::json;
use systemprompt_domain::{TokenKind, TokenText};
use systemprompt_server_core::ROUTES;
use systemprompt_storage::agents;
use systemprompt_storage::tokens::{NewToken, create, revoke};
use systemprompt_testkit::PATIENCE;
use time::OffsetDateTime;

use crate::system::{MESSAGES, System};

/// A route, a request that it answers, and who may send it.
struct Expected {
    route: &'static str,
    method: &'static str,
    path: &'static str,
    answer: StatusCode,
    /// `None`: anyone.
    kinds: Option<&'static [TokenKind]>,
}

const fn open(route: &'static str) -> Expected {
    Expected {
        route,
        method: "GET",
        path: route,
        answer: StatusCode::OK,
        kinds: None,
    }
}

/// Forms come from our own pages only, whatever else is shown.
const fn foreign(route: &'static str) -> Expected {
    Expected {
        method: "POST",
        answer: StatusCode::FORBIDDEN,
        ..open(route)
    }
}

/// The body says of no kind that it is; who exports is decided before.
const fn otlp(route: &'static str) -> Expected {
    Expected {
        method: "POST",
        answer: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        kinds: Some(&[TokenKind::Ingest, TokenKind::Admin]),
        ..open(route)
    }
}

const READERS: Option<&[TokenKind]> = Some(&[TokenKind::Read, TokenKind::Admin]);

const EXPECTED: [Expected; 45] = [
    Expected {
        answer: StatusCode::SEE_OTHER,
        ..open("/")
    },
    open("/healthz"),
    open("/readyz"),
    open("/api/docs"),
    open("/api/docs.css"),
    open("/api/v1/openapi.json"),
    open("/s.js"),
    Expected {
        // What is no report is refused, whoever sends it.
        method: "POST",
        answer: StatusCode::BAD_REQUEST,
        ..open("/api/collect")
    },
    open("/px.gif"),
    Expected {
        // Whoever is not signed in is asked to.
        answer: StatusCode::SEE_OTHER,
        ..open("/admin")
    },
    Expected {
        path: "/admin/costs",
        answer: StatusCode::SEE_OTHER,
        ..open("/admin/{page}")
    },
    Expected {
        path: "/admin/agents/scout",
        answer: StatusCode::SEE_OTHER,
        ..open("/admin/{page}/{subject}")
    },
    Expected {
        answer: StatusCode::SEE_OTHER,
        ..open("/admin/access")
    },
    foreign("/admin/tokens/create"),
    foreign("/admin/tokens/rotate"),
    foreign("/admin/tokens/revoke"),
    foreign("/admin/users/invite"),
    foreign("/admin/users/switch"),
    Expected {
        answer: StatusCode::SEE_OTHER,
        ..open("/admin/jobs")
    },
    foreign("/admin/jobs/run"),
    foreign("/admin/jobs/switch"),
    Expected {
        answer: StatusCode::SEE_OTHER,
        ..open("/admin/reports")
    },
    Expected {
        path: "/admin/reports/traffic-2026-11-28",
        answer: StatusCode::SEE_OTHER,
        ..open("/admin/reports/{name}")
    },
    foreign("/admin/audit/verify"),
    Expected {
        answer: StatusCode::SEE_OTHER,
        ..open("/admin/health")
    },
    Expected {
        // Its name holds the hash of what it is.
        path: "/admin/assets/admin-0.css",
        answer: StatusCode::NOT_FOUND,
        ..open("/admin/assets/{name}")
    },
    Expected {
        answer: StatusCode::SEE_OTHER,
        ..open("/admin/account")
    },
    open("/admin/login"),
    foreign("/admin/logout"),
    foreign("/admin/sessions/end"),
    Expected {
        // A link's key is missing.
        answer: StatusCode::GONE,
        ..open("/admin/setup")
    },
    Expected {
        path: "/admin/no/such/page/here",
        answer: StatusCode::NOT_FOUND,
        ..open("/admin/{page}/{subject}/{*rest}")
    },
    Expected {
        kinds: READERS,
        ..open("/metrics")
    },
    Expected {
        // There is no question without a name; who asks is decided before.
        answer: StatusCode::NOT_FOUND,
        kinds: READERS,
        ..open("/api/v1/analytics")
    },
    Expected {
        path: "/api/v1/analytics/costs/summary?since=1h",
        kinds: READERS,
        ..open("/api/v1/analytics/{*path}")
    },
    Expected {
        // What is no event is refused by itself, not the batch.
        method: "POST",
        kinds: Some(&[TokenKind::Ingest, TokenKind::Admin]),
        ..open("/api/v1/events")
    },
    Expected {
        // What names no page is refused.
        method: "POST",
        answer: StatusCode::BAD_REQUEST,
        kinds: Some(&[TokenKind::Ingest, TokenKind::Admin]),
        ..open("/api/v1/content")
    },
    Expected {
        // There is no such report; who asks is decided before.
        path: "/api/v1/files/reports/traffic-2026-11-28.md",
        answer: StatusCode::NOT_FOUND,
        kinds: READERS,
        ..open("/api/v1/files/reports/{name}")
    },
    Expected {
        // What it tells does not end by itself.
        method: "POST",
        answer: StatusCode::METHOD_NOT_ALLOWED,
        kinds: READERS,
        ..open("/api/v1/live")
    },
    Expected {
        // Without a message there is no answer; who asks is decided before.
        answer: StatusCode::METHOD_NOT_ALLOWED,
        kinds: Some(&[TokenKind::Read, TokenKind::Agent, TokenKind::Admin]),
        ..open("/mcp")
    },
    Expected {
        // There is no such server; who asks is decided before.
        method: "POST",
        path: "/mcp/nothing",
        answer: StatusCode::NOT_FOUND,
        kinds: Some(&[TokenKind::Gateway, TokenKind::Agent, TokenKind::Admin]),
        ..open("/mcp/{server}")
    },
    otlp("/v1/traces"),
    otlp("/v1/logs"),
    otlp("/v1/metrics"),
    Expected {
        method: "POST",
        path: MESSAGES,
        kinds: Some(&[TokenKind::Gateway, TokenKind::Agent, TokenKind::Admin]),
        ..open("/{provider}/{*path}")
    },
];

/// What a request shows.
struct Shown {
    what: String,
    token: Option<String>,
    /// The kind, if the token is live.
    live: Option<TokenKind>,
}

async fn everything_to_show(system: &System) -> Vec<Shown> {
    let (db, now) = (system.db.pool(), OffsetDateTime::now_utc());
    agents::create(db, "scout", "", None, now).await.unwrap();
    let mut all = Vec::new();
    for kind in TokenKind::ALL {
        for state in ["live", "expired", "revoked"] {
            let name = format!("{state} {kind}");
            let new = NewToken {
                kind,
                name: &name,
                user: None,
                agent: (kind == TokenKind::Agent).then_some("scout"),
                expires_at: (state == "expired").then_some(now - time::Duration::SECOND),
            };
            let issued = create(db, new, None, now).await.unwrap();
            if state == "revoked" {
                revoke(db, &name, None, now).await.unwrap();
            }
            all.push(Shown {
                token: Some(issued.text.expose().to_owned()),
                live: (state == "live").then_some(kind),
                what: name,
            });
        }
    }
    let whole = TokenText::new(TokenKind::Admin, [7; 32]);
    let mut cut = whole.expose().to_owned();
    cut.pop();
    for (what, token) in [
        ("none", None),
        ("unknown", Some(whole.expose().to_owned())),
        ("malformed", Some(cut)),
        ("foreign", Some("sk-ant-0123456789abcdef".to_owned())),
    ] {
        all.push(Shown {
            what: what.to_owned(),
            token,
            live: None,
        });
    }
    all
}

#[tokio::test]
async fn every_route_lets_in_whom_it_should_and_nobody_else() {
    let mut system = System::start().await;
    let everything = everything_to_show(&system).await;
    let body = json!({"model": "claude-haiku-4-5"}).to_string();
    // The server is open until it hears of the first token.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let request = system.request(Method::POST, MESSAGES, &[], body.clone());
        let answer = system.client().send(request).await.unwrap();
        if answer.status == StatusCode::UNAUTHORIZED {
            break;
        }
        assert!(Instant::now() < deadline, "{}", answer.text());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut refused = 1;
    for route in ROUTES {
        let known = EXPECTED.iter().find(|known| known.route == route.path);
        let known = known.unwrap_or_else(|| panic!("{} is missing in this table", route.path));
        assert_eq!(
            route.scope.is_none(),
            known.kinds.is_none(),
            "{}",
            route.path
        );
        for shown in &everything {
            let expected = match (known.kinds, shown.live) {
                (None, _) => known.answer,
                (Some(kinds), Some(kind)) if kinds.contains(&kind) => known.answer,
                (Some(_), Some(_)) => StatusCode::FORBIDDEN,
                (Some(_), None) => StatusCode::UNAUTHORIZED,
            };
            let token = shown.token.as_deref();
            let headers: Vec<_> = token
                .map(|token| ("x-systemprompt-token", token))
                .into_iter()
                .collect();
            let request = system.request(
                known.method.parse().unwrap(),
                known.path,
                &headers,
                body.clone(),
            );
            let answer = system.client().send(request).await.unwrap();
            let what = format!("{} {}: {}", known.path, shown.what, answer.text());
            assert_eq!(answer.status, expected, "{what}");
            if expected == StatusCode::UNAUTHORIZED || expected == StatusCode::FORBIDDEN {
                refused += 1;
                assert!(!answer.text().contains(token.unwrap_or("\0")), "{what}");
            }
        }
    }
    system.server.sigterm().unwrap();
    let ended = system.server.wait_exit(PATIENCE).await;
    assert!(ended.unwrap().success());
    let counted = "select sum((detail->>'count')::bigint)::bigint from audit_events \
                   where category = 'authorization' and event = 'permission_denied' and state = 'denied'";
    assert_eq!(system.scalar(counted).await.unwrap(), refused);
}
