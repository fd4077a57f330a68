//! Rows of `ai_requests`, column by column, as `unnest` takes them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use sqlx::postgres::PgRow;
use sqlx::{Column as _, PgConnection, Row as _, TypeInfo as _};
use systemprompt_domain::Usage;
use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::ids::time_of;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::audit::digest;

/// Text as PostgreSQL takes it, where there is any.
type Text<'a> = Option<Cow<'a, str>>;

/// Text as PostgreSQL takes it: it has no NUL, JSON strings may.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}").into()
    } else {
        text.into()
    }
}

pub(crate) fn text(value: Option<&str>) -> Text<'_> {
    value.map(clean)
}

/// Declares the columns once: a vector each, filled from a request, bound in
/// the order of `insert_requests.sql`.
macro_rules! columns {
    ($request:ident, $context:ident, $tokens:ident; $($name:ident: $type:ty = $value:expr,)+) => {
        /// Requests as rows.
        #[derive(Default)]
        pub(super) struct Columns<'a> {
            $($name: Vec<$type>,)+
        }

        impl<'a> Columns<'a> {
            fn push(&mut self, $request: &'a RequestFinished) {
                let $context = &$request.context;
                let $tokens = $request.usage.total();
                $(self.$name.push($value);)+
            }

            async fn insert(&self, db: &mut PgConnection) -> Result<Vec<Uuid>, sqlx::Error> {
                sqlx::query_scalar(include_str!("insert_requests.sql"))
                    $(.bind(&self.$name))+
                    .fetch_all(db)
                    .await
            }

            /// Adds the columns of the nth row to what is hashed of it.
            fn digest(&self, n: usize, text: &mut digest::Text) -> [u8; 32] {
                text.clear();
                $(text.add(stringify!($name), &self.$name[n]);)+
                text.digest()
            }
        }
    };
}

columns! {
    r, c, tokens;
    id: Uuid = c.id.0,
    created_at: OffsetDateTime = c.created_at,
    trace_id: Uuid = c.trace_id.0,
    span_id: i64 = c.span_id.0.cast_signed(),
    parent_span_id: Option<i64> = c.parent_span_id.map(|s| s.0.cast_signed()),
    user_id: Text<'a> = text(c.user.as_deref()),
    agent: Text<'a> = text(c.agent.as_deref()),
    token: Text<'a> = text(c.token.as_deref()),
    session_id: Text<'a> = text(c.session_id.as_deref()),
    conversation_id: Text<'a> = text(c.conversation_id.as_deref()),
    conversation_derived: bool = c.conversation_derived,
    provider: Text<'a> = text(Some(&c.provider)),
    api: &'static str = c.api.as_str(),
    requested_model: Text<'a> = text(c.requested_model.as_deref()),
    served_model: Text<'a> = text(r.served_model.as_deref()),
    provider_request_id: Text<'a> = text(r.provider_request_id.as_deref()),
    response_id: Text<'a> = text(r.response_id.as_deref()),
    streamed: bool = c.streamed,
    service_tier: Text<'a> = text(r.usage.service_tier.as_deref()),
    state: &'static str = r.state.as_str(),
    http_status: Option<i16> = r.http_status.map(u16::cast_signed),
    error_type: Text<'a> = text(r.error_type.as_deref()),
    error_code: Text<'a> = text(r.error_code.as_deref()),
    finish_reason: Text<'a> = text(r.finish_reason.as_deref()),
    tool_calls: Text<'a> = tool_calls(r),
    usage_source: &'static str = r.usage_source.as_str(),
    usage_injected: bool = r.usage_injected,
    input: i64 = tokens.input.cast_signed(),
    cache_read: i64 = tokens.cache_read.cast_signed(),
    cache_write_5m: i64 = tokens.cache_write_5m.cast_signed(),
    cache_write_1h: i64 = tokens.cache_write_1h.cast_signed(),
    audio_input: i64 = tokens.audio_input.cast_signed(),
    tool_input: i64 = tokens.tool_input.cast_signed(),
    output: i64 = tokens.output.cast_signed(),
    reasoning: i64 = tokens.reasoning.cast_signed(),
    audio_output: i64 = tokens.audio_output.cast_signed(),
    usage_extra: Text<'a> = usage_extra(&r.usage, &r.other_price_versions),
    raw_usage: Text<'a> = raw_usage(r),
    cost_nanos: Option<i64> = r.cost.map(|cost| cost.0),
    price_version: Text<'a> = text(r.price_version.as_deref()),
    latency_us: Option<i64> = r.latency_us.map(u64::cast_signed),
    ttfb_us: Option<i64> = r.ttfb_us.map(u64::cast_signed),
    request_bytes: i64 = c.request_bytes.cast_signed(),
    response_bytes: i64 = r.response_bytes.cast_signed(),
    finished_at: OffsetDateTime = r.finished_at,
}

