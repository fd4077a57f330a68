//! Every page of `/admin` that asks questions, as people see them in order. A new
//! page is a list of panels, a panel is a line that names a question.
//!
//! Long because it is one list, read from top to bottom as the pages are.

mod web;

use super::charts::Form::{Area, Bars, Lines};
use super::charts::Measure::{Count, Money, Ms, Ratio};
use super::panel::Good::{Down, Up};
use super::panel::Width::{Half, Third, TwoThirds, Whole};
use super::panel::{Look, Page, Panel, card, cards, chart, list, panel, table};

/// Every page.
pub(super) static PAGES: &[Page] = &[
    Page {
        slug: "",
        title: "Overview",
        about: "What happened, what it cost, and what needs a look",
        single: false,
        panels: OVERVIEW,
    },
    Page {
        slug: "costs",
        title: "Costs",
        about: "What was spent, by whom and on what, and what budgets leave",
        single: false,
        panels: COSTS,
    },
    Page {
        slug: "requests",
        title: "Requests",
        about: "How requests went: outcome, latency, errors, and each of them",
        single: false,
        panels: REQUESTS,
    },
    Page {
        slug: "requests",
        title: "Request",
        about: "One request with its bill",
        single: true,
        panels: &[panel("Request", "requests show", Look::Facts).fixed("id={}")],
    },
    Page {
        slug: "traces",
        title: "Traces",
        about: "What belongs together: requests, tool calls and audit events of one trace",
        single: false,
        panels: &[table("Traces", "traces list", &[], "duration_ms")
            .fixed("limit=50")
            .empty(GATEWAY)],
    },
    Page {
        slug: "traces",
        title: "Trace",
        about: "Everything that happened on one trace, in order",
        single: true,
        panels: &[panel("Timeline", "traces show", Look::Waterfall).fixed("id={}")],
    },
    Page {
        slug: "agents",
        title: "Agents",
        about: "Agents side by side",
        single: false,
        panels: AGENTS,
    },
    Page {
        slug: "agents",
        title: "Agent",
        about: "One agent: figures, models, errors, tools",
        single: true,
        panels: AGENT,
    },
    Page {
        slug: "conversations",
        title: "Conversations",
        about: "How long conversations are, and what they cost",
        single: false,
        panels: CONVERSATIONS,
    },
    Page {
        slug: "conversations",
        title: "Conversation",
        about: "One conversation, turn by turn",
        single: true,
        panels: &[panel("Conversation", "conversations show", Look::Facts).fixed("id={}")],
    },
    Page {
        slug: "tools",
        title: "Tools",
        about: "What agents' tools do, how fast, and what fails",
        single: false,
        panels: web::TOOLS,
    },
    Page {
        slug: "tools",
        title: "Tool",
        about: "One tool: figures, errors, agents, and what it is said to be",
        single: true,
        panels: web::TOOL,
    },
    Page {
        slug: "traffic",
        title: "Traffic",
        about: "Where visitors come from, what they look at, and which bots come",
        single: false,
        panels: web::TRAFFIC,
    },
    Page {
        slug: "sessions",
        title: "Sessions",
        about: "Who visits: people, bots, and why each is taken for what it is",
        single: false,
        panels: web::SESSIONS,
    },
    Page {
        slug: "sessions",
        title: "Session",
        about: "One session with its pages, and the signals that made its class",
        single: true,
        panels: web::SESSION,
    },
    Page {
        slug: "content",
        title: "Content",
        about: "What is read, how, and where it is heading",
        single: false,
        panels: web::CONTENT,
    },
    Page {
        slug: "content",
        title: "Content",
        about: "One page that is content",
        single: true,
        panels: web::ONE_CONTENT,
    },
    Page {
        slug: "activity",
        title: "Activity",
        about: "What people and agents did: edits, logins, prompts, tool calls, skills",
        single: false,
        panels: ACTIVITY,
    },
    Page {
        slug: "audit",
        title: "Audit",
        about: "What was recorded for good: who came in, who changed what, who was refused",
        single: false,
        panels: &[
            table("By event", "audit stats", &[], "events")
                .fixed("limit=100")
                .wide(Whole),
            list(
                "Audit events",
                "audit list",
                &[
                    "seq",
                    "created_at",
                    "event",
                    "state",
                    "user",
                    "agent",
                    "trace_id",
                    "detail",
                ],
                "seq",
            ),
        ],
    },
    Page {
        slug: "alerts",
        title: "Alerts",
        about: "What is watched, how it stands, and whom it told",
        single: false,
        panels: &[
            table(
                "Alerts",
                "alerts status",
                &[
                    "name",
                    "state",
                    "value",
                    "threshold",
                    "scope",
                    "reached_at",
                    "reached_share",
                    "waiting",
                    "sent",
                    "undelivered",
                    "last_error",
                ],
                "",
            )
            .empty(ALERTS),
            panel("Budgets", "costs budgets", Look::Budgets).empty(ALERTS),
            table(
                "Reached",
                "alerts history",
                &[
                    "alert",
                    "reached_at",
                    "share",
                    "value",
                    "threshold",
                    "deliveries",
                ],
                "",
            )
            .fixed("limit=50"),
        ],
    },
];

