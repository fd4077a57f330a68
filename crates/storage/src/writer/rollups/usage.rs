//! Requests, tokens and cost by quarter, hour and day.

pub(super) mod correct;
pub(super) mod imported;

use std::collections::HashMap;

use sqlx::PgConnection;
use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::{RequestState, TokenClass, UsageSource};
use time::OffsetDateTime;

use super::{Cube, Grain, Key, Names};

const HOURLY: [Cube; 4] = [Cube::Total, Cube::Model, Cube::Agent, Cube::AgentModel];
const DAILY: [Cube; 6] = [
    Cube::Total,
    Cube::Model,
    Cube::Agent,
    Cube::AgentModel,
    Cube::User,
    Cube::Full,
];

/// Declares the counters once: the fields, the columns they are sent as, and
/// the statements that add them.
macro_rules! counters {
    ($($name:ident)+) => {
        #[derive(Clone, Copy, Debug, Default)]
        struct Counters {
            $($name: i64,)+
        }

        impl Counters {
            fn add(&mut self, other: &Self) {
                $(self.$name = self.$name.saturating_add(other.$name);)+
            }
        }

        /// Counters by column.
        #[derive(Default)]
        struct Columns<'a> {
            bucket: Vec<OffsetDateTime>,
            provider: Vec<&'a str>,
            model: Vec<&'a str>,
            agent: Vec<&'a str>,
            user: Vec<&'a str>,
            $($name: Vec<i64>,)+
            cube: Vec<&'static str>,
        }

        impl<'a> Columns<'a> {
            fn push(&mut self, key: &Key, names: &'a Names<'_>, counters: &Counters) {
                self.cube.push(key.cube.as_str());
                self.bucket.push(key.bucket.time());
                self.provider.push(names.text(key.dimensions.provider));
                self.model.push(names.text(key.dimensions.model));
                self.agent.push(names.text(key.dimensions.agent));
                self.user.push(names.text(key.dimensions.user));
                $(self.$name.push(counters.$name);)+
            }

            async fn send(
                &self,
                db: &mut PgConnection,
                sql: &'static str,
                cubes: bool,
            ) -> Result<(), sqlx::Error> {
                let query = sqlx::query(sql)
                    .bind(&self.bucket)
                    .bind(&self.provider)
                    .bind(&self.model)
                    .bind(&self.agent)
                    .bind(&self.user)
                    $(.bind(&self.$name))+;
                let query = if cubes { query.bind(&self.cube) } else { query };
                query.execute(db).await?;
                Ok(())
            }
        }
    };
}

counters! {
    requests completed failed client_disconnect upstream_timeout paused shutdown lost
    streamed input cache_read cache_write_5m cache_write_1h audio_input tool_input
    output reasoning audio_output cost_nanos unpriced unpriced_tokens without_usage
    latency_us latency_n ttfb_us ttfb_n
}

pub(super) async fn add(
    db: &mut PgConnection,
    finished: &[&RequestFinished],
    names: &Names<'_>,
) -> Result<(), sqlx::Error> {
    let requests = finished
        .iter()
        .map(|request| (Key::finest(request, names), count(request)));
    Sums::of(requests).send(db, names).await
}

/// What each row of each grain gets, in the order in which rows are locked.
struct Sums {
    quarters: Vec<(Key, Counters)>,
    hours: Vec<(Key, Counters)>,
    days: Vec<(Key, Counters)>,
}

impl Sums {
    /// Adds up the finest keys, and from their sums the coarser ones.
    fn of(finest: impl Iterator<Item = (Key, Counters)>) -> Self {
        let quarters = sum(finest);
        let coarser = |grain, cubes: &'static [Cube]| {
            let from = quarters.iter();
            sum(from.flat_map(move |(key, n)| {
                cubes
                    .iter()
                    .map(move |cube| (key.coarser(grain, *cube), *n))
            }))
        };
        let (hours, days) = (coarser(Grain::Hour, &HOURLY), coarser(Grain::Day, &DAILY));
        Self {
            quarters,
            hours,
            days,
        }
    }

    async fn send(&self, db: &mut PgConnection, names: &Names<'_>) -> Result<(), sqlx::Error> {
        columns(&self.quarters, names)
            .send(db, include_str!("usage_quarter.sql"), false)
            .await?;
        columns(&self.hours, names)
            .send(db, include_str!("usage_hour.sql"), true)
            .await?;
        columns(&self.days, names)
            .send(db, include_str!("usage_day.sql"), true)
            .await
    }
}

/// Adds up what belongs to the same row; in key order.
fn sum(parts: impl Iterator<Item = (Key, Counters)>) -> Vec<(Key, Counters)> {
    let mut sums: HashMap<Key, Counters> = HashMap::new();
    for (key, counters) in parts {
        sums.entry(key).or_default().add(&counters);
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_unstable_by_key(|(key, _)| *key);
    sums
}

fn columns<'a>(sums: &[(Key, Counters)], names: &'a Names<'_>) -> Columns<'a> {
    let mut columns = Columns::default();
    for (key, counters) in sums {
        columns.push(key, names, counters);
    }
    columns
}

/// What one request counts as.
fn count(request: &RequestFinished) -> Counters {
    let tokens = request.usage.total();
    let is = |state| i64::from(request.state == state);
    let stated = request.usage_source != UsageSource::None;
    let unpriced = request.is_unpriced();
    let all_tokens = tokens.input_total().saturating_add(tokens.output_total());
    // A refusal by us or by the provider is not billed; anything else without
    // usage may have been.
    let refused = request.state == RequestState::Paused
        || request.http_status.is_some_and(|status| status >= 400);
    let timed = request.state == RequestState::Completed;
    let latency = request.latency_us.filter(|_| timed);
    let ttfb = request.ttfb_us.filter(|_| timed);
    Counters {
        requests: 1,
        completed: is(RequestState::Completed),
        failed: is(RequestState::Failed),
        client_disconnect: is(RequestState::ClientDisconnect),
        upstream_timeout: is(RequestState::UpstreamTimeout),
        paused: is(RequestState::Paused),
        shutdown: is(RequestState::Shutdown),
        lost: is(RequestState::Lost),
        streamed: i64::from(request.context.streamed),
        cost_nanos: request.cost.map_or(0, |cost| cost.0),
        unpriced: i64::from(unpriced),
        unpriced_tokens: if unpriced {
            all_tokens.cast_signed()
        } else {
            0
        },
        without_usage: i64::from(!stated && !refused),
        latency_us: latency.unwrap_or(0).cast_signed(),
        latency_n: i64::from(latency.is_some()),
        ttfb_us: ttfb.unwrap_or(0).cast_signed(),
        ttfb_n: i64::from(ttfb.is_some()),
        ..Counters::of_tokens(|class| tokens.get(class).cast_signed())
    }
}

impl Counters {
    fn of_tokens(of: impl Fn(TokenClass) -> i64) -> Self {
        Self {
            input: of(TokenClass::Input),
            cache_read: of(TokenClass::CacheRead),
            cache_write_5m: of(TokenClass::CacheWrite5m),
            cache_write_1h: of(TokenClass::CacheWrite1h),
            audio_input: of(TokenClass::AudioInput),
            tool_input: of(TokenClass::ToolInput),
            output: of(TokenClass::Output),
            reasoning: of(TokenClass::Reasoning),
            audio_output: of(TokenClass::AudioOutput),
            ..Self::default()
        }
    }
}
