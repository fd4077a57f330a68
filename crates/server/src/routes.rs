//! Every route and what it takes to use it. The router is built from this table:
//! what is not in it is not served.

use systemprompt_domain::Scope;
use systemprompt_otlp::Signal;

use crate::admin::Place;
use crate::login::Page;

/// One route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Its path, as the router has it. Those of web traffic are the ones of a profile
    /// that names no others.
    pub path: &'static str,
    /// What a token needs to use it; `None`: anyone may.
    pub scope: Option<Scope>,
    pub(crate) endpoint: Endpoint,
}

/// What answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Home,
    Healthz,
    Readyz,
    Metrics,
    Question,
    Mcp,
    /// An MCP server behind this one.
    McpProxy,
    Events,
    Content,
    /// A file that jobs wrote.
    File,
    /// OpenTelemetry comes in.
    Otlp(Signal),
    /// At the path that the profile names.
    Script,
    Collect,
    Pixel,
    OpenApi,
    Docs,
    DocsStyle,
    /// A page for people; it looks for a session itself.
    Admin(Page),
    /// A page of the dashboard; it looks for a session itself.
    Dashboard(Place),
    /// Answers every path that is no other route's, and refuses in the shape of
    /// the provider.
    Gateway,
}

/// Every route.
pub const ROUTES: [Route; 45] = [
    open("/", Endpoint::Home),
    open("/healthz", Endpoint::Healthz),
    open("/readyz", Endpoint::Readyz),
    open("/api/docs", Endpoint::Docs),
    open("/api/docs.css", Endpoint::DocsStyle),
    open("/api/v1/openapi.json", Endpoint::OpenApi),
    open("/s.js", Endpoint::Script),
    open("/api/collect", Endpoint::Collect),
    open("/px.gif", Endpoint::Pixel),
    open("/admin", Endpoint::Dashboard(Place::Overview)),
    open("/admin/{page}", Endpoint::Dashboard(Place::Page)),
    open(
        "/admin/{page}/{subject}",
        Endpoint::Dashboard(Place::Single),
    ),
    open("/admin/access", Endpoint::Dashboard(Place::Access)),
    open(
        "/admin/tokens/create",
        Endpoint::Dashboard(Place::CreateToken),
    ),
    open(
        "/admin/tokens/rotate",
        Endpoint::Dashboard(Place::RotateToken),
    ),
    open(
        "/admin/tokens/revoke",
        Endpoint::Dashboard(Place::RevokeToken),
    ),
    open(
        "/admin/users/invite",
        Endpoint::Dashboard(Place::InviteUser),
    ),
    open(
        "/admin/users/switch",
        Endpoint::Dashboard(Place::SwitchUser),
    ),
    open("/admin/jobs", Endpoint::Dashboard(Place::Jobs)),
    open("/admin/jobs/run", Endpoint::Dashboard(Place::RunJob)),
    open("/admin/jobs/switch", Endpoint::Dashboard(Place::SwitchJob)),
    open("/admin/reports", Endpoint::Dashboard(Place::Reports)),
    open("/admin/reports/{name}", Endpoint::Dashboard(Place::Report)),
    open(
        "/admin/audit/verify",
        Endpoint::Dashboard(Place::VerifyAudit),
    ),
    open("/admin/health", Endpoint::Dashboard(Place::Health)),
    open("/admin/assets/{name}", Endpoint::Dashboard(Place::Asset)),
    open("/admin/account", Endpoint::Dashboard(Place::Account)),
    open("/admin/login", Endpoint::Admin(Page::SignIn)),
    open("/admin/logout", Endpoint::Admin(Page::SignOut)),
    open("/admin/sessions/end", Endpoint::Admin(Page::EndOthers)),
    open("/admin/setup", Endpoint::Admin(Page::Setup)),
    open(
        "/admin/{page}/{subject}/{*rest}",
        Endpoint::Admin(Page::Missing),
    ),
    needs(Scope::Read, "/metrics", Endpoint::Metrics),
    needs(Scope::Read, "/api/v1/analytics", Endpoint::Question),
    needs(Scope::Read, "/api/v1/analytics/{*path}", Endpoint::Question),
    needs(Scope::Read, "/api/v1/files/reports/{name}", Endpoint::File),
    needs(
        Scope::Read,
        "/api/v1/live",
        Endpoint::Dashboard(Place::Live),
    ),
    needs(Scope::Mcp, "/mcp", Endpoint::Mcp),
    needs(Scope::Gateway, "/mcp/{server}", Endpoint::McpProxy),
    needs(Scope::Ingest, "/api/v1/events", Endpoint::Events),
    needs(Scope::Ingest, "/api/v1/content", Endpoint::Content),
    needs(Scope::Ingest, "/v1/traces", Endpoint::Otlp(Signal::Traces)),
    needs(Scope::Ingest, "/v1/logs", Endpoint::Otlp(Signal::Logs)),
    needs(
        Scope::Ingest,
        "/v1/metrics",
        Endpoint::Otlp(Signal::Metrics),
    ),
    needs(Scope::Gateway, "/{provider}/{*path}", Endpoint::Gateway),
];

const fn open(path: &'static str, endpoint: Endpoint) -> Route {
    Route {
        path,
        scope: None,
        endpoint,
    }
}

const fn needs(scope: Scope, path: &'static str, endpoint: Endpoint) -> Route {
    Route {
        path,
        scope: Some(scope),
        endpoint,
    }
}
