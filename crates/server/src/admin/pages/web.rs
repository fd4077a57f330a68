//! The pages about tools, and about web traffic: sessions, content, sources.

use crate::admin::charts::Form::{Area, Bars, Lines};
use crate::admin::charts::Measure::{Count, Ms, Ratio};
use crate::admin::panel::Good::{Down, Up};
use crate::admin::panel::Width::{Half, Third, TwoThirds, Whole};
use crate::admin::panel::{Look, Panel, card, cards, chart, list, panel, table};

const PROXY: &str = "Let agents reach MCP servers through this one, at /mcp/NAME: name them in services/mcp/servers.yaml. \
    Servers on standard input and output are wrapped: systemprompt mcp wrap --server NAME -- COMMAND";
const SCRIPT: &str = "Put one line into each page of a site that web.sites names:\n\
    <script defer src=\"https://this-server/s.js\"></script>";
const CONTENT_HINT: &str = "Say which pages count as content: systemprompt content import sitemap.xml. \
    Articles and docs are found by their paths.";

pub(super) const TOOLS: &[Panel] = &[
    cards(
        "How tools do",
        "tools stats",
        "tools trends",
        &[
            card("Calls", "executions")
                .before("previous_executions")
                .trend("executions"),
            card("Success rate", "success_rate")
                .before("previous_success_rate")
                .trend("success_rate")
                .good(Up),
            card("Failed", "failed").good(Down),
            card("Timed out", "timeout").good(Down),
            card("Average latency", "average_latency_ms")
                .trend("average_latency_ms")
                .good(Down),
            card("p95 latency", "p95_latency_ms")
                .before("previous_p95_latency_ms")
                .trend("p95_latency_ms")
                .good(Down),
            card("Tools", "tools"),
            card("Servers", "servers"),
        ],
    ),
    chart(
        "Calls and errors",
        "tools trends",
        Lines,
        Count,
        &[("executions", "Calls"), ("errors", "Errors")],
    )
    .empty(PROXY),
    chart(
        "Latency",
        "tools trends",
        Lines,
        Ms,
        &[("p95_latency_ms", "p95"), ("average_latency_ms", "Average")],
    ),
    table(
        "Tools side by side",
        "tools list",
        &[
            "tool",
            "server",
            "executions",
            "success_rate",
            "failed",
            "average_latency_ms",
            "p95_latency_ms",
            "last_used",
            "definition_changed_at",
        ],
        "executions",
    )
    .fixed("limit=100")
    .empty(PROXY),
];

pub(super) const TOOL: &[Panel] = &[panel("Tool", "tools show", Look::Facts).fixed("name={}")];

pub(super) const SESSIONS: &[Panel] = &[
    cards(
        "Visits by people",
        "sessions stats",
        "sessions trends",
        &[
            card("Sessions", "sessions")
                .before("previous_sessions")
                .trend("sessions"),
            card("Visitors by day", "daily_visitors").trend("daily_visitors"),
            card("Page views", "page_views")
                .before("previous_page_views")
                .trend("page_views"),
            card("Engaged", "engaged_share")
                .trend("engaged_share")
                .good(Up),
            card("Bounced", "bounce_rate").good(Down),
            card("Engaged time", "avg_engaged_seconds")
                .trend("avg_engaged_seconds")
                .good(Up),
            card("Pages a session", "avg_pages"),
            card("Clicks", "clicks").trend("clicks"),
        ],
    ),
    cards(
        "All sessions by class",
        "sessions stats",
        "sessions trends",
        &[
            card("People", "clean_human"),
            card("Unconfirmed", "unconfirmed"),
            card("Ghosts", "ghost"),
            card("Known bots", "known_bot"),
            card("Scanners", "scanner"),
            card("Behave like bots", "behavioral_bot"),
        ],
    ),
    chart(
        "Sessions and page views",
        "sessions trends",
        Lines,
        Count,
        &[("sessions", "Sessions"), ("page_views", "Page views")],
    )
    .empty(SCRIPT),
    chart(
        "Engaged sessions",
        "sessions trends",
        Area,
        Ratio,
        &[("engaged_share", "Engaged")],
    ),
    table(
        "Right now",
        "sessions live",
        &[
            "last_seen_at",
            "id",
            "class",
            "page",
            "pages",
            "engaged_seconds",
            "channel",
            "device",
            "country",
        ],
        "",
    )
    .fixed("limit=20"),
    list(
        "Sessions",
        "sessions list",
        &[
            "started_at",
            "id",
            "class",
            "bot_name",
            "landing_page",
            "pages",
            "engaged_seconds",
            "channel",
            "country",
        ],
        "id",
    )
    .fixed("class=all&limit=50")
    .empty(SCRIPT),
];