const GATEWAY: &str = "Point an SDK at this server, or try one request:";
const ALERTS: &str = "No alert is set. Add one to the profile, under analytics.alerts:\n\
    - {type: daily_cost, threshold: 100.00, action: email}";

const OVERVIEW: &[Panel] = &[
    cards(
        "Key figures",
        "overview",
        "requests trends",
        &[
            card("Spend", "cost").trend("cost"),
            card("Requests", "requests").trend("requests"),
            card("Error rate", "error_rate")
                .trend("error_rate")
                .good(Down),
            card("p95 latency", "p95_latency_ms")
                .trend("p95_latency_ms")
                .good(Down),
            card("Input tokens", "input_tokens").trend("input_tokens"),
            card("Output tokens", "output_tokens").trend("output_tokens"),
            card("Active agents", "active_agents"),
            card("Conversations", "conversations"),
        ],
    ),
    chart("Spend", "costs trends", Area, Money, &[("cost", "Spend")]).empty(GATEWAY),
    chart(
        "Requests",
        "requests trends",
        Bars,
        Count,
        &[("requests", "Requests")],
    )
    .empty(GATEWAY),
    table("By model", "costs breakdown", &["name", "cost"], "cost")
        .fixed("by=model&limit=6")
        .wide(Third),
    table("By agent", "costs breakdown", &["name", "cost"], "cost")
        .fixed("by=agent&limit=6")
        .wide(Third),
    table("By user", "costs breakdown", &["name", "cost"], "cost")
        .fixed("by=user&limit=6")
        .wide(Third),
    panel("Budgets", "costs budgets", Look::Budgets)
        .wide(Half)
        .empty(ALERTS),
    table(
        "What goes wrong",
        "errors patterns",
        &["error_type", "source", "count", "share", "advice"],
        "",
    )
    .fixed("limit=5")
    .wide(Half),
    web::VISITS,
    cards(
        "Activity",
        "activity summary",
        "activity usage",
        &[
            card("Events today", "events_today"),
            card("Events this week", "events_this_week"),
            card("Edits", "edits").before("previous_edits"),
            card("Logins", "logins").before("previous_logins"),
            card("Tool calls", "tool_uses")
                .before("previous_tool_uses")
                .trend("tool_uses"),
            card("Prompts", "prompts")
                .before("previous_prompts")
                .trend("prompts"),
            card("Errors", "errors")
                .before("previous_errors")
                .trend("errors")
                .good(Down),
        ],
    ),
    panel(
        "Activity in the last 24 hours",
        "activity hourly",
        Look::Heat { key: "events" },
    )
    .fixed("since=24h&until=now"),
    chart(
        "Tool calls and prompts",
        "activity usage",
        Lines,
        Count,
        &[("tool_uses", "Tool calls"), ("prompts", "Prompts")],
    ),
    chart(
        "People and sessions",
        "activity usage",
        Lines,
        Count,
        &[
            ("active_users", "Active users"),
            ("sessions", "Sessions"),
            ("errors", "Errors"),
        ],
    ),
    table(
        "Most active users",
        "activity users",
        &["user", "edits", "tool_uses", "prompts", "last_active"],
        "tool_uses",
    )
    .fixed("limit=6")
    .wide(Half),
    table("Most used skills", "activity skills", &[], "runs")
        .fixed("limit=6")
        .wide(Half),
];

