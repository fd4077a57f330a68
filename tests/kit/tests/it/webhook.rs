//! The receiver of web hooks, seen by a client that shows every byte.

#![allow(clippy::unwrap_used)] // a connection that fails here fails the test

use http_body_util::Full;
use hyper::Request;
use systemprompt_testkit::client::Client;
use systemprompt_testkit::webhook::{Reply, WebhookSink};

#[tokio::test]
async fn it_keeps_posts_and_answers_as_it_is_told() {
    let sink = WebhookSink::start().await.unwrap();
    assert_eq!(sink.url("/a"), format!("http://{}/a", sink.addr));
    let busy = Reply::status(429).header("retry-after", "2").body("{}");
    sink.reply([busy, Reply::status(500)]);
    let mut client = Client::new(sink.addr);
    let mut statuses = Vec::new();
    for n in 0..3 {
        let request = Request::post(format!("/hook?n={n}"))
            .header("x-number", n)
            .body(Full::from(format!("{{\"n\":{n}}}")))
            .unwrap();
        let answer = client.send(request).await.unwrap();
        statuses.push((
            answer.status.as_u16(),
            answer.header("retry-after").to_owned(),
        ));
    }
    let expected = [(429, "2"), (500, ""), (204, "")];
    assert_eq!(
        statuses,
        expected.map(|(status, after)| (status, after.to_owned()))
    );
    let posts = sink.posts();
    assert_eq!(posts.len(), 3);
    assert_eq!(posts[2].target, "/hook?n=2");
    assert_eq!(posts[2].header("x-number"), "2");
    assert_eq!(posts[2].header("x-none"), "");
    assert_eq!(posts[2].json()["n"], 2);
}
