//! Synthesised answers of Gemini.

use super::errors;
use super::route::{GeminiStream, Wire};
use super::serve::Ask;

/// `:generateContent`.
pub(super) fn generated(ask: &Ask<'_>) -> Vec<u8> {
    let text: String = ask.behaviour.texts().collect();
    chunk(ask, &part(ask, &text), Some("STOP"), ask.behaviour.output).into_bytes()
}

/// `:streamGenerateContent`: every chunk has the running totals of usage.
pub(super) fn stream(ask: &Ask<'_>, form: GeminiStream) -> Vec<u8> {
    let mut chunks = if ask.behaviour.tool.is_some() {
        vec![chunk(
            ask,
            &part(ask, ""),
            Some("STOP"),
            ask.behaviour.output,
        )]
    } else {
        let texts: Vec<String> = ask.behaviour.texts().collect();
        let count = texts.len() as u64;
        (1..)
            .zip(&texts)
            .map(|(i, text)| {
                let finish = (i == count).then_some("STOP");
                chunk(
                    ask,
                    &part(ask, text),
                    finish,
                    ask.behaviour.output * i / count,
                )
            })
            .collect()
    };
    if ask.behaviour.midstream_error {
        chunks.truncate(1);
        chunks.push(errors::body(
            Wire::Gemini,
            503,
            ask.number,
            ask.behaviour.retry_after,
        ));
    }
    match form {
        GeminiStream::Sse => chunks
            .iter()
            .map(|chunk| format!("data: {chunk}\r\n\r\n"))
            .collect::<String>(),
        GeminiStream::JsonArray => format!("[{}\n]\n", chunks.join("\n,\r\n")),
    }
    .into_bytes()
}

/// `:embedContent` and `:batchEmbedContents`.
pub(super) fn embedded(ask: &Ask<'_>, batch: bool) -> Vec<u8> {
    let usage = match ask.behaviour.no_usage {
        true => String::new(),
        false => format!(
            r#","usageMetadata":{{"promptTokenCount":{0}}}"#,
            ask.behaviour.input
        ),
    };
    if batch {
        let all = vec![r#"{"values":[0.5,-0.25]}"#; ask.inputs].join(",");
        format!(r#"{{"embeddings":[{all}]{usage}}}"#)
    } else {
        format!(r#"{{"embedding":{{"values":[0.5,-0.25]}}{usage}}}"#)
    }
    .into_bytes()
}

/// `GET /v1beta/models`.
pub(super) fn models() -> Vec<u8> {
    br#"{"models":[{"name":"models/gemini-2.5-flash","version":"001","displayName":"Gemini 2.5 Flash","supportedGenerationMethods":["generateContent","countTokens"]}]}"#.to_vec()
}

fn part(ask: &Ask<'_>, text: &str) -> String {
    match &ask.behaviour.tool {
        Some(tool) => {
            format!(r#"{{"functionCall":{{"name":"{tool}","args":{{"city":"Paris"}}}}}}"#)
        }
        None => format!(r#"{{"text":"{text}"}}"#),
    }
}

fn chunk(ask: &Ask<'_>, part: &str, finish: Option<&str>, output: u64) -> String {
    let Ask { model, number, .. } = ask;
    let finish = finish
        .map(|f| format!(r#","finishReason":"{f}""#))
        .unwrap_or_default();
    let usage = usage(ask, output).unwrap_or_default();
    format!(
        r#"{{"candidates":[{{"content":{{"parts":[{part}],"role":"model"}}{finish},"index":0}}]{usage},"modelVersion":{model},"responseId":"mock_{number}"}}"#
    )
}

fn usage(ask: &Ask<'_>, output: u64) -> Option<String> {
    let b = ask.behaviour;
    (!b.no_usage).then(|| {
        let cached = match b.cache_read {
            0 => String::new(),
            n => format!(r#","cachedContentTokenCount":{n},"cacheTokensDetails":[{{"modality":"TEXT","tokenCount":{n}}}]"#),
        };
        let thoughts = match b.reasoning {
            0 => String::new(),
            n => format!(r#","thoughtsTokenCount":{n}"#),
        };
        format!(
            r#","usageMetadata":{{"promptTokenCount":{input},"candidatesTokenCount":{output},"totalTokenCount":{total},"promptTokensDetails":[{{"modality":"TEXT","tokenCount":{input}}}]{cached}{thoughts}}}"#,
            input = b.input,
            total = b.input + output + b.reasoning,
        )
    })
}
