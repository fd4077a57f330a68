//! Which rollups are made of what. Coarse cubes are made of finer ones where these
//! have every row.
//!
//! Long because it is one list.

/// A cube of a rollup table.
pub(super) struct Rollup {
    table: &'static str,
    width: &'static str,
    source: Source,
    cube: &'static str,
    keys: &'static [&'static str],
}

enum Source {
    /// What rows add, all of them.
    Rows(&'static str),
    /// What rows add in the days of which quarters of an hour are kept.
    Late(&'static str),
    /// The same cube of several.
    RowsOfCube(&'static str),
    LateOfCube(&'static str),
    /// Another cube of a rollup table.
    Cube(&'static str, &'static str),
}
use Source::{Cube, Late, LateOfCube, Rows, RowsOfCube};

impl Rollup {
    pub(super) fn statement(&self) -> String {
        let Self {
            table,
            width,
            cube,
            keys,
            ..
        } = self;
        let kept = "bucket >= (select kept_from from retained where what = 'quarters')";
        let source = match self.source {
            Rows(view) => view.to_owned(),
            Late(view) => format!("(select * from {view} where {kept})"),
            RowsOfCube(view) => format!("(select * from {view} where cube = '{cube}')"),
            LateOfCube(view) => format!("(select * from {view} where cube = '{cube}' and {kept})"),
            Cube(table, cube) => format!("(select * from {table} where cube = '{cube}')"),
        };
        let keys = keys.join(",");
        format!(
            "select bench_roll('{table}', '{width}', $from${source}$from$, '{cube}', '{{{keys}}}')"
        )
    }
}

const QUARTER: &str = "15 minutes";
const HOUR: &str = "1 hour";
const DAY: &str = "1 day";
const WEEK: &str = "7 days";

const fn of(
    table: &'static str,
    width: &'static str,
    source: Source,
    cube: &'static str,
    keys: &'static [&'static str],
) -> Rollup {
    Rollup {
        table,
        width,
        source,
        cube,
        keys,
    }
}

/// Families that know nothing of each other.
pub(super) const ROLLUPS: &[&[Rollup]] = &[
    &[
        of("usage_quarter", QUARTER, Late("bench_usage"), "", USER),
        of(
            "usage_hour",
            HOUR,
            Rows("bench_usage"),
            "agent_model",
            AGENT_MODEL,
        ),
        of(
            "usage_hour",
            HOUR,
            Cube("usage_hour", "agent_model"),
            "total",
            &[],
        ),
        of(
            "usage_hour",
            HOUR,
            Cube("usage_hour", "agent_model"),
            "model",
            MODEL,
        ),
        of(
            "usage_hour",
            HOUR,
            Cube("usage_hour", "agent_model"),
            "agent",
            &["agent"],
        ),
        of("usage_day", DAY, Rows("bench_usage"), "full", USER),
        of("usage_day", DAY, Cube("usage_day", "full"), "total", &[]),
        of("usage_day", DAY, Cube("usage_day", "full"), "model", MODEL),
        of(
            "usage_day",
            DAY,
            Cube("usage_day", "full"),
            "agent",
            &["agent"],
        ),
        of(
            "usage_day",
            DAY,
            Cube("usage_day", "full"),
            "agent_model",
            AGENT_MODEL,
        ),
        of(
            "usage_day",
            DAY,
            Cube("usage_day", "full"),
            "user",
            &["user_id"],
        ),
    ],
    &[
        of("latency_quarter", QUARTER, Late("bench_latency"), "", SLOT),
        of(
            "latency_hour",
            HOUR,
            Rows("bench_latency"),
            "agent_model",
            SLOT,
        ),
        of(
            "latency_hour",
            HOUR,
            Cube("latency_hour", "agent_model"),
            "total",
            &["slot"],
        ),
        of(
            "latency_hour",
            HOUR,
            Cube("latency_hour", "agent_model"),
            "model",
            &["provider", "model", "slot"],
        ),
        of(
            "latency_hour",
            HOUR,
            Cube("latency_hour", "agent_model"),
            "agent",
            &["agent", "slot"],
        ),
        of(
            "latency_day",
            DAY,
            Cube("latency_hour", "agent_model"),
            "total",
            &["slot"],
        ),
        of(
            "latency_day",
            DAY,
            Cube("latency_hour", "agent_model"),
            "model",
            &["provider", "model", "slot"],
        ),
        of(
            "latency_day",
            DAY,
            Cube("latency_hour", "agent_model"),
            "agent",
            &["agent", "slot"],
        ),
        of(
            "latency_day",
            DAY,
            Cube("latency_hour", "agent_model"),
            "agent_model",
            SLOT,
        ),
        of("errors_quarter", QUARTER, Late("bench_errors"), "", ERROR),
        of("errors_hour", HOUR, Rows("bench_errors"), "", ERROR),
        of("errors_day", DAY, Rows("bench_errors"), "", ERROR_OF_MODEL),
    ],
    &[
        of("tool_quarter", QUARTER, Late("bench_tools"), "total", &[]),
        of("tool_quarter", QUARTER, Late("bench_tools"), "tool", TOOL),
        of(
            "tool_quarter",
            QUARTER,
            Late("bench_tools"),
            "agent_tool",
            AGENT_TOOL,
        ),
        of(
            "tool_quarter",
            QUARTER,
            Late("bench_tools"),
            "full",
            TOOL_USER,
        ),
        of("tool_hour", HOUR, Rows("bench_tools"), "total", &[]),
        of("tool_hour", HOUR, Rows("bench_tools"), "tool", TOOL),
        of(
            "tool_hour",
            HOUR,
            Rows("bench_tools"),
            "agent_tool",
            AGENT_TOOL,
        ),
        of("tool_day", DAY, Rows("bench_tools"), "full", TOOL_USER),
        of("tool_day", DAY, Cube("tool_day", "full"), "total", &[]),
        of("tool_day", DAY, Cube("tool_day", "full"), "tool", TOOL),
        of(
            "tool_day",
            DAY,
            Cube("tool_day", "full"),
            "agent_tool",
            AGENT_TOOL,
        ),
        of(
            "tool_latency_quarter",
            QUARTER,
            Late("bench_tool_latency"),
            "total",
            &["slot"],
        ),
        of(
            "tool_latency_quarter",
            QUARTER,
            Late("bench_tool_latency"),
            "tool",
            TOOL_SLOT,
        ),
        of(
            "tool_latency_quarter",
            QUARTER,
            Late("bench_tool_latency"),
            "agent_tool",
            AGENT_TOOL_SLOT,
        ),
        of(
            "tool_latency_hour",
            HOUR,
            Rows("bench_tool_latency"),
            "total",
            &["slot"],
        ),
        of(
            "tool_latency_hour",
            HOUR,
            Rows("bench_tool_latency"),
            "tool",
            TOOL_SLOT,
        ),
        of(
            "tool_latency_hour",
            HOUR,
            Rows("bench_tool_latency"),
            "agent_tool",
            AGENT_TOOL_SLOT,
        ),
        of(
            "tool_latency_day",
            DAY,
            Rows("bench_tool_latency"),
            "total",
            &["slot"],
        ),
        of(
            "tool_latency_day",
            DAY,
            Rows("bench_tool_latency"),
            "tool",
            TOOL_SLOT,
        ),
        of(
            "tool_latency_day",
            DAY,
            Rows("bench_tool_latency"),
            "agent_tool",
            AGENT_TOOL_SLOT,
        ),
        of(
            "tool_errors_quarter",
            QUARTER,
            Late("bench_tool_errors"),
            "",
            TOOL_ERROR,
        ),
        of(
            "tool_errors_hour",
            HOUR,
            Rows("bench_tool_errors"),
            "",
            TOOL_ERROR,
        ),
    ],
    &[
        of(
            "activity_quarter",
            QUARTER,
            Late("bench_activity"),
            "category",
            &["category"],
        ),
        of(
            "activity_quarter",
            QUARTER,
            Late("bench_activity"),
            "agent",
            &["category", "agent"],
        ),
        of(
            "activity_quarter",
            QUARTER,
            Late("bench_activity"),
            "entity",
            ENTITY,
        ),
        of(
            "activity_quarter",
            QUARTER,
            Late("bench_activity"),
            "user",
            &["category", "user_id"],
        ),
        of(
            "activity_quarter",
            QUARTER,
            Late("bench_activity"),
            "full",
            ACTIVITY,
        ),
        of(
            "activity_hour",
            HOUR,
            Rows("bench_activity"),
            "category",
            &["category"],
        ),
        of(
            "activity_hour",
            HOUR,
            Rows("bench_activity"),
            "agent",
            &["category", "agent"],
        ),
        of(
            "activity_hour",
            HOUR,
            Rows("bench_activity"),
            "entity",
            ENTITY,
        ),
        of(
            "activity_day",
            DAY,
            Rows("bench_activity"),
            "category",
            &["category"],
        ),
        of(
            "activity_day",
            DAY,
            Rows("bench_activity"),
            "agent",
            &["category", "agent"],
        ),
        of(
            "activity_day",
            DAY,
            Rows("bench_activity"),
            "entity",
            ENTITY,
        ),
        of(
            "activity_day",
            DAY,
            Rows("bench_activity"),
            "user",
            &["category", "user_id"],
        ),
        of(
            "activity_day",
            DAY,
            Rows("bench_activity"),
            "full",
            ACTIVITY,
        ),
        of("audit_quarter", QUARTER, Late("bench_audit"), "", AUDIT),
        of("audit_hour", HOUR, Rows("bench_audit"), "", AUDIT),
        of("audit_day", DAY, Rows("bench_audit"), "", AUDIT),
    ],
    &[
        of(
            "web_quarter",
            QUARTER,
            LateOfCube("bench_web"),
            "total",
            WEB,
        ),
        of("web_quarter", QUARTER, LateOfCube("bench_web"), "bot", WEB),
        of(
            "web_quarter",
            QUARTER,
            LateOfCube("bench_web"),
            "source",
            WEB,
        ),
        of("web_quarter", QUARTER, LateOfCube("bench_web"), "geo", WEB),
        of(
            "web_quarter",
            QUARTER,
            LateOfCube("bench_web"),
            "device",
            WEB,
        ),
        of("web_hour", HOUR, RowsOfCube("bench_web"), "total", WEB),
        of("web_hour", HOUR, RowsOfCube("bench_web"), "bot", WEB),
        of("web_hour", HOUR, RowsOfCube("bench_web"), "source", WEB),
        of("web_hour", HOUR, RowsOfCube("bench_web"), "geo", WEB),
        of("web_hour", HOUR, RowsOfCube("bench_web"), "device", WEB),
        of("web_day", DAY, RowsOfCube("bench_web"), "total", WEB),
        of("web_day", DAY, RowsOfCube("bench_web"), "bot", WEB),
        of("web_day", DAY, RowsOfCube("bench_web"), "source", WEB),
        of("web_day", DAY, RowsOfCube("bench_web"), "geo", WEB),
        of("web_day", DAY, RowsOfCube("bench_web"), "device", WEB),
    ],
    &[
        of(
            "page_quarter",
            QUARTER,
            LateOfCube("bench_page"),
            "page",
            PAGE,
        ),
        of(
            "page_quarter",
            QUARTER,
            LateOfCube("bench_page"),
            "next",
            PAGE,
        ),
        of(
            "page_quarter",
            QUARTER,
            LateOfCube("bench_page"),
            "ai",
            PAGE,
        ),
        of("page_hour", HOUR, RowsOfCube("bench_page"), "page", PAGE),
        of("page_hour", HOUR, RowsOfCube("bench_page"), "next", PAGE),
        of("page_hour", HOUR, RowsOfCube("bench_page"), "ai", PAGE),
        of("page_day", DAY, RowsOfCube("bench_page"), "page", PAGE),
        of("page_day", DAY, RowsOfCube("bench_page"), "next", PAGE),
        of("page_day", DAY, RowsOfCube("bench_page"), "ai", PAGE),
        of("page_week", WEEK, Cube("page_day", "page"), "page", PAGE),
        of("page_week", WEEK, Cube("page_day", "next"), "next", PAGE),
        of("page_week", WEEK, Cube("page_day", "ai"), "ai", PAGE),
    ],
];

const MODEL: &[&str] = &["provider", "model"];
const AGENT_MODEL: &[&str] = &["provider", "model", "agent"];
const USER: &[&str] = &["provider", "model", "agent", "user_id"];
const SLOT: &[&str] = &["provider", "model", "agent", "slot"];
const ERROR: &[&str] = &[
    "provider",
    "model",
    "agent",
    "user_id",
    "state",
    "http_status",
    "error_type",
    "error_code",
];
const ERROR_OF_MODEL: &[&str] = &[
    "provider",
    "model",
    "state",
    "http_status",
    "error_type",
    "error_code",
];
const TOOL: &[&str] = &["server", "tool"];
const AGENT_TOOL: &[&str] = &["server", "tool", "agent"];
const TOOL_USER: &[&str] = &["server", "tool", "agent", "user_id"];
const TOOL_SLOT: &[&str] = &["server", "tool", "slot"];
const AGENT_TOOL_SLOT: &[&str] = &["server", "tool", "agent", "slot"];
const TOOL_ERROR: &[&str] = &[
    "server",
    "tool",
    "agent",
    "user_id",
    "status",
    "error_type",
    "error_code",
];
const ENTITY: &[&str] = &["category", "entity_type", "entity_name"];
const ACTIVITY: &[&str] = &["category", "entity_type", "entity_name", "user_id", "agent"];
const AUDIT: &[&str] = &["category", "event", "agent"];
const WEB: &[&str] = &["site", "class", "d1", "d2", "d3"];
const PAGE: &[&str] = &["site", "class", "path", "other"];
