//! Which rollups are made of what. Coarse cubes are made of finer ones where these
//! have every row.

/// Cubes of a rollup table that are made of one source.
pub(super) struct Rollup {
    table: &'static str,
    width: &'static str,
    source: Source,
    cubes: &'static [Cube],
}

/// A cube and the columns that its rows keep; a table without cubes has one without a name.
type Cube = (&'static str, &'static [&'static str]);

enum Source {
    /// What rows add, all of them.
    Rows(&'static str),
    /// What rows add in the days of which quarters of an hour are kept.
    Late(&'static str),
    /// The same cube of several.
    RowsOfCube(&'static str),
    LateOfCube(&'static str),
    /// Another cube of a rollup table.
    Finer(&'static str, &'static str),
}
use Source::{Finer, Late, LateOfCube, Rows, RowsOfCube};

impl Rollup {
    /// What fills it, cube by cube.
    pub(super) fn statements(&self) -> impl Iterator<Item = String> {
        self.cubes.iter().map(|cube| self.statement(cube))
    }

    fn statement(&self, (cube, keys): &Cube) -> String {
        let Self { table, width, .. } = self;
        let kept = "bucket >= (select kept_from from retained where what = 'quarters')";
        let source = match self.source {
            Rows(view) => view.to_owned(),
            Late(view) => format!("(select * from {view} where {kept})"),
            RowsOfCube(view) => format!("(select * from {view} where cube = '{cube}')"),
            LateOfCube(view) => format!("(select * from {view} where cube = '{cube}' and {kept})"),
            Finer(table, cube) => format!("(select * from {table} where cube = '{cube}')"),
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
    cubes: &'static [Cube],
) -> Rollup {
    Rollup {
        table,
        width,
        source,
        cubes,
    }
}

/// Families that know nothing of each other.
pub(super) const ROLLUPS: &[&[Rollup]] = &[
    &[
        of("usage_quarter", QUARTER, Late("bench_usage"), &[("", USER)]),
        of("usage_hour", HOUR, Rows("bench_usage"), &[USAGE_FINEST]),
        of(
            "usage_hour",
            HOUR,
            Finer("usage_hour", "agent_model"),
            &USAGE_COARSE,
        ),
        of("usage_day", DAY, Rows("bench_usage"), &[("full", USER)]),
        of("usage_day", DAY, Finer("usage_day", "full"), &USAGE_COARSE),
        of(
            "usage_day",
            DAY,
            Finer("usage_day", "full"),
            &[USAGE_FINEST, ("user", &["user_id"])],
        ),
    ],
    &[
        of(
            "latency_quarter",
            QUARTER,
            Late("bench_latency"),
            &[("", SLOT)],
        ),
        of(
            "latency_hour",
            HOUR,
            Rows("bench_latency"),
            &[LATENCY_FINEST],
        ),
        of(
            "latency_hour",
            HOUR,
            Finer("latency_hour", "agent_model"),
            &LATENCY_COARSE,
        ),
        of(
            "latency_day",
            DAY,
            Finer("latency_hour", "agent_model"),
            &LATENCY_COARSE,
        ),
        of(
            "latency_day",
            DAY,
            Finer("latency_hour", "agent_model"),
            &[LATENCY_FINEST],
        ),
        of(
            "errors_quarter",
            QUARTER,
            Late("bench_errors"),
            &[("", ERROR)],
        ),
        of("errors_hour", HOUR, Rows("bench_errors"), &[("", ERROR)]),
        of(
            "errors_day",
            DAY,
            Rows("bench_errors"),
            &[("", ERROR_OF_MODEL)],
        ),
    ],
    &[
        of("tool_quarter", QUARTER, Late("bench_tools"), &TOOLS),
        of("tool_quarter", QUARTER, Late("bench_tools"), &[TOOLS_FULL]),
        of("tool_hour", HOUR, Rows("bench_tools"), &TOOLS),
        of("tool_day", DAY, Rows("bench_tools"), &[TOOLS_FULL]),
        of("tool_day", DAY, Finer("tool_day", "full"), &TOOLS),
        of(
            "tool_latency_quarter",
            QUARTER,
            Late("bench_tool_latency"),
            &TOOL_LATENCY,
        ),
        of(
            "tool_latency_hour",
            HOUR,
            Rows("bench_tool_latency"),
            &TOOL_LATENCY,
        ),
        of(
            "tool_latency_day",
            DAY,
            Rows("bench_tool_latency"),
            &TOOL_LATENCY,
        ),
        of(
            "tool_errors_quarter",
            QUARTER,
            Late("bench_tool_errors"),
            &[("", TOOL_ERROR)],
        ),
        of(
            "tool_errors_hour",
            HOUR,
            Rows("bench_tool_errors"),
            &[("", TOOL_ERROR)],
        ),
    ],
    &[
        of(
            "activity_quarter",
            QUARTER,
            Late("bench_activity"),
            &ACTIVITIES,
        ),
        of(
            "activity_quarter",
            QUARTER,
            Late("bench_activity"),
            &ACTIVITIES_OF_USERS,
        ),
        of("activity_hour", HOUR, Rows("bench_activity"), &ACTIVITIES),
        of("activity_day", DAY, Rows("bench_activity"), &ACTIVITIES),
        of(
            "activity_day",
            DAY,
            Rows("bench_activity"),
            &ACTIVITIES_OF_USERS,
        ),
        of(
            "audit_quarter",
            QUARTER,
            Late("bench_audit"),
            &[("", AUDIT)],
        ),
        of("audit_hour", HOUR, Rows("bench_audit"), &[("", AUDIT)]),
        of("audit_day", DAY, Rows("bench_audit"), &[("", AUDIT)]),
    ],
    &[
        of("web_quarter", QUARTER, LateOfCube("bench_web"), &WEB_CUBES),
        of("web_hour", HOUR, RowsOfCube("bench_web"), &WEB_CUBES),
        of("web_day", DAY, RowsOfCube("bench_web"), &WEB_CUBES),
    ],
    &[
        of("page_quarter", QUARTER, LateOfCube("bench_page"), &PAGES),
        of("page_hour", HOUR, RowsOfCube("bench_page"), &PAGES),
        of("page_day", DAY, RowsOfCube("bench_page"), &PAGES),
        of("page_week", WEEK, RowsOfCube("page_day"), &PAGES),
    ],
];

const USAGE_FINEST: Cube = ("agent_model", &["provider", "model", "agent"]);
const USAGE_COARSE: [Cube; 3] = [
    ("total", &[]),
    ("model", &["provider", "model"]),
    ("agent", &["agent"]),
];
const USER: &[&str] = &["provider", "model", "agent", "user_id"];
const SLOT: &[&str] = &["provider", "model", "agent", "slot"];
const LATENCY_FINEST: Cube = ("agent_model", SLOT);
const LATENCY_COARSE: [Cube; 3] = [
    ("total", &["slot"]),
    ("model", &["provider", "model", "slot"]),
    ("agent", &["agent", "slot"]),
];
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
const TOOLS: [Cube; 3] = [
    ("total", &[]),
    ("tool", &["server", "tool"]),
    ("agent_tool", &["server", "tool", "agent"]),
];
const TOOLS_FULL: Cube = ("full", &["server", "tool", "agent", "user_id"]);
const TOOL_LATENCY: [Cube; 3] = [
    ("total", &["slot"]),
    ("tool", &["server", "tool", "slot"]),
    ("agent_tool", &["server", "tool", "agent", "slot"]),
];
const TOOL_ERROR: &[&str] = &[
    "server",
    "tool",
    "agent",
    "user_id",
    "status",
    "error_type",
    "error_code",
];
const ACTIVITIES: [Cube; 3] = [
    ("category", &["category"]),
    ("agent", &["category", "agent"]),
    ("entity", &["category", "entity_type", "entity_name"]),
];
const ACTIVITIES_OF_USERS: [Cube; 2] = [
    ("user", &["category", "user_id"]),
    (
        "full",
        &["category", "entity_type", "entity_name", "user_id", "agent"],
    ),
];
const AUDIT: &[&str] = &["category", "event", "agent"];
const WEB: &[&str] = &["site", "class", "d1", "d2", "d3"];
const WEB_CUBES: [Cube; 5] = [
    ("total", WEB),
    ("bot", WEB),
    ("source", WEB),
    ("geo", WEB),
    ("device", WEB),
];
const PAGE: &[&str] = &["site", "class", "path", "other"];
const PAGES: [Cube; 3] = [("page", PAGE), ("next", PAGE), ("ai", PAGE)];
