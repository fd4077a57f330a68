//! What pages with forms share: what became of one, and buttons that change
//! something.

use std::fmt::Write as _;

use http::StatusCode;

use super::frame::escaped;

/// What became of a form.
pub(super) enum Told {
    Nothing,
    /// To be shown once.
    Secret {
        title: String,
        text: String,
        about: &'static str,
    },
    Done(String),
    Refused(String),
}

/// Says what became of a form; answers the page's status.
pub(super) fn tell(out: &mut String, told: &Told) -> StatusCode {
    let _ = match told {
        Told::Nothing => return StatusCode::OK,
        Told::Secret { title, text, about } => write!(
            out,
            "<section class=\"panel w6 secret\" role=\"status\"><h2>{}</h2><p><code data-copy>{}</code></p><p>{about}</p></section>",
            escaped(title),
            escaped(text)
        ),
        Told::Done(text) => write!(
            out,
            "<p class=\"done w6\" role=\"status\">{}</p>",
            escaped(text)
        ),
        Told::Refused(text) => {
            let _ = write!(
                out,
                "<p class=\"problem w6\" role=\"alert\">{}</p>",
                escaped(text)
            );
            return StatusCode::UNPROCESSABLE_ENTITY;
        }
    };
    StatusCode::OK
}

/// A button that changes something.
pub(super) fn act(
    out: &mut String,
    action: &str,
    word: &str,
    fields: &[(&str, &str)],
    whose: &str,
) {
    let _ = write!(out, "<form method=\"post\" action=\"{action}\">");
    for (name, value) in fields {
        let _ = write!(
            out,
            "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
            crate::html::Escaped(value)
        );
    }
    let _ = write!(
        out,
        "<button class=\"quiet\">{word}<span class=\"hide\"> {}</span></button></form>",
        escaped(whose)
    );
}
