//! Feeding bodies to a meter, whole and in pieces.

use systemprompt_domain::api::Api;
use systemprompt_meters::{Meter, Outcome};

pub(crate) const EVENTS: &str = "text/event-stream; charset=utf-8";
pub(crate) const JSON: &str = "application/json";

/// Meters a body with status 200 that comes in one piece.
pub(crate) fn meter(api: Api, content_type: &str, body: impl AsRef<[u8]>) -> Outcome {
    let mut meter = Meter::new(api, 200, content_type, "");
    meter.feed(body.as_ref());
    meter.finish()
}

/// Meters a body in the pieces given; the outcome, and the offset in the body
/// from which bytes were held.
pub(crate) fn meter_pieces<'a>(
    mut meter: Meter,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Outcome, Option<usize>) {
    let mut held = None;
    let mut offset = 0;
    for piece in pieces {
        let hold = meter.feed(piece);
        if held.is_some() {
            assert_eq!(hold, Some(0), "once held, always held");
        }
        held = held.or(hold.map(|at| offset + at));
        offset += piece.len();
    }
    (meter.finish(), held)
}

/// Cuts a body at pseudo-random places; the same seed cuts the same.
pub(crate) fn random_pieces(body: &[u8], mut seed: u64) -> impl Iterator<Item = &[u8]> {
    let mut rest = body;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // Mostly tiny pieces, now and then a large one.
        let most = [3, 40, 600, 9000][(seed >> 40) as usize % 4];
        let len = (1 + (seed >> 33) as usize % most).min(rest.len());
        let (piece, after) = rest.split_at(len);
        rest = after;
        Some(piece)
    })
}

/// An event stream of these data lines.
pub(crate) fn stream(data: &[&str]) -> String {
    data.iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect()
}
