//! Tool calls by quarter, hour and day: how many, how they ended, how long they
//! took, what went wrong.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sqlx::PgConnection;
use systemprompt_domain::histogram::bucket_of;
use systemprompt_domain::tool::{ToolCalled, ToolStatus};
use time::OffsetDateTime;

use super::{Bucket, Grain, of_grain};
use crate::writer::rows::clean;

/// A cube: which dimensions a row keeps; the others are ''. Cubes and what the
/// grains have of them are those of the migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cube {
    AgentTool,
    Full,
    Tool,
    Total,
}

const COUNTED: [(Grain, &[Cube]); 3] = [
    (Grain::Quarter, &Cube::ALL),
    (Grain::Hour, &Cube::WITHOUT_USERS),
    (Grain::Day, &Cube::ALL),
];
const TIMED: [Grain; 3] = [Grain::Quarter, Grain::Hour, Grain::Day];
const TOLD: [Grain; 2] = [Grain::Quarter, Grain::Hour];

impl Cube {
    const ALL: [Self; 4] = [Self::AgentTool, Self::Full, Self::Tool, Self::Total];
    const WITHOUT_USERS: [Self; 3] = [Self::AgentTool, Self::Tool, Self::Total];

    const fn as_str(self) -> &'static str {
        match self {
            Self::AgentTool => "agent_tool",
            Self::Full => "full",
            Self::Tool => "tool",
            Self::Total => "total",
        }
    }

    /// Keeps the dimensions of this cube.
    const fn slice(self, full: Dimensions<'_>) -> Dimensions<'_> {
        let none = Dimensions {
            server: "",
            tool: "",
            agent: "",
            user: "",
        };
        match self {
            Self::Total => none,
            Self::Tool => Dimensions {
                server: full.server,
                tool: full.tool,
                ..none
            },
            Self::AgentTool => Dimensions { user: "", ..full },
            Self::Full => full,
        }
    }
}

/// What calls are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Dimensions<'a> {
    server: &'a str,
    tool: &'a str,
    agent: &'a str,
    user: &'a str,
}

/// A call, with its names as PostgreSQL takes them.
struct Call<'a> {
    called: &'a ToolCalled,
    server: Cow<'a, str>,
    tool: Cow<'a, str>,
    agent: Cow<'a, str>,
    user: Cow<'a, str>,
    error_type: Cow<'a, str>,
    error_code: Cow<'a, str>,
}

impl<'a> Call<'a> {
    fn of(called: &'a ToolCalled) -> Self {
        let name = |name: &'a Option<String>| clean(name.as_deref().unwrap_or_default());
        Self {
            called,
            server: clean(&called.server),
            tool: clean(&called.tool),
            agent: name(&called.agent),
            user: name(&called.user),
            error_type: name(&called.error_type),
            error_code: name(&called.error_code),
        }
    }

    fn bucket(&self, grain: Grain) -> Bucket {
        grain.bucket(self.called.created_at.unix_timestamp())
    }

    fn dimensions(&self) -> Dimensions<'_> {
        Dimensions {
            server: &self.server,
            tool: &self.tool,
            agent: &self.agent,
            user: &self.user,
        }
    }

    /// The latency, if it counts.
    fn latency(&self) -> Option<u64> {
        let successful = self.called.status == ToolStatus::Success;
        successful.then_some(self.called.latency_us)
    }
}

/// Counts calls that were stored.
pub(crate) async fn add_tools(
    db: &mut PgConnection,
    calls: &[&ToolCalled],
) -> Result<(), sqlx::Error> {
    if calls.is_empty() {
        return Ok(());
    }
    let calls: Vec<Call<'_>> = calls.iter().map(|call| Call::of(call)).collect();
    count(db, &calls).await?;
    time(db, &calls).await?;
    tell(db, &calls).await
}

/// What a row is found by, in the order in which rows are locked.
type Key<'a> = (Cube, Bucket, Dimensions<'a>);

/// Counters, in the order of the columns of `tools.sql`.
const COUNTERS: usize = 10;

