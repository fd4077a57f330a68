//! JSON-RPC: which tool was called and how that ended, wherever the bytes are cut.

use proptest::prelude::*;
use systemprompt_domain::tool::ToolStatus;
use systemprompt_meters::rpc::{
    Answers, Calls, Client, Ended, Format, RpcId, Sent, read_listing, read_message,
};

use crate::support::random_pieces;

/// The answers in these pieces, and the tools that kept ones list.
fn answers<'a>(
    format: Format,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Vec<(RpcId, Ended, Option<usize>)> {
    let mut answers = Answers::new(format, 4096);
    let mut seen = Vec::new();
    for piece in pieces {
        answers.feed(piece, |answer| {
            let listed = answer.text.and_then(read_listing);
            seen.push((answer.id, answer.ended, listed.map(|l| l.tools.len())));
        });
    }
    seen
}

fn whole(format: Format, body: &str) -> Vec<(RpcId, Ended)> {
    let seen = answers(format, std::iter::once(body.as_bytes()));
    seen.into_iter().map(|(id, ended, _)| (id, ended)).collect()
}

fn number(id: &str) -> RpcId {
    RpcId::Number(id.to_owned())
}

#[test]
fn an_answer_tells_how_its_request_ended() {
    for (body, ended) in [
        (r#"{"id":1,"result":{}}"#, Ended::Result),
        (
            r#"{"result":{"isError":false,"content":[{"isError":true}]},"id":1}"#,
            Ended::Result,
        ),
        (
            r#"{"id":1,"result":{"content":[],"isError":true}}"#,
            Ended::ToolError,
        ),
        (
            r#"{"id":1,"result":{"resultType":"input_required"}}"#,
            Ended::NeedsInput,
        ),
        (
            r#"{"id":1,"result":{"resultType":"complete"}}"#,
            Ended::Result,
        ),
        (r#"{"id":1,"result":null}"#, Ended::Result),
        (
            r#"{"id":1,"error":{"code":-32602,"message":"no","data":{"code":7}}}"#,
            Ended::Error(Some("-32602".to_owned())),
        ),
        (r#"{"id":1,"error":{}}"#, Ended::Error(None)),
    ] {
        assert_eq!(
            whole(Format::Document, body),
            [(number("1"), ended.clone())],
            "{body}"
        );
        let line = format!("{body}\n");
        assert_eq!(
            whole(Format::Lines, &line),
            [(number("1"), ended.clone())],
            "{body}"
        );
        let event = format!("event: message\ndata: {body}\n\n");
        assert_eq!(
            whole(Format::Events, &event),
            [(number("1"), ended)],
            "{body}"
        );
    }
}

#[test]
fn what_is_no_answer_ends_nothing() {
    for body in [
        r#"{"id":1,"method":"sampling/createMessage","params":{}}"#,
        r#"{"method":"notifications/progress","params":{"progressToken":1}}"#,
        r#"{"id":null,"error":{"code":-32700}}"#,
        r#"{"id":1}"#,
        r#"{"id":1,"result":{"#,
        "hello",
        "",
    ] {
        assert_eq!(whole(Format::Document, body), [], "{body}");
    }
    // A line that is broken harms no other.
    let lines = "{\"id\":1,\"result\n{\"id\":\"1\",\"result\":{}}\n";
    assert_eq!(
        whole(Format::Lines, lines),
        [(RpcId::Text("1".to_owned()), Ended::Result)]
    );
    let batch = r#"[{"id":1,"result":{}},{"method":"x"},{"id":2,"error":{"code":-1}}]"#;
    assert_eq!(
        whole(Format::Document, batch),
        [
            (number("1"), Ended::Result),
            (number("2"), Ended::Error(Some("-1".to_owned())))
        ]
    );
}

#[test]
fn statuses_follow_from_ends() {
    assert_eq!(Ended::Result.status().0, ToolStatus::Success);
    assert_eq!(
        Ended::ToolError.status(),
        (ToolStatus::Failed, Some("tool_error"), None)
    );
    let code = Some("-32603".to_owned());
    assert_eq!(
        Ended::Error(code.clone()).status(),
        (ToolStatus::Failed, Some("rpc_error"), code)
    );
    assert_eq!(Ended::NeedsInput.status().0, ToolStatus::NeedsInput);
}

#[test]
fn a_message_tells_what_is_called() {
    let message = br#" {"jsonrpc":"2.0","id":"a-1","method":"tools/call","params":{"name":"search",
        "arguments":{"q": 1, "a": null},"_meta":{
          "traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
          "claudecode/toolUseId":"toolu_1",
          "io.modelcontextprotocol/protocolVersion":"2026-07-28",
          "io.modelcontextprotocol/clientInfo":{"name":"scout","version":"1.2"}}}}"#;
    let read = read_message(message).expect("a message");
    assert_eq!(read.method.as_deref(), Some("tools/call"));
    assert_eq!(read.name.as_deref(), Some("search"));
    let [Sent::Call(call)] = read.sent.as_slice() else {
        panic!("{read:?}")
    };
    assert_eq!(
        (&call.id, call.tool.as_str()),
        (&RpcId::Text("a-1".to_owned()), "search")
    );
    assert_eq!(call.call_id.as_deref(), Some("toolu_1"));
    assert_eq!(
        call.trace
            .map(|trace| trace.trace_id.to_string())
            .as_deref(),
        Some("4bf92f3577b34da6a3ce929d0e0e4736")
    );
    let client = Client {
        name: Some("scout".to_owned()),
        version: Some("1.2".to_owned()),
        protocol: Some("2026-07-28".to_owned()),
    };
    assert_eq!(call.client, client);
    assert_eq!(call.bytes, message.len() as u64);
    // Written otherwise, the arguments are the same.
    let again = br#"{"id":2,"method":"tools/call","params":{"arguments":{"a":null,"q":1}}}"#;
    let again = read_message(again).expect("a message");
    let [Sent::Call(other)] = again.sent.as_slice() else {
        panic!("{again:?}")
    };
    assert_eq!(other.argument_hash, call.argument_hash);
    assert!(call.argument_hash.is_some() && other.tool.is_empty());
}

#[test]
fn other_messages_are_told_apart() {
    let sent = |json: &str| read_message(json.as_bytes()).map(|message| message.sent);
    assert_eq!(
        sent(r#"{"id":3,"method":"tools/list"}"#),
        Ok(vec![Sent::List(number("3"))])
    );
    assert_eq!(
        sent(r#"{"method":"notifications/cancelled","params":{"requestId":7}}"#),
        Ok(vec![Sent::Cancelled(number("7"))])
    );
    assert_eq!(sent(r#"{"id":1,"method":"ping"}"#), Ok(Vec::new()));
    // Without an id nobody answers, so nothing ends.
    assert_eq!(
        sent(r#"{"method":"tools/call","params":{"name":"x"}}"#),
        Ok(Vec::new())
    );
    let two = sent(r#"[{"id":3,"method":"tools/list"},{"id":4,"method":"tools/call"}]"#);
    assert_eq!(two.expect("a batch").len(), 2);
    for bad in ["", "7", "[7]", "{", "\"x\"", &"[".repeat(100_000)] {
        assert!(sent(bad).is_err(), "{}", &bad[..bad.len().min(20)]);
    }
}

#[test]
fn a_definition_is_what_models_are_told() {
    let list = |tool: &str| {
        let message = format!(r#"{{"id":1,"result":{{"tools":[{tool}]}}}}"#);
        let listing = read_listing(message.as_bytes()).expect("a list");
        listing.tools.into_iter().next().expect("a tool").hash
    };
    let one = list(r#"{"name":"a","description":"x","inputSchema":{"type":"object"}}"#);
    let same = r#"{"inputSchema":{"type":"object"},"description":"x","name":"a","_meta":{"n":1}}"#;
    assert_eq!(list(same), one);
    for other in [
        r#"{"name":"a","description":"y","inputSchema":{"type":"object"}}"#,
        r#"{"name":"a","description":"x","inputSchema":{"type":"object","required":["q"]}}"#,
        r#"{"name":"a","description":"x","inputSchema":{"type":"object"},"annotations":{}}"#,
    ] {
        assert_ne!(list(other), one, "{other}");
    }
    assert_eq!(read_listing(br#"{"id":1,"result":{"content":[]}}"#), None);
}

#[test]
fn requests_that_never_end_do_not_fill_the_memory() {
    let mut calls = Calls::new(3);
    for n in 0..100 {
        let displaced = calls.begin(number(&n.to_string()), n);
        assert_eq!(displaced, (n >= 3).then(|| n - 3));
    }
    assert_eq!(calls.len(), 3);
    assert_eq!(calls.end(&number("98")), Some(98));
    assert_eq!(calls.end(&number("98")), None);
    assert_eq!(calls.begin(number("99"), 7), Some(99), "the same id again");
    assert_eq!(calls.drain().collect::<Vec<_>>(), [97, 7]);
    for n in 0..1000 {
        calls.begin(number("1"), n);
        calls.end(&number("1"));
    }
    assert!(calls.is_empty());
}

#[test]
fn a_huge_answer_is_read_in_little_memory() {
    let mut answers = Answers::new(Format::Document, 1 << 20);
    let mut seen = Vec::new();
    let mut tell = |answers: &mut Answers, piece: &[u8]| {
        answers.feed(piece, |answer| {
            seen.push((answer.ended, answer.text.is_some()));
        });
    };
    tell(
        &mut answers,
        br#"{"id":1,"result":{"content":[{"type":"text","text":""#,
    );
    let piece = vec![b'x'; 1 << 16];
    for _ in 0..256 {
        tell(&mut answers, &piece);
    }
    tell(&mut answers, br#""}],"isError":true}}"#);
    assert_eq!(seen, [(Ended::ToolError, false)]);
}

fn soup() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "\n",
        "\r\n",
        "\n\n",
        "data: ",
        "event: message\n",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\"id\":",
        "1",
        "\"1\"",
        "\"a\\u0031\"",
        "null",
        "\"result\":{",
        "\"isError\":true",
        "\"resultType\":\"input_required\"",
        "\"error\":{\"code\":-32602}",
        "\"method\":\"x\"",
        "{\"id\":1,\"result\":{\"tools\":[{\"name\":\"a\"}]}}",
        "{\"id\":\"b\",\"result\":{\"isError\":true}}",
        "data: {\"id\":2,\"error\":{\"code\":-1}}\n\n",
        "\"",
        "\\",
        "é",
        "\0",
    ];
    let word = prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec());
    let other = prop::collection::vec(any::<u8>(), 1..4);
    prop::collection::vec(prop_oneof![12 => word, 1 => other], 0..40)
        .prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn where_it_is_cut_makes_no_difference(body in soup(), seed: u64, format in 0..3_u8) {
        let format = [Format::Document, Format::Events, Format::Lines][usize::from(format)];
        let whole = answers(format, std::iter::once(body.as_slice()));
        prop_assert_eq!(&answers(format, random_pieces(&body, seed)), &whole);
        prop_assert_eq!(&answers(format, body.chunks(1)), &whole);
        // What a client sends may be anything.
        let _ = read_message(&body);
        let _ = read_listing(&body);
    }
}
