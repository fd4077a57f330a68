//! Synthesised answers of OpenAI's plain interfaces: embeddings, images, models.

use super::serve::Ask;

/// `POST /v1/embeddings`: one short vector for each input, as base64 where the
/// SDK asks for it.
pub(super) fn embeddings(ask: &Ask<'_>) -> Vec<u8> {
    let Ask {
        model, behaviour, ..
    } = ask;
    // The four bytes of 0.5 and of -0.25, little-endian.
    let vector = if ask.base64 {
        r#""AAAAPwAAgL4=""#
    } else {
        "[0.5,-0.25]"
    };
    let data: Vec<String> = (0..ask.inputs)
        .map(|i| format!(r#"{{"object":"embedding","index":{i},"embedding":{vector}}}"#))
        .collect();
    let usage = match behaviour.no_usage {
        true => String::new(),
        false => format!(
            r#","usage":{{"prompt_tokens":{0},"total_tokens":{0}}}"#,
            behaviour.input
        ),
    };
    format!(
        r#"{{"object":"list","data":[{}],"model":{model}{usage}}}"#,
        data.join(",")
    )
    .into_bytes()
}

/// `POST /v1/images/generations`: billable, and nobody meters it.
pub(super) fn images(ask: &Ask<'_>) -> Vec<u8> {
    // A PNG of one transparent pixel.
    const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
    format!(
        r#"{{"created":{},"data":[{{"b64_json":"{PIXEL}"}}]}}"#,
        ask.created
    )
    .into_bytes()
}

/// `GET /v1/models`.
pub(super) fn models() -> Vec<u8> {
    br#"{"object":"list","data":[{"id":"gpt-4o","object":"model","created":1715367049,"owned_by":"system"}]}"#.to_vec()
}