const COSTS: &[Panel] = &[
    cards(
        "The bill",
        "costs summary",
        "costs trends",
        &[
            card("Spend", "cost").before("previous_cost").trend("cost"),
            card("Requests", "requests").trend("requests"),
            card("Average cost", "average_cost"),
            card("Input tokens", "input_tokens").trend("input_tokens"),
            card("From cache", "cache_read_tokens"),
            card("Output tokens", "output_tokens").trend("output_tokens"),
            card("Reasoning", "reasoning_tokens"),
            card("Unpriced", "unpriced_requests")
                .trend("unpriced_requests")
                .good(Down),
        ],
    ),
    chart("Spend", "costs trends", Area, Money, &[("cost", "Spend")])
        .wide(TwoThirds)
        .empty(GATEWAY),
    table(
        "Where it leads",
        "costs forecast",
        &["period", "cost", "forecast", "previous_cost"],
        "",
    )
    .wide(Third),
    panel("Budgets", "costs budgets", Look::Budgets).empty(ALERTS),
    table("By model", "costs breakdown", BREAKDOWN, "cost")
        .fixed("by=model&limit=10")
        .wide(Half)
        .empty(GATEWAY),
    table("By agent", "costs breakdown", BREAKDOWN, "cost")
        .fixed("by=agent&limit=10")
        .wide(Half)
        .empty(GATEWAY),
    table("By provider", "costs breakdown", BREAKDOWN, "cost")
        .fixed("by=provider&limit=10")
        .wide(Half)
        .empty(GATEWAY),
    table("By user", "costs breakdown", BREAKDOWN, "cost")
        .fixed("by=user&limit=10")
        .wide(Half)
        .empty(GATEWAY),
    chart(
        "Tokens",
        "costs trends",
        Bars,
        Count,
        &[("input_tokens", "Input"), ("output_tokens", "Output")],
    )
    .wide(Half),
    table(
        "Models without a price",
        "costs unpriced",
        &[
            "provider",
            "model",
            "unpriced_requests",
            "unpriced_tokens",
            "last_seen",
        ],
        "",
    )
    .wide(Half),
];

const BREAKDOWN: &[&str] = &["name", "cost", "requests", "input_tokens", "output_tokens"];

const REQUESTS: &[Panel] = &[
    cards(
        "How it goes",
        "requests stats",
        "requests trends",
        &[
            card("Requests", "requests")
                .before("previous_requests")
                .trend("requests"),
            card("Error rate", "error_rate")
                .before("previous_error_rate")
                .trend("error_rate")
                .good(Down),
            card("Spend", "cost").before("previous_cost").trend("cost"),
            card("Average latency", "average_latency_ms")
                .trend("average_latency_ms")
                .good(Down),
            card("p50 latency", "p50_latency_ms").good(Down),
            card("p95 latency", "p95_latency_ms")
                .before("previous_p95_latency_ms")
                .trend("p95_latency_ms")
                .good(Down),
            card("p99 latency", "p99_latency_ms").good(Down),
            card("First byte", "average_ttfb_ms").good(Down),
        ],
    ),
    chart(
        "Requests and errors",
        "requests trends",
        Lines,
        Count,
        &[("requests", "Requests"), ("errors", "Errors")],
    )
    .empty(GATEWAY),
    chart(
        "Latency",
        "requests trends",
        Lines,
        Ms,
        &[("p95_latency_ms", "p95"), ("average_latency_ms", "Average")],
    ),
    chart(
        "Error rate",
        "requests trends",
        Area,
        Ratio,
        &[("error_rate", "Error rate")],
    )
    .wide(Third),
    table(
        "What goes wrong",
        "errors patterns",
        &[
            "error_type",
            "source",
            "http_status",
            "count",
            "last_seen",
            "advice",
        ],
        "",
    )
    .fixed("limit=10")
    .wide(TwoThirds),
    table("Models side by side", "requests models", &[], "requests").fixed("limit=20"),
    list(
        "Requests",
        "requests list",
        &[
            "created_at",
            "id",
            "state",
            "model",
            "agent",
            "user",
            "input_tokens",
            "output_tokens",
            "cost",
            "latency_ms",
        ],
        "id",
    )
    .empty(GATEWAY),
];

