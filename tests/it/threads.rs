//! What joins requests: traces from outside, conversations named or derived.

use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;

use crate::system::{CHAT, GENERATE, MESSAGES, RESPONSES, Stored, System};

async fn conversation(system: &System, path: &str, body: Value) -> Stored {
    let answer = system.post(path, "", &body).await;
    assert!(answer.status.is_success(), "{path}: {}", answer.text());
    system.row(&answer).await
}

#[tokio::test]
async fn a_trace_is_joined_and_goes_on_upstream() {
    let system = System::start().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let headers = [("traceparent", parent.as_str()), ("tracestate", "vendor=1")];
    let answer = system
        .post_with(MESSAGES, &headers, &json!({"model": "m"}))
        .await;
    assert_eq!(answer.header("x-systemprompt-trace-id"), trace);
    let row = system.row(&answer).await;
    assert_eq!(row.0.get::<Uuid, _>("trace_id").simple().to_string(), trace);
    assert_eq!(row.number("parent_span_id"), Some(0x00f0_67aa_0ba9_02b7));
    let span = row.number("span_id").unwrap().cast_unsigned();
    let call = system.upstream.calls().pop().unwrap();
    assert_eq!(
        call.headers["traceparent"],
        format!("00-{trace}-{span:016x}-01")
    );
    assert_eq!(call.headers["tracestate"], "vendor=1");
    let kept = "select count(*) from traces t join ai_requests r using (trace_id) \
        where t.first_at = r.created_at and t.last_at = r.created_at";
    assert_eq!(
        system.scalar(kept).await.unwrap(),
        1,
        "a foreign id is found again"
    );

    for headers in [&[][..], &[("traceparent", "00-not-a-trace-01")]] {
        let answer = system
            .post_with(MESSAGES, headers, &json!({"model": "m"}))
            .await;
        let row = system.row(&answer).await;
        let id: Uuid = row.0.get("trace_id");
        assert_eq!(id.get_version_num(), 7, "an id of our own carries its time");
        assert_eq!(
            answer.header("x-systemprompt-trace-id"),
            id.simple().to_string()
        );
        assert_eq!(row.number("parent_span_id"), None);
    }
    assert!(
        !system.upstream.calls()[1]
            .headers
            .contains_key("traceparent")
    );
}

#[tokio::test]
async fn the_turns_of_a_conversation_are_known_by_its_opening() {
    let system = System::start().await;
    let message = |role: &str, text: &str| json!({"role": role, "content": text});
    let part = |role: &str, text: &str| json!({"role": role, "parts": [{"text": text}]});
    for (path, field, say) in [
        (
            MESSAGES,
            "messages",
            &message as &dyn Fn(&str, &str) -> Value,
        ),
        (CHAT, "messages", &message),
        (RESPONSES, "input", &message),
        (GENERATE, "contents", &part),
    ] {
        let assistant = if path == GENERATE {
            "model"
        } else {
            "assistant"
        };
        let said = |turns: &[Value]| json!({"model": "m", field: turns});
        let opening = format!("{path}: which city?");
        let turns = [
            say("user", &opening),
            say(assistant, "Paris"),
            say("user", "and the other one?"),
        ];
        let first = conversation(&system, path, said(&turns[..1])).await;
        let second = conversation(&system, path, said(&turns)).await;
        let other = conversation(&system, path, said(&[say("user", "something else")])).await;
        let id = first.text("conversation_id");
        assert_eq!(id.len(), 32, "{path}: a hash");
        assert!(first.flag("conversation_derived"), "{path}");
        assert_eq!(second.text("conversation_id"), id, "{path}");
        assert_ne!(other.text("conversation_id"), id, "{path}");
        let mut turns: Vec<i64> =
            sqlx::query_scalar("select requests from conversations where conversation_id = $1")
                .bind(&id)
                .fetch_all(system.db.pool())
                .await
                .unwrap();
        assert_eq!(turns.pop(), Some(2), "{path}");
    }
    let headers = [("x-systemprompt-conversation", "c-1")];
    let answer = system
        .post_with(MESSAGES, &headers, &json!({"model": "m"}))
        .await;
    let row = system.row(&answer).await;
    assert_eq!(row.text("conversation_id"), "c-1");
    assert!(!row.flag("conversation_derived"));
}

#[tokio::test]
async fn an_answer_that_is_continued_joins_its_conversation() {
    let system = System::start().await;
    let mut previous: Option<String> = None;
    let mut conversations = Vec::new();
    for (turn, stream) in [false, true, false].into_iter().enumerate() {
        let mut body = json!({"model": "m", "input": format!("turn {turn}"), "stream": stream});
        if let Some(previous) = &previous {
            body["previous_response_id"] = previous.as_str().into();
        }
        let row = conversation(&system, RESPONSES, body).await;
        previous = Some(row.text("response_id"));
        conversations.push(row.text("conversation_id"));
    }
    assert!(!conversations[0].is_empty());
    assert!(
        conversations.iter().all(|id| *id == conversations[0]),
        "{conversations:?}"
    );

    let body = json!({"model": "m", "input": "a", "conversation": {"id": "conv_7"}});
    let row = conversation(&system, RESPONSES, body).await;
    assert_eq!(row.text("conversation_id"), "conv_7");
    assert!(!row.flag("conversation_derived"));
}

#[tokio::test]
async fn the_provider_s_own_user_fields_are_read() {
    let system = System::start().await;
    for (path, body) in [
        (
            MESSAGES,
            json!({"model": "m", "metadata": {"user_id": "u-1"}}),
        ),
        (CHAT, json!({"model": "m", "user": "u-1"})),
        (
            CHAT,
            json!({"model": "m", "user": "u-2", "safety_identifier": "u-1"}),
        ),
        (RESPONSES, json!({"model": "m", "safety_identifier": "u-1"})),
    ] {
        let row = conversation(&system, path, body).await;
        assert_eq!(row.text("user_id"), "u-1", "{path}");
    }
}
