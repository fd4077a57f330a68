//! How fast and reliable each model was, and which one would have been faster.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Filters, PeriodArgs};
use crate::rollup::{Dimension, Source};

/// Fewer completed requests than this say nothing about a model.
const ENOUGH: i64 = 5;
/// A model is faster if it takes no more than this part of the time.
const FASTER: f64 = 0.8;
/// How much less reliable a faster model may be, as a part of its requests.
const LESS_RELIABLE: f64 = 0.02;

/// How fast one model was.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ModelSpeed {
    /// The provider's name in the configuration
    pub provider: String,
    /// The model that served, else the one that was asked for; empty where neither is known
    pub model: String,
    /// Requests that reached a final state
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i64,
    /// Failed, timed out and lost requests as a part of all but the paused ones
    #[schemars(extend("x-unit" = "ratio"))]
    pub error_rate: Option<f64>,
    /// Half of the completed requests took no longer (within 2.2 %)
    #[schemars(extend("x-unit" = "ms"))]
    pub p50_latency_ms: Option<f64>,
    /// 95 % took no longer
    #[schemars(extend("x-unit" = "ms"))]
    pub p95_latency_ms: Option<f64>,
    /// The cost divided by all its requests
    #[schemars(extend("x-unit" = "money"))]
    pub average_cost: Option<Decimal>,
    /// The fastest of the other models here, if its 95 % latency is at least a fifth lower and it is as reliable
    pub faster_model: Option<String>,
}

/// The models of these requests, the most used first.
pub(super) async fn models(
    ctx: &Ctx,
    period: &PeriodArgs,
    filters: &Filters,
) -> Result<Vec<ModelSpeed>> {
    let by = &[Dimension::Provider, Dimension::Model];
    let source = Source::of(ctx, period, filters, by)?;
    let latency = source.latency().await?;
    let mut usage = source.usage().await?;
    usage.sort_by_key(|usage| std::cmp::Reverse(usage.requests));
    let measured = usage.into_iter().map(|usage| {
        let latency = latency.of(&usage);
        let enough = usage.completed >= ENOUGH;
        let speed = ModelSpeed {
            requests: usage.requests,
            error_rate: usage.error_rate(),
            p50_latency_ms: latency.quantile_ms(0.50),
            p95_latency_ms: latency.quantile_ms(0.95),
            average_cost: usage.average_cost(),
            faster_model: None,
            provider: usage.provider,
            model: usage.model,
        };
        (speed, enough)
    });
    Ok(compare(measured.collect()))
}

/// Names the faster alternative of each model among those with enough requests.
fn compare(measured: Vec<(ModelSpeed, bool)>) -> Vec<ModelSpeed> {
    let known = |(speed, enough): &(ModelSpeed, bool)| {
        let p95 = speed.p95_latency_ms.filter(|_| *enough)?;
        Some((p95, speed.error_rate.unwrap_or(0.0), speed.model.clone()))
    };
    let mut known: Vec<_> = measured.iter().filter_map(known).collect();
    known.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
    let compared = measured.into_iter().map(|(speed, enough)| {
        let mine = speed.p95_latency_ms.filter(|_| enough);
        let faster = mine.and_then(|mine| {
            let errors = speed.error_rate.unwrap_or(0.0) + LESS_RELIABLE;
            let better =
                |(p95, rate, _): &&(f64, f64, String)| *p95 <= mine * FASTER && *rate <= errors;
            known.iter().find(better).map(|(.., model)| model.clone())
        });
        ModelSpeed {
            faster_model: faster,
            ..speed
        }
    });
    compared.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speed(model: &str, p95: f64, error_rate: f64) -> (ModelSpeed, bool) {
        let speed = ModelSpeed {
            provider: "p".to_owned(),
            model: model.to_owned(),
            requests: 10,
            error_rate: Some(error_rate),
            p50_latency_ms: Some(p95 / 2.0),
            p95_latency_ms: Some(p95),
            average_cost: None,
            faster_model: None,
        };
        (speed, true)
    }

    fn alternatives(measured: Vec<(ModelSpeed, bool)>) -> Vec<Option<String>> {
        let compared = compare(measured).into_iter();
        compared.map(|speed| speed.faster_model).collect()
    }

    #[test]
    fn the_fastest_reliable_model_is_named() {
        let faster = alternatives(vec![
            speed("slow", 1000.0, 0.01),
            speed("quick", 400.0, 0.02),
            speed("alike", 850.0, 0.0),
            speed("flaky", 100.0, 0.3),
        ]);
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(faster, [named("quick"), None, named("quick"), None]);
    }

    #[test]
    fn few_requests_prove_nothing() {
        let (seldom, _) = speed("seldom", 10.0, 0.0);
        let faster = alternatives(vec![speed("slow", 1000.0, 0.0), (seldom, false)]);
        assert_eq!(faster, [None, None]);
    }
}
