//! Every rollup, with the statement that tells what it should be.

/// A table, and the arguments of the statement that checks it.
pub(super) struct Rollup {
    pub(super) table: &'static str,
    pub(super) sql: &'static str,
    pub(super) grain: &'static str,
    pub(super) width: &'static str,
    pub(super) cubes: &'static [&'static str],
}

const USAGE: &str = include_str!("usage.sql");
const LATENCY: &str = include_str!("latency.sql");
const ERRORS: &str = include_str!("errors.sql");
const BEGUN: &str = include_str!("begun.sql");
const ACTIVITY: &str = include_str!("activity.sql");
const AUDIT: &str = include_str!("audit.sql");
const TOOLS: &str = include_str!("tools.sql");
const TOOLS_LATENCY: &str = include_str!("tools_latency.sql");
const TOOLS_ERRORS: &str = include_str!("tools_errors.sql");

const WEB: &str = include_str!("web.sql");
const PAGES: &str = include_str!("pages.sql");

pub(super) const QUARTER: (&str, &str) = ("quarter", "15 minutes");
pub(super) const HOUR: (&str, &str) = ("hour", "1 hour");
pub(super) const DAY: (&str, &str) = ("day", "1 day");
pub(super) const WEEK: (&str, &str) = ("week", "7 days");

const CONVERSATION_CUBES: &[&str] = &["total", "agent"];

const LATENCY_CUBES: &[&str] = &["total", "model", "agent", "agent_model"];

pub(super) const REQUESTS: [Rollup; 11] = [
    rollup("usage_quarter", USAGE, QUARTER, &["full"]),
    rollup(
        "usage_hour",
        USAGE,
        HOUR,
        &["total", "model", "agent", "agent_model"],
    ),
    rollup(
        "usage_day",
        USAGE,
        DAY,
        &["total", "model", "agent", "agent_model", "user", "full"],
    ),
    rollup("latency_quarter", LATENCY, QUARTER, &["agent_model"]),
    rollup("latency_hour", LATENCY, HOUR, LATENCY_CUBES),
    rollup("latency_day", LATENCY, DAY, LATENCY_CUBES),
    rollup("errors_quarter", ERRORS, QUARTER, &[]),
    rollup("errors_hour", ERRORS, HOUR, &[]),
    rollup("errors_day", ERRORS, DAY, &[]),
    rollup("conversation_hour", BEGUN, HOUR, CONVERSATION_CUBES),
    rollup("conversation_day", BEGUN, DAY, CONVERSATION_CUBES),
];

pub(super) const ACTIVITIES: [Rollup; 3] = [
    rollup(
        "activity_quarter",
        ACTIVITY,
        QUARTER,
        &["category", "agent", "entity", "user", "full"],
    ),
    rollup(
        "activity_hour",
        ACTIVITY,
        HOUR,
        &["category", "agent", "entity"],
    ),
    rollup(
        "activity_day",
        ACTIVITY,
        DAY,
        &["category", "agent", "entity", "user", "full"],
    ),
];

pub(super) const AUDITED: [Rollup; 3] = [
    rollup("audit_quarter", AUDIT, QUARTER, &[]),
    rollup("audit_hour", AUDIT, HOUR, &[]),
    rollup("audit_day", AUDIT, DAY, &[]),
];

const TOOL_CUBES: &[&str] = &["total", "tool", "agent_tool"];
const TOOL_AND_USER_CUBES: &[&str] = &["total", "tool", "agent_tool", "full"];

const TOOL_CALLS: [Rollup; 8] = [
    rollup("tool_quarter", TOOLS, QUARTER, TOOL_AND_USER_CUBES),
    rollup("tool_hour", TOOLS, HOUR, TOOL_CUBES),
    rollup("tool_day", TOOLS, DAY, TOOL_AND_USER_CUBES),
    rollup("tool_latency_quarter", TOOLS_LATENCY, QUARTER, TOOL_CUBES),
    rollup("tool_latency_hour", TOOLS_LATENCY, HOUR, TOOL_CUBES),
    rollup("tool_latency_day", TOOLS_LATENCY, DAY, TOOL_CUBES),
    rollup("tool_errors_quarter", TOOLS_ERRORS, QUARTER, &[]),
    rollup("tool_errors_hour", TOOLS_ERRORS, HOUR, &[]),
];

const WEB_CUBES: &[&str] = &["total", "bot", "source", "geo", "device"];
const PAGE_CUBES: &[&str] = &["page", "next", "ai"];

const VISITED: [Rollup; 7] = [
    rollup("web_quarter", WEB, QUARTER, WEB_CUBES),
    rollup("web_hour", WEB, HOUR, WEB_CUBES),
    rollup("web_day", WEB, DAY, WEB_CUBES),
    rollup("page_quarter", PAGES, QUARTER, PAGE_CUBES),
    rollup("page_hour", PAGES, HOUR, PAGE_CUBES),
    rollup("page_day", PAGES, DAY, PAGE_CUBES),
    rollup("page_week", PAGES, WEEK, PAGE_CUBES),
];

/// The rollups, by the statement for the UTC days that were counted and whose
/// detail is not there, or not all of it.
pub(super) const ALL: [(&str, &[Rollup]); 5] = [
    (include_str!("left_out.sql"), &REQUESTS),
    (include_str!("activity_left_out.sql"), &ACTIVITIES),
    (include_str!("audit_left_out.sql"), &AUDITED),
    (include_str!("tools_left_out.sql"), &TOOL_CALLS),
    (include_str!("web_left_out.sql"), &VISITED),
];

const fn rollup(
    table: &'static str,
    sql: &'static str,
    (grain, width): (&'static str, &'static str),
    cubes: &'static [&'static str],
) -> Rollup {
    Rollup {
        table,
        sql,
        grain,
        width,
        cubes,
    }
}

/// The tables with quarters of an hour, which are not kept for ever.
pub(crate) fn quarters() -> impl Iterator<Item = &'static str> {
    let all = ALL.iter().flat_map(|(_, rollups)| *rollups);
    all.filter(|rollup| rollup.grain == QUARTER.0)
        .map(|rollup| rollup.table)
}