impl<'a> Columns<'a> {
    pub(super) fn of(finished: &[&'a RequestFinished]) -> Self {
        let mut columns = Self::default();
        for request in finished {
            columns.push(request);
        }
        columns
    }

    /// Inserts the requests; answers the ids of those that were not there yet.
    pub(super) async fn store(&self, db: &mut PgConnection) -> Result<Vec<Uuid>, sqlx::Error> {
        if self.id.is_empty() {
            return Ok(Vec::new());
        }
        self.insert(db).await
    }

    /// The digests of the rows, by the requests' ids.
    pub(super) fn digests(&self) -> impl Iterator<Item = (Uuid, [u8; 32])> {
        let mut text = digest::Text::default();
        self.id
            .iter()
            .enumerate()
            .map(move |(n, id)| (*id, self.digest(n, &mut text)))
    }
}

/// The digests of those of the requests that are stored, as they were when they
/// were stored: a corrected cost is what it was before, if the run that corrected
/// it is one of `runs`. `None` where the row cannot be one that was recorded.
pub(crate) async fn digests(
    db: &mut PgConnection,
    ids: &[Uuid],
    runs: &BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, Option<[u8; 32]>>, sqlx::Error> {
    let moments = ids.iter().filter_map(|id| time_of(*id));
    let (Some(first), Some(last)) = (moments.clone().min(), moments.max()) else {
        return Ok(BTreeMap::new());
    };
    let rows = sqlx::query(include_str!("stored_requests.sql"))
        .bind(ids)
        .bind(first - Duration::SECOND)
        .bind(last + Duration::SECOND)
        .fetch_all(db)
        .await?;
    let mut text = digest::Text::default();
    let digests = rows.iter().map(|row| {
        let corrected: Option<Vec<Uuid>> = row.try_get("runs")?;
        let explained = corrected.is_none_or(|of| of.iter().all(|run| runs.contains(run)));
        let digest = stored_digest(row, &mut text)?;
        Ok((row.try_get("id")?, Some(digest).filter(|_| explained)))
    });
    digests.collect()
}

/// The digest of a row as `stored_requests.sql` gives it.
fn stored_digest(row: &PgRow, text: &mut digest::Text) -> Result<[u8; 32], sqlx::Error> {
    text.clear();
    for (n, column) in row.columns().iter().enumerate() {
        let name = column.name();
        match column.type_info().name() {
            "UUID" => text.add(name, &row.try_get::<Option<Uuid>, _>(n)?),
            "TIMESTAMPTZ" => text.add(name, &row.try_get::<Option<OffsetDateTime>, _>(n)?),
            "BOOL" => text.add(name, &row.try_get::<Option<bool>, _>(n)?),
            "INT8" => text.add(name, &row.try_get::<Option<i64>, _>(n)?),
            "INT2" => text.add(name, &row.try_get::<Option<i16>, _>(n)?),
            "TEXT" => text.add(name, &row.try_get::<Option<&str>, _>(n)?),
            // The runs, which are last.
            _ => {}
        }
    }
    Ok(text.digest())
}

fn tool_calls(request: &RequestFinished) -> Text<'_> {
    if request.tool_calls.is_empty() {
        None
    } else {
        text(Some(&request.tool_calls.join(","))).map(|names| names.into_owned().into())
    }
}

/// The raw usage, if `jsonb` can hold it: no `\u0000`, no lone surrogates, no
/// numbers beyond all measure. Otherwise the request goes without.
fn raw_usage(request: &RequestFinished) -> Text<'_> {
    let raw = request.raw_usage.as_deref()?;
    let sound = !raw.contains("\\u0000") && serde_json::from_str::<serde_json::Value>(raw).is_ok();
    sound.then_some(raw.into())
}

/// What the token columns cannot say, as JSON; most requests have nothing.
pub(crate) fn usage_extra<'a>(usage: &Usage, other_price_versions: &[String]) -> Text<'a> {
    let mut extra = serde_json::Map::new();
    if !usage.other_models.is_empty() {
        let others = usage.other_models.iter().enumerate().map(|(n, other)| {
            serde_json::json!({
                "model": text(Some(&other.model)),
                "tokens": other.tokens,
                "price_version": other_price_versions.get(n),
            })
        });
        extra.insert("other_models".into(), others.collect());
    }
    if !usage.calls.is_empty() {
        extra.insert("calls".into(), serde_json::json!(usage.calls));
    }
    for (name, value) in [("speed", &usage.speed), ("region", &usage.region)] {
        if let Some(value) = text(value.as_deref()) {
            extra.insert(name.into(), value.into());
        }
    }
    (!extra.is_empty()).then(|| serde_json::Value::Object(extra).to_string().into())
}
