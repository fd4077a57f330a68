//! One request as it is stored, finished or under way.

use systemprompt_domain::event::RequestContext;
use systemprompt_domain::{Nanos, SpanId, Tokens, TraceId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::arithmetic::{self, Priced};
use super::list::under_way_state;
use super::show::ShowRow;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::millis;

/// A request that reached its final state.
pub(super) async fn finished(ctx: &Ctx, created_at: OffsetDateTime, id: Uuid) -> Result<ShowRow> {
    let stored = sqlx::query_file!("src/questions/requests/show.sql", created_at, id)
        .fetch_one(&ctx.pool)
        .await?;
    let tokens = Tokens {
        input: stored.input.cast_unsigned(),
        cache_read: stored.cache_read.cast_unsigned(),
        cache_write_5m: stored.cache_write_5m.cast_unsigned(),
        cache_write_1h: stored.cache_write_1h.cast_unsigned(),
        audio_input: stored.audio_input.cast_unsigned(),
        tool_input: stored.tool_input.cast_unsigned(),
        output: stored.output.cast_unsigned(),
        reasoning: stored.reasoning.cast_unsigned(),
        audio_output: stored.audio_output.cast_unsigned(),
    };
    let priced = Priced {
        tokens,
        service_tier: stored.service_tier.clone(),
        extra: stored.usage_extra.clone(),
        price_version: stored.price_version.clone(),
    };
    let lines = arithmetic::lines(&ctx.pool, priced).await?;
    let agrees = lines.as_deref().map(|lines| {
        arithmetic::total(lines).is_some_and(|total| stored.cost_nanos == Some(total.0))
    });
    let latency = |micros: Option<i64>| micros.map(|micros| millis(micros as f64));
    let span = |id: i64| SpanId(id.cast_unsigned()).to_string();
    let currency = &ctx.settings.currency;
    let converted_cost = stored
        .cost_nanos
        .filter(|_| currency.code().is_some())
        .map(|nanos| currency.convert(nanos, created_at));
    let stated = stored.usage_source != "none";
    Ok(ShowRow {
        id: stored.id,
        created_at: Some(stored.created_at.into()),
        finished_at: Some(stored.finished_at.into()),
        state: stored.state,
        http_status: stored.http_status,
        error_type: stored.error_type,
        error_code: stored.error_code,
        finish_reason: stored.finish_reason,
        provider: stored.provider,
        api: stored.api,
        requested_model: stored.requested_model,
        served_model: stored.served_model,
        service_tier: stored.service_tier,
        streamed: stored.streamed,
        agent: stored.agent,
        user: stored.user,
        token: stored.token,
        session_id: stored.session_id,
        conversation_id: stored.conversation_id,
        conversation_derived: stored.conversation_derived,
        trace_id: TraceId(stored.trace_id).to_string(),
        span_id: span(stored.span_id),
        parent_span_id: stored.parent_span_id.map(span),
        provider_request_id: stored.provider_request_id,
        response_id: stored.response_id,
        tool_calls: stored
            .tool_calls
            .map(|names| names.split(',').map(str::to_owned).collect())
            .unwrap_or_default(),
        usage_source: Some(stored.usage_source),
        usage_injected: stored.usage_injected,
        tokens: stated.then_some(tokens),
        usage_extra: stored.usage_extra,
        raw_usage: stored.raw_usage,
        cost: stored.cost_nanos.map(|nanos| Nanos(nanos).to_usd()),
        converted_cost,
        price_version: stored.price_version,
        arithmetic: lines.unwrap_or_default(),
        arithmetic_agrees: agrees,
        latency_ms: latency(stored.latency_us),
        ttfb_ms: latency(stored.ttfb_us),
        request_bytes: stored.request_bytes,
        response_bytes: Some(stored.response_bytes),
    })
}

/// A request without a final state.
pub(super) async fn under_way(ctx: &Ctx, created_at: OffsetDateTime, id: Uuid) -> Result<ShowRow> {
    let stored = sqlx::query_file!("src/questions/requests/under_way.sql", id)
        .fetch_one(&ctx.pool)
        .await?;
    let context: RequestContext = serde_json::from_value(stored.context)
        .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(ShowRow {
        id,
        created_at: Some(created_at.into()),
        state: under_way_state(created_at, ctx.clock.now())
            .as_str()
            .to_owned(),
        provider: context.provider,
        api: context.api.as_str().to_owned(),
        requested_model: context.requested_model,
        streamed: context.streamed,
        agent: context.agent,
        user: context.user,
        token: context.token,
        session_id: context.session_id,
        conversation_id: context.conversation_id,
        conversation_derived: context.conversation_derived,
        trace_id: context.trace_id.to_string(),
        span_id: context.span_id.to_string(),
        parent_span_id: context.parent_span_id.map(|id| id.to_string()),
        request_bytes: i64::try_from(context.request_bytes).unwrap_or(i64::MAX),
        ..ShowRow::default()
    })
}