const AGENTS: &[Panel] = &[
    cards("All agents", "agents stats", "agents trends", &[
        card("Agents", "agents").before("previous_agents").good(Up),
        card("Requests", "requests").before("previous_requests").trend("requests"),
        card("Spend", "cost").before("previous_cost").trend("cost"),
        card("Error rate", "error_rate").before("previous_error_rate").trend("error_rate").good(Down),
        card("p95 latency", "p95_latency_ms").before("previous_p95_latency_ms").trend("p95_latency_ms").good(Down),
        card("Conversations", "conversations").before("previous_conversations"),
        card("Per agent", "cost_per_agent"),
        card("Per conversation", "cost_per_conversation"),
    ]),
    chart("Spend", "agents trends", Area, Money, &[("cost", "Spend")]),
    chart("Requests", "agents trends", Bars, Count, &[("requests", "Requests")]),
    table("Agents side by side", "agents list", &["agent", "requests", "error_rate", "input_tokens", "output_tokens", "cost", "cost_per_request", "conversations", "p95_latency_ms", "last_active"], "requests")
        .fixed("limit=100")
        .empty("Say which agent asks with the header x-systemprompt-agent, or issue a token for it: systemprompt admin token create NAME --kind agt"),
];

const AGENT: &[Panel] = &[
    chart("Spend", "agents trends", Area, Money, &[("cost", "Spend")]).fixed("agent={}"),
    chart(
        "Requests",
        "agents trends",
        Bars,
        Count,
        &[("requests", "Requests")],
    )
    .fixed("agent={}"),
    panel("Agent", "agents show", Look::Facts).fixed("name={}"),
    list(
        "Requests",
        "requests list",
        &[
            "created_at",
            "id",
            "state",
            "model",
            "input_tokens",
            "output_tokens",
            "cost",
            "latency_ms",
        ],
        "id",
    )
    .fixed("agent={}&limit=20"),
];

const CONVERSATIONS: &[Panel] = &[
    cards(
        "Conversations that began",
        "conversations stats",
        "conversations trends",
        &[
            card("Conversations", "conversations")
                .before("previous_conversations")
                .trend("conversations"),
            card("Requests", "requests")
                .before("previous_requests")
                .trend("requests"),
            card("Spend", "cost").before("previous_cost").trend("cost"),
            card("Average cost", "average_cost"),
            card("Average length", "average_requests"),
            card("Average tokens", "average_tokens"),
            card("Average duration", "average_duration_ms"),
        ],
    ),
    chart(
        "Conversations",
        "conversations trends",
        Bars,
        Count,
        &[("conversations", "Conversations")],
    ),
    chart(
        "Spend",
        "conversations trends",
        Area,
        Money,
        &[("cost", "Spend")],
    ),
    list(
        "Conversations",
        "conversations list",
        &[
            "first_at",
            "conversation_id",
            "agent",
            "user",
            "requests",
            "duration_ms",
            "input_tokens",
            "output_tokens",
            "cost",
        ],
        "conversation_id",
    )
    .empty(GATEWAY),
];

