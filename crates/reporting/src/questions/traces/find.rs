//! From an id, or the beginning of one, to the traces that are meant.

use std::collections::{BTreeMap, BTreeSet};

use systemprompt_domain::ids::beginning_with;
use time::Duration;
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::kept;
use crate::questions::requests::{candidates, moment};

/// No more traces of a session are shown. More would be no screen.
const MOST: i64 = 200;

/// The least that the beginning of an id has.
const LEAST: usize = 8;

/// What an id means.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The traces, in no order.
    pub(super) traces: Vec<Uuid>,
    /// The audit event, if it is what was asked for.
    pub(super) event: Option<i64>,
}

/// A meaning, and the traces that it has.
type Meanings = BTreeMap<(String, String), BTreeSet<Uuid>>;

/// Finds what is meant. A whole id is that id, whatever others begin with it.
///
/// # Errors
/// [`Error::NotFound`] if nothing is, [`Error::Usage`] if it can be told from
/// nothing else.
pub(super) async fn find(ctx: &Ctx, id: &str) -> Result<Found> {
    let ids = beginning_with(id);
    let times = ids.map(|[first, last]| [moment(first), moment(last) + Duration::MILLISECOND]);
    let event = id.parse::<i64>().ok();
    let beginning = (id.len() >= LEAST).then_some(id);
    let found = sqlx::query_file!(
        "src/questions/traces/find.sql",
        ctx.scope.only_agent(),
        ids.map(|[first, _]| first),
        ids.map(|[_, last]| last),
        times.map(|[since, _]| since),
        times.map(|[_, until]| until),
        id,
        beginning,
        event,
        MOST,
    )
    .fetch_all(&ctx.pool)
    .await?;
    let mut meanings = Meanings::new();
    for row in found {
        let traces = meanings.entry((row.kind, row.id)).or_default();
        traces.extend(row.trace_id);
    }
    match settle(id, meanings) {
        Err(Error::NotFound(none)) => {
            let began = times.map(|[since, _]| since);
            let missing = kept::missing(ctx, none, began).await?;
            Err(Error::NotFound(missing))
        }
        settled => settled,
    }
}

/// The one meaning there is.
fn settle(id: &str, mut meanings: Meanings) -> Result<Found> {
    let whole = |text: &str| plain(text) == plain(id);
    if meanings.keys().any(|(_, text)| whole(text)) {
        meanings.retain(|(_, text), _| whole(text));
    }
    let traces: BTreeSet<Uuid> = meanings.values().flatten().copied().collect();
    let mut keys = meanings.keys();
    let found = match (keys.next(), keys.next()) {
        (None, _) => return Err(missing(id)),
        // An event may be of no trace.
        (Some((kind, text)), None) => Found {
            event: text.parse().ok().filter(|_| kind == "event"),
            traces: traces.into_iter().collect(),
        },
        _ if traces.len() == 1 => Found {
            event: None,
            traces: traces.into_iter().collect(),
        },
        _ => {
            let several = meanings.keys().map(|(kind, text)| format!("{kind} {text}"));
            let several = candidates(&several.collect::<Vec<_>>());
            return Err(Error::Usage(format!("{id} is ambiguous: {several}")));
        }
    };
    Ok(found)
}

/// An id as it is compared: hyphens and cases do not matter.
fn plain(id: &str) -> String {
    id.replace('-', "").to_ascii_lowercase()
}

fn missing(id: &str) -> Error {
    let mut said = format!("no request, tool call, trace, session or audit event has the id {id}");
    let hex = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex && id.len() < LEAST && id.parse::<i64>().is_err() {
        said += &format!("; of a request or a trace, at least {LEAST} digits are needed");
    }
    Error::NotFound(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meanings(rows: &[(&str, &str, u128)]) -> Meanings {
        let mut meanings = Meanings::new();
        for (kind, id, trace) in rows {
            let key = ((*kind).to_owned(), (*id).to_owned());
            let traces = meanings.entry(key).or_default();
            traces.extend((*trace > 0).then(|| Uuid::from_u128(*trace)));
        }
        meanings
    }

    #[test]
    fn one_trace_is_meant_by_all_its_names() {
        let both = meanings(&[("request", "01-a", 7), ("trace", "01-b", 7)]);
        let found = settle("01", both).expect("one trace");
        assert_eq!(
            (found.traces, found.event),
            (vec![Uuid::from_u128(7)], None)
        );
        let session = meanings(&[("session", "s-1", 1), ("session", "s-1", 2)]);
        assert_eq!(settle("s-1", session).expect("a session").traces.len(), 2);
        let lonely = settle("12", meanings(&[("event", "12", 0)])).expect("an event");
        assert_eq!((lonely.traces, lonely.event), (Vec::new(), Some(12)));
    }

    #[test]
    fn several_are_named_and_a_whole_id_is_none_of_them() {
        let two = [("session", "chat", 1), ("session", "chat-2", 2)];
        assert_eq!(
            settle("chat", meanings(&two)).expect("whole").traces.len(),
            1
        );
        let error = settle("cha", meanings(&two)).expect_err("ambiguous");
        assert_eq!(
            error.to_string(),
            "cha is ambiguous: session chat, session chat-2"
        );
        assert!(matches!(error, Error::Usage(_)));
        let short = settle("abc", Meanings::new()).expect_err("nothing");
        assert!(matches!(short, Error::NotFound(_)));
        assert!(
            short.to_string().ends_with("at least 8 digits are needed"),
            "{short}"
        );
        for unknown in ["12", "my-session", "0123456789ab"] {
            let error = settle(unknown, Meanings::new());
            assert!(matches!(error, Err(Error::NotFound(_))), "{unknown}");
        }
    }
}
