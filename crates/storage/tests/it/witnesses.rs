//! What others saw as well as we did counts once, in whatever order it is told.

use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::ids::BootId;
use systemprompt_domain::tool::Via;
use systemprompt_domain::{Event, RequestState, Sampling, SpanId, ToolCalled, TraceId};
use systemprompt_testkit::db::TestDb;
use systemprompt_testkit::events::tool_called;
use uuid::Uuid;

use crate::writer::{
    append, assert_exact, context, count, end, finished, sampling_writer, spool, writer,
};

/// A request in `trace`, that the provider answered as `response`.
fn request(trace: TraceId, response: &str) -> RequestFinished {
    let mut context = context(60, 1, 1, 1);
    context.trace_id = trace;
    context.parent_span_id = Some(SpanId(1));
    RequestFinished {
        response_id: Some(response.to_owned()),
        ..finished(context, RequestState::Completed, 100, 1)
    }
}

fn reported(request: RequestFinished) -> Event {
    Event::RequestReported(Box::new(request))
}

fn call(trace: TraceId, caller: u64, via: Via) -> Event {
    let of = context(60, 1, 1, 1);
    Event::ToolCalled(Box::new(ToolCalled {
        parent_span_id: Some(SpanId(caller)),
        via,
        ..tool_called(of.id.0, of.created_at, trace)
    }))
}

const REQUESTS: &str = "select count(*) from ai_requests";
const COUNTED: &str = "select sum(requests)::bigint from usage_day where cube = 'total'";
const CALLS: &str = "select count(*) from mcp_tool_executions";

#[tokio::test]
async fn a_request_of_two_witnesses_counts_once() {
    let (dir, db) = (tempfile::tempdir().expect("a folder"), TestDb::new().await);
    let spool = spool(dir.path());
    let mut writer = writer(&db, &spool, BootId::new()).await;
    let (trace, other) = (TraceId(Uuid::from_u128(1)), TraceId(Uuid::from_u128(2)));

    // In one batch, the report first.
    append(&spool, &reported(request(trace, "msg_1")));
    append(&spool, &end(request(trace, "msg_1")));
    spool.flush().await;
    writer.drain().await.expect("it drains");
    assert_eq!(count(db.pool(), REQUESTS).await, 1);
    // In a later one, twice.
    for _ in 0..2 {
        append(&spool, &reported(request(trace, "msg_1")));
    }
    spool.flush().await;
    writer.drain().await.expect("it drains");
    assert_eq!(count(db.pool(), REQUESTS).await, 1);
    // Another answer, another trace, and what has no id of an answer, are others.
    append(&spool, &reported(request(trace, "msg_2")));
    append(&spool, &reported(request(other, "msg_1")));
    let anonymous = RequestFinished {
        response_id: None,
        ..request(trace, "")
    };
    append(&spool, &reported(anonymous.clone()));
    append(&spool, &reported(anonymous));
    spool.flush().await;
    writer.drain().await.expect("it drains");
    assert_eq!(count(db.pool(), REQUESTS).await, 4);
    // Two instruments of one process, of which neither is ours.
    append(&spool, &reported(request(other, "msg_1")));
    spool.flush().await;
    writer.drain().await.expect("it drains");
    assert_eq!(count(db.pool(), REQUESTS).await, 4);
    assert_eq!(count(db.pool(), COUNTED).await, 4);
    assert_exact(&db).await;
}

#[tokio::test]
async fn requests_without_detail_are_known_as_well() {
    let (dir, db) = (tempfile::tempdir().expect("a folder"), TestDb::new().await);
    let spool = spool(dir.path());
    let none = Sampling::new(0.000_001);
    let mut writer = sampling_writer(&db, &spool, BootId::new(), none).await;
    let trace = TraceId(Uuid::from_u128(1));
    append(&spool, &end(request(trace, "msg_1")));
    spool.flush().await;
    writer.drain().await.expect("it drains");
    append(&spool, &reported(request(trace, "msg_1")));
    append(&spool, &reported(request(trace, "msg_2")));
    spool.flush().await;
    writer.drain().await.expect("it drains");
    assert_eq!(count(db.pool(), REQUESTS).await, 0);
    assert_eq!(count(db.pool(), COUNTED).await, 2);
}

#[tokio::test]
async fn a_tool_call_of_proxy_client_and_server_counts_once() {
    let (dir, db) = (tempfile::tempdir().expect("a folder"), TestDb::new().await);
    let spool = spool(dir.path());
    let mut writer = writer(&db, &spool, BootId::new()).await;
    let trace = TraceId(Uuid::from_u128(1));
    append(&spool, &call(trace, 7, Via::Proxy));
    append(&spool, &call(trace, 7, Via::Otlp));
    spool.flush().await;
    writer.drain().await.expect("it drains");
    append(&spool, &call(trace, 7, Via::Otlp));
    append(&spool, &call(trace, 8, Via::Otlp));
    // The proxy tells of each call that it passes, whatever its client says.
    append(&spool, &call(trace, 7, Via::Proxy));
    spool.flush().await;
    writer.drain().await.expect("it drains");
    assert_eq!(count(db.pool(), CALLS).await, 3);
    assert_exact(&db).await;
}