pub(super) const SESSION: &[Panel] =
    &[panel("Session", "sessions show", Look::Facts).fixed("id={}")];

pub(super) const CONTENT: &[Panel] = &[
    cards(
        "How content is read",
        "content stats",
        "content trends",
        &[
            card("Views", "views")
                .before("previous_views")
                .trend("views"),
            card("Visitors", "visitors").trend("visitors"),
            card("Time on page", "avg_time_seconds")
                .trend("avg_time_seconds")
                .good(Up),
            card("Scrolled", "avg_scroll").trend("avg_scroll").good(Up),
            card("Pages", "items"),
            card("Rising", "trending_up").good(Up),
            card("Falling", "trending_down").good(Down),
            card("New", "new"),
        ],
    ),
    chart(
        "Views",
        "content trends",
        Bars,
        Count,
        &[("views", "Views")],
    )
    .wide(TwoThirds)
    .empty(CONTENT_HINT),
    table(
        "How pages are read",
        "content patterns",
        &["pattern", "views", "share"],
        "views",
    )
    .wide(Third),
    table(
        "Most read",
        "content top",
        &[
            "title",
            "path",
            "views",
            "visitors",
            "avg_time_seconds",
            "trend_direction",
        ],
        "views",
    )
    .fixed("limit=50")
    .empty(CONTENT_HINT),
];

pub(super) const ONE_CONTENT: &[Panel] = &[
    chart(
        "Views",
        "content trends",
        Bars,
        Count,
        &[("views", "Views")],
    )
    .fixed("content={}"),
    table(
        "How it is read",
        "content patterns",
        &["pattern", "views", "share"],
        "views",
    )
    .fixed("content={}")
    .wide(Half),
    panel("Content", "content show", Look::Facts).fixed("content={}"),
];

/// How many people came, in four figures.
pub(super) const VISITS: Panel = cards(
    "Visits by people",
    "sessions stats",
    "sessions trends",
    &[
        card("Visitors by day", "daily_visitors").trend("daily_visitors"),
        card("Sessions", "sessions")
            .before("previous_sessions")
            .trend("sessions"),
        card("Page views", "page_views")
            .before("previous_page_views")
            .trend("page_views"),
        card("Bounced", "bounce_rate").good(Down),
    ],
);

pub(super) const TRAFFIC: &[Panel] = &[
    VISITS,
    chart(
        "Visitors and page views",
        "sessions trends",
        Lines,
        Count,
        &[("page_views", "Page views"), ("daily_visitors", "Visitors")],
    )
    .wide(Whole)
    .empty(SCRIPT),
    table(
        "Channels",
        "traffic sources",
        &["channel", "sessions", "visitors", "engaged_share"],
        "sessions",
    )
    .fixed("by=channel&limit=10")
    .wide(Half),
    table(
        "Sources",
        "traffic sources",
        &["source", "sessions", "visitors", "engaged_share"],
        "sessions",
    )
    .fixed("by=source&limit=10")
    .wide(Half),
    table(
        "Top pages",
        "traffic pages",
        &["path", "views", "visitors", "avg_time_seconds"],
        "views",
    )
    .fixed("limit=10")
    .wide(Half),
    table(
        "What holds people longest",
        "traffic pages",
        &["path", "engaged_seconds", "avg_scroll", "clicks"],
        "engaged_seconds",
    )
    .fixed("sort_by=engagement&limit=10")
    .wide(Half),
    table(
        "Countries",
        "traffic geo",
        &["country", "sessions", "share"],
        "sessions",
    )
    .fixed("by=country&limit=10")
    .wide(Third),
    table(
        "Browsers",
        "traffic devices",
        &["browser", "sessions", "share"],
        "sessions",
    )
    .fixed("by=browser&limit=10")
    .wide(Third),
    table(
        "Systems",
        "traffic devices",
        &["os", "sessions", "share"],
        "sessions",
    )
    .fixed("by=os&limit=10")
    .wide(Third),
    table(
        "Devices",
        "traffic devices",
        &["device", "sessions", "share"],
        "sessions",
    )
    .fixed("by=device&limit=10")
    .wide(Third),
    table(
        "Which page follows which",
        "traffic transitions",
        &["from_path", "to_path", "times", "share"],
        "times",
    )
    .fixed("without_exits=true&limit=10")
    .wide(TwoThirds),
    table(
        "Bots",
        "traffic bots",
        &["name", "kind", "class", "sessions", "share"],
        "sessions",
    )
    .fixed("limit=15")
    .wide(Half),
    table(
        "AI crawlers and assistants",
        "traffic ai",
        &["name", "kind", "requests", "top_page"],
        "requests",
    )
    .fixed("limit=15")
    .wide(Half),
];