const ACTIVITY: &[Panel] = &[
    cards(
        "What was done",
        "activity summary",
        "activity usage",
        &[
            card("Events", "events").before("previous_events"),
            card("Edits", "edits").before("previous_edits"),
            card("Logins", "logins").before("previous_logins"),
            card("Tool calls", "tool_uses")
                .before("previous_tool_uses")
                .trend("tool_uses"),
            card("Prompts", "prompts")
                .before("previous_prompts")
                .trend("prompts"),
            card("Skill runs", "skill_runs").before("previous_skill_runs"),
            card("Errors", "errors")
                .before("previous_errors")
                .trend("errors")
                .good(Down),
        ],
    ),
    panel(
        "Hour by hour",
        "activity hourly",
        Look::Heat { key: "events" },
    )
    .fixed("since=24h&until=now"),
    chart(
        "Tool calls and prompts",
        "activity usage",
        Lines,
        Count,
        &[("tool_uses", "Tool calls"), ("prompts", "Prompts")],
    ),
    chart(
        "People and sessions",
        "activity usage",
        Lines,
        Count,
        &[("active_users", "Active users"), ("sessions", "Sessions")],
    ),
    table("Most active users", "activity users", &[], "events")
        .fixed("limit=20")
        .wide(TwoThirds),
    table(
        "Most used skills",
        "activity skills",
        &["skill", "runs", "failed"],
        "runs",
    )
    .fixed("limit=20")
    .wide(Third),
    list(
        "Activity",
        "activity list",
        &[
            "created_at",
            "category",
            "action",
            "entity_type",
            "entity_name",
            "user",
            "agent",
            "trace_id",
        ],
        "id",
    )
    .empty("Services report what their users do with POST /api/v1/events."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;
    use systemprompt_reporting::QUERIES;
    use systemprompt_reporting::present::column::Column;

    use super::*;
    use crate::admin::panel::named;
    use crate::admin::view::{View, encode};

    #[test]
    fn every_panel_asks_a_question_that_can_be_answered() {
        let view = View::of("since=30d&agent=a&user=b&model=c");
        for page in PAGES {
            for panel in page.panels {
                let what = format!("{} {}", page.title, panel.title);
                let entry = panel.entry();
                let subject = "0193";
                let query = encode(&view.params(entry, panel.fixed, subject, true));
                let asked = entry
                    .decode(&query)
                    .and_then(|params| entry.complete(params));
                asked.unwrap_or_else(|error| panic!("{what}: {error}"));
                let columns = Column::of(entry.row().as_value());
                let has = |key: &str| columns.iter().any(|column| column.key == key);
                let metrics = has("metric");
                match panel.look {
                    Look::Cards { cards, trend } => {
                        let steps = Column::of(named(trend).row().as_value());
                        for card in cards {
                            assert!(metrics || has(card.key), "{what} {}", card.key);
                            assert!(card.previous.is_none_or(has), "{what} {:?}", card.previous);
                            let drawn = |key: &str| steps.iter().any(|column| column.key == key);
                            assert!(card.trend.is_none_or(drawn), "{what} {:?}", card.trend);
                        }
                    }
                    Look::Chart { series, .. } => {
                        assert!(
                            has("bucket") && series.iter().all(|(key, _)| has(key)),
                            "{what}"
                        );
                    }
                    Look::Heat { key } => assert!(has("bucket") && has(key), "{what}"),
                    Look::Table {
                        columns,
                        bar,
                        older,
                    } => {
                        assert!(columns.iter().all(|key| has(key)), "{what}");
                        assert!(bar.is_empty() || has(bar), "{what} {bar}");
                        assert!(older.is_none_or(has), "{what} {older:?}");
                    }
                    Look::Facts | Look::Budgets | Look::Waterfall => {}
                }
            }
        }
    }

    #[test]
    fn every_question_is_asked_somewhere() {
        let trends = |panel: &Panel| match panel.look {
            Look::Cards { trend, .. } => Some(trend),
            _ => None,
        };
        let panels = || PAGES.iter().flat_map(|page| page.panels);
        let asked: BTreeSet<&str> = panels()
            .map(|panel| panel.question)
            .chain(panels().filter_map(trends))
            .collect();
        // A group that has no page yet is none of this test's.
        let groups: BTreeSet<&str> = asked
            .iter()
            .filter_map(|question| question.split(' ').next())
            .collect();
        let all = QUERIES
            .iter()
            .filter(|entry| groups.contains(entry.group()));
        let all = all.map(|entry| entry.path.join(" "));
        let missing: Vec<String> = all
            .filter(|question| !asked.contains(&**question))
            .collect();
        // What a page shows otherwise: the patterns of errors say more.
        assert_eq!(missing, ["requests errors"]);
    }

    #[test]
    fn pages_have_addresses_of_their_own() {
        let slugs: BTreeSet<_> = PAGES.iter().map(|page| (page.slug, page.single)).collect();
        assert_eq!(slugs.len(), PAGES.len());
        for page in PAGES.iter().filter(|page| page.single) {
            assert!(
                page.panels.iter().any(|panel| panel.fixed.contains("{}")),
                "{}",
                page.slug
            );
        }
        let params = named("requests show").params();
        assert_eq!(
            params
                .get("required")
                .and_then(Value::as_array)
                .map(Vec::len),
            Some(1)
        );
    }
}
