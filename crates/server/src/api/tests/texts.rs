//! Text in parameters: what the database has no place for never gets there.

use axum::http::StatusCode;
use serde_json::Value;
use systemprompt_reporting::{QUERIES, Scope};

use super::{get_json, nowhere, openapi, questions};

#[tokio::test]
async fn no_text_gets_to_the_database_that_it_has_no_place_for() {
    let mut tried = 0;
    for entry in QUERIES {
        let schema = entry.params();
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let kind = property["type"].to_string() + &property["items"]["type"].to_string();
            if !kind.contains("string") {
                continue;
            }
            let path = format!("{}?{name}=a%00b", openapi::path(entry));
            let router = questions(&nowhere(), Scope::everything());
            let (status, body) = get_json(router, &path).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {body}");
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

/// Whoever makes requests from the document is told so.
#[test]
fn the_document_says_so_of_every_text() {
    let document = super::document();
    let paths = document["paths"].as_object().expect("paths");
    let mut said = 0;
    for entry in QUERIES {
        let parameters = &paths[&openapi::path(entry)]["get"]["parameters"];
        for parameter in parameters.as_array().expect("parameters") {
            let schema = &parameter["schema"];
            let text = schema.get("items").unwrap_or(schema);
            if !text["type"].to_string().contains("string") {
                continue;
            }
            let narrow = ["pattern", "enum", "format", "anyOf"];
            assert!(
                narrow.iter().any(|word| text[word] != Value::Null),
                "{parameter}"
            );
            said += 1;
        }
    }
    assert!(said > 100, "{said}");
}
