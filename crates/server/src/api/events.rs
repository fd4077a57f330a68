//! `POST /api/v1/events`: what other services report. The answer comes when the
//! events are in the database, and says of each what became of it. AI requests take
//! the way of those through the gateway: they are on disk when the answer comes.

mod body;
mod describe;
mod item;
mod pages;
mod requests;
mod tools;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::{ALLOW, CONTENT_ENCODING};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, post};
use axum::{Json, middleware};
use bytes::Bytes;
use serde::Serialize;
use systemprompt_domain::{Event, Reported};
use systemprompt_storage::events::{Events, Outcome};
use uuid::Uuid;

use self::item::{Item, Refused};
use super::error::ApiError;
use super::harden;
use crate::admin::Live;
use crate::auth::Identity;
use crate::door::body::{Fault, read};
use crate::reported::{Full, Sightings};

pub(super) use self::describe::{operation, section};

/// Where events are reported.
pub(super) const PATH: &str = "/api/v1/events";
/// The largest body: 5,000 events of usual size, several times over.
const BODY: u64 = 4 << 20;

/// The route. Every request must carry an `Extension<Arc<Identity>>`. Without a
/// store analytics is off, and every event is refused.
pub(crate) fn report(front: Front, live: Live) -> MethodRouter {
    post(take)
        .fallback(refuse_method)
        .with_state((front, live))
        .layer(middleware::map_response(harden))
}

/// Where events go, and how long a body may be silent in the middle.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    /// `None` while analytics is off.
    pub(crate) store: Option<Arc<Events>>,
    /// Where AI requests go, with their prices; `None` while analytics is off.
    pub(crate) sightings: Option<Sightings>,
    /// Whether page views are taken.
    pub(crate) pages: bool,
    pub(crate) body_idle: Duration,
}

/// What became of a batch.
#[derive(Debug, Default, Serialize)]
struct Receipt {
    stored: usize,
    duplicates: usize,
    /// On disk here, and in the numbers in a moment.
    accepted: usize,
    refused: usize,
    /// In the order of the events.
    results: Vec<Line>,
}

/// What became of one event.
#[derive(Debug, Serialize)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    result: &'static str,
    #[serde(flatten)]
    refused: Option<Refused>,
}

impl Receipt {
    fn of(items: Vec<Result<Item, Refused>>, outcomes: Vec<Outcome>) -> Self {
        let mut receipt = Self::default();
        let mut outcomes = outcomes.into_iter();
        for item in items {
            let line = match item {
                Ok(item) => {
                    let (n, result) = match &item {
                        Item::Request(_) => (&mut receipt.accepted, "accepted"),
                        Item::Event(_) => match outcomes.next() {
                            Some(Outcome::Stored) => (&mut receipt.stored, "stored"),
                            Some(Outcome::Duplicate) => (&mut receipt.duplicates, "duplicate"),
                            None => unreachable!("each stored event has an outcome"),
                        },
                    };
                    *n += 1;
                    Line {
                        id: Some(item.id()),
                        result,
                        refused: None,
                    }
                }
                Err(refused) => {
                    receipt.refused += 1;
                    Line {
                        id: None,
                        result: "refused",
                        refused: Some(refused),
                    }
                }
            };
            receipt.results.push(line);
        }
        receipt
    }
}

async fn take(
    State((front, live)): State<(Front, Live)>,
    identity: Option<Extension<Arc<Identity>>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Receipt>, ApiError> {
    // Without an identity nobody stands behind the events.
    let Extension(identity) = identity.ok_or_else(ApiError::no_ingest)?;
    if headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| encoding != "identity")
    {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send the events without content-encoding",
        ));
    }
    let Front {
        store,
        sightings,
        pages,
        body_idle,
    } = front;
    let body = whole(body, body_idle).await?;
    let pieces = body::split(&body)?;
    let (Some(store), Some(sightings)) = (store, sightings) else {
        let off = "analytics is turned off here (analytics.enabled): nothing is recorded";
        let items = pieces.iter().map(|_| Err(Refused::whole(off)));
        return Ok(Json(Receipt::of(items.collect(), Vec::new())));
    };
    let now = store.clock().now();
    let items: Vec<_> = pieces
        .into_iter()
        .map(|piece| item::read(piece, &identity, now))
        .map(|item| match item {
            Ok(Item::Event(event)) if !pages && matches!(*event, Reported::Page(_)) => Err(
                Refused::whole("page views are not taken here (web.enabled)"),
            ),
            item => item,
        })
        .collect();
    let taken = || items.iter().filter_map(|item| item.as_ref().ok());
    let requests = taken().filter_map(Item::request);
    let requests: Vec<Event> = requests
        .map(|request| {
            let mut request = request.clone();
            sightings.prices.price(&mut request);
            Event::RequestReported(Box::new(request))
        })
        .collect();
    sightings
        .put(&requests, requests::ROOM)
        .await
        .map_err(|Full| ApiError::no_room())?;
    let events: Vec<&Reported> = taken().filter_map(Item::event).collect();
    // Without any there is nothing to ask the database.
    let outcomes = match events.is_empty() {
        true => Vec::new(),
        false => {
            let stored = store.store(&events).await;
            stored.map_err(|error| ApiError::not_stored(&error))?
        }
    };
    live.touch("activity");
    Ok(Json(Receipt::of(items, outcomes)))
}

/// The whole body, if it is small enough and arrives in time. Not refused by the
/// length it announces: a batch that is a little too large is taken in as far as
/// it may be, so that its sender hears of it.
pub(super) async fn whole(body: Body, idle: Duration) -> Result<Bytes, ApiError> {
    let body = read(&HeaderMap::new(), body, BODY, idle).await;
    body.map_err(|fault| match fault {
        Fault::TooLarge => ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "the body is larger than {} MiB; send fewer events at once",
                BODY >> 20
            ),
        ),
        Fault::Stalled => ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time",
        ),
        Fault::Cut => ApiError::new(StatusCode::BAD_REQUEST, "the body broke off"),
    })
}

async fn refuse_method() -> impl IntoResponse {
    let error = ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "events are reported with POST",
    );
    ([(ALLOW, "POST")], error)
}
