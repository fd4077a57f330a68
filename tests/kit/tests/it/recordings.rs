//! Recorded bodies come back byte for byte, whatever happens on the way.

use std::fs;
use std::path::Path;

use hyper::StatusCode;
use serde_json::json;
use systemprompt_testkit::upstream::Upstream;

use crate::client::post;

const FOLDER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/data/recordings"
);

/// The file names in the index with their statuses.
fn index() -> Vec<(String, String)> {
    let path = Path::new(FOLDER).join("index.tsv");
    let index = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let rows = index
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect::<Vec<_>>());
    rows.map(|row| (row[0].to_owned(), row[4].to_owned()))
        .collect()
}

fn target(file: &str) -> &'static str {
    match file.split('/').take(2).collect::<Vec<_>>()[..] {
        ["anthropic", _] => "/v1/messages",
        [_, "chat"] => "/v1/chat/completions",
        [_, "responses"] => "/v1/responses",
        [_, "embeddings"] => "/v1/embeddings",
        [_, "generateContent"] => "/v1beta/models/m:generateContent",
        _ => "/v1beta/models/m:streamGenerateContent?alt=sse",
    }
}

#[tokio::test]
async fn every_recording_arrives_unchanged() {
    let mock = Upstream::start(Some(Path::new(FOLDER))).await.unwrap();
    let files = index();
    assert!(files.len() > 400, "only {} recordings", files.len());
    for (i, (file, status)) in files.iter().enumerate() {
        let options = [format!("rec:{file}"), format!("rec:{file},split={i}")];
        let answer = post(&mock, target(file), &options[i % 2], &json!({"model": "m"})).await;
        assert_eq!(
            answer.bytes(),
            fs::read(Path::new(FOLDER).join(file)).unwrap(),
            "{file}"
        );
        if !status.is_empty() {
            assert_eq!(answer.status.as_str(), status, "{file}");
        }
        let sse = answer
            .header("content-type")
            .starts_with("text/event-stream");
        assert_eq!(
            sse,
            Path::new(file).extension().is_some_and(|e| e == "sse"),
            "{file}"
        );
    }
}

#[tokio::test]
async fn an_error_recorded_without_its_status_says_its_own() {
    let mock = Upstream::start(Some(Path::new(FOLDER))).await.unwrap();
    for (file, status) in [
        (
            "gemini/generateContent/vai__google-429-retry-info.json",
            StatusCode::TOO_MANY_REQUESTS,
        ),
        (
            "openai/chat/vai__reasoning-model-legacy-parameter-error.json",
            StatusCode::BAD_REQUEST,
        ),
        (
            "anthropic/messages/vai__anthropic-web-fetch-tool.error.json",
            StatusCode::OK,
        ),
    ] {
        let options = format!("rec:{file}");
        let answer = post(&mock, target(file), &options, &json!({"model": "m"})).await;
        assert_eq!(answer.status, status, "{file}");
    }
}

#[tokio::test]
async fn only_the_index_is_served() {
    let mock = Upstream::start(Some(Path::new(FOLDER))).await.unwrap();
    let ask = json!({"model": "m"});
    for file in ["index.tsv", "../README.md", "anthropic/messages/none.json"] {
        let answer = post(&mock, "/v1/messages", &format!("rec:{file}"), &ask).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    assert!(
        Upstream::start(Some(Path::new("/nonexistent")))
            .await
            .is_err()
    );
}