async fn count(db: &mut PgConnection, calls: &[Call<'_>]) -> Result<(), sqlx::Error> {
    for (grain, cubes) in COUNTED {
        let mut rows: BTreeMap<Key<'_>, [i64; COUNTERS]> = BTreeMap::new();
        for call in calls {
            let counters = counters(call);
            for cube in cubes {
                let key = (*cube, call.bucket(grain), cube.slice(call.dimensions()));
                let sum = rows.entry(key).or_default();
                for (sum, more) in sum.iter_mut().zip(counters) {
                    *sum = sum.saturating_add(more);
                }
            }
        }
        let names = |of: for<'k> fn(&Key<'k>) -> &'k str| rows.keys().map(of).collect::<Vec<_>>();
        let mut query = sqlx::query(of_grain(include_str!("tools.sql"), grain))
            .bind(names(|key| key.0.as_str()))
            .bind(rows.keys().map(|key| key.1.time()).collect::<Vec<_>>())
            .bind(names(|key| key.2.server))
            .bind(names(|key| key.2.tool))
            .bind(names(|key| key.2.agent))
            .bind(names(|key| key.2.user));
        for n in 0..COUNTERS {
            query = query.bind(rows.values().map(|sums| sums[n]).collect::<Vec<_>>());
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

fn counters(call: &Call<'_>) -> [i64; COUNTERS] {
    let is = |status| i64::from(call.called.status == status);
    let latency = call.latency();
    [
        1,
        is(ToolStatus::Success),
        is(ToolStatus::Failed),
        is(ToolStatus::Timeout),
        is(ToolStatus::Cancelled),
        is(ToolStatus::NeedsInput),
        latency.unwrap_or(0).cast_signed(),
        i64::from(latency.is_some()),
        call.called.request_bytes.cast_signed(),
        call.called.response_bytes.cast_signed(),
    ]
}

async fn time(db: &mut PgConnection, calls: &[Call<'_>]) -> Result<(), sqlx::Error> {
    for grain in TIMED {
        let mut rows: BTreeMap<(Key<'_>, i16), i64> = BTreeMap::new();
        for call in calls {
            let Some(latency) = call.latency() else {
                continue;
            };
            for cube in Cube::WITHOUT_USERS {
                let key = (cube, call.bucket(grain), cube.slice(call.dimensions()));
                *rows.entry((key, bucket_of(latency))).or_default() += 1;
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let names = |of: for<'k> fn(&Key<'k>) -> &'k str| {
            rows.keys().map(|(key, _)| of(key)).collect::<Vec<_>>()
        };
        sqlx::query(of_grain(include_str!("tools_latency.sql"), grain))
            .bind(names(|key| key.0.as_str()))
            .bind(rows.keys().map(|row| row.0.1.time()).collect::<Vec<_>>())
            .bind(names(|key| key.2.server))
            .bind(names(|key| key.2.tool))
            .bind(names(|key| key.2.agent))
            .bind(rows.keys().map(|row| row.1).collect::<Vec<_>>())
            .bind(rows.values().copied().collect::<Vec<_>>())
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// One way to fail, in the order in which rows are locked.
type Way<'a> = (Bucket, Dimensions<'a>, &'static str, &'a str, &'a str);

struct Seen {
    n: i64,
    first: OffsetDateTime,
    last: OffsetDateTime,
}

async fn tell(db: &mut PgConnection, calls: &[Call<'_>]) -> Result<(), sqlx::Error> {
    for grain in TOLD {
        let mut rows: BTreeMap<Way<'_>, Seen> = BTreeMap::new();
        for call in calls.iter().filter(|call| call.called.status.is_told()) {
            let at = call.called.created_at;
            let way = (
                call.bucket(grain),
                call.dimensions(),
                call.called.status.as_str(),
                &*call.error_type,
                &*call.error_code,
            );
            let seen = rows.entry(way).or_insert(Seen {
                n: 0,
                first: at,
                last: at,
            });
            seen.n += 1;
            seen.first = seen.first.min(at);
            seen.last = seen.last.max(at);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let names = |of: for<'k> fn(&Way<'k>) -> &'k str| rows.keys().map(of).collect::<Vec<_>>();
        sqlx::query(of_grain(include_str!("tools_errors.sql"), grain))
            .bind(rows.keys().map(|way| way.0.time()).collect::<Vec<_>>())
            .bind(names(|way| way.1.server))
            .bind(names(|way| way.1.tool))
            .bind(names(|way| way.1.agent))
            .bind(names(|way| way.1.user))
            .bind(names(|way| way.2))
            .bind(names(|way| way.3))
            .bind(names(|way| way.4))
            .bind(rows.values().map(|seen| seen.n).collect::<Vec<_>>())
            .bind(rows.values().map(|seen| seen.first).collect::<Vec<_>>())
            .bind(rows.values().map(|seen| seen.last).collect::<Vec<_>>())
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}
