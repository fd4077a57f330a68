//! What goes wrong for an agent, whatever the model.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::error::Result;
use crate::figures::Time;
use crate::params::Limit;
use crate::rollup::Source;

/// How many ways to fail are told.
const TOP: usize = 10;

/// One way in which an agent's requests did not complete.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Failure {
    /// How the requests ended
    pub state: String,
    /// The provider's HTTP status; none if it never answered
    pub http_status: Option<i16>,
    /// The provider's error type, or our short name for what went wrong
    pub error_type: Option<String>,
    /// The provider's error code
    pub error_code: Option<String>,
    /// How many requests
    #[schemars(extend("x-unit" = "count"))]
    pub count: i64,
    /// When the first of them arrived
    pub first_seen: Time,
    /// When the last of them arrived
    pub last_seen: Time,
}

/// What went wrong most often, the latest first among equals. The source must
/// be made by [`Source::errors`].
pub(super) async fn top(source: &Source<'_>) -> Result<Vec<Failure>> {
    let mut ways: BTreeMap<_, Failure> = BTreeMap::new();
    // By model they are several times as many, and still few.
    for way in source.failures(Limit::MAX.into()).await? {
        let (first, last) = (way.first_at.into(), way.last_at.into());
        let failure = Failure {
            state: way.state,
            http_status: way.http_status,
            error_type: way.error_type,
            error_code: way.error_code,
            count: 0,
            first_seen: first,
            last_seen: last,
        };
        let key = (
            failure.state.clone(),
            failure.http_status,
            failure.error_type.clone(),
            failure.error_code.clone(),
        );
        let sum = ways.entry(key).or_insert(failure);
        sum.count += way.count;
        sum.first_seen = sum.first_seen.min(first);
        sum.last_seen = sum.last_seen.max(last);
    }
    let mut ways: Vec<_> = ways.into_values().collect();
    ways.sort_by_key(|way| Reverse((way.count, way.last_seen)));
    ways.truncate(TOP);
    Ok(ways)
}
