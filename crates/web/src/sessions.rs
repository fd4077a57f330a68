//! Where one visit ends and the next begins: a pure account of visitors and
//! their sessions by the times of events.
//!
//! It is what imports use, and what the database's assignment is tested
//! against.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use time::{Duration, OffsetDateTime};

/// How sessions are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The longest silence inside a session; exactly this long still joins.
    pub gap: Duration,
    /// The longest session.
    pub longest: Duration,
}

/// Thirty minutes of silence, twenty-four hours at most. Midnight cuts nothing.
impl Default for Cut {
    fn default() -> Self {
        Self {
            gap: Duration::minutes(30),
            longest: Duration::hours(24),
        }
    }
}

impl Cut {
    /// Whether an event at `at` belongs to a session of these times. Late events
    /// count like early ones: what lies within the gap of either end joins.
    #[must_use]
    pub fn joins(self, session: Span, at: OffsetDateTime) -> bool {
        let joined = session.with(at);
        at - session.last <= self.gap
            && session.first - at <= self.gap
            && joined.last - joined.first <= self.longest
    }
}

/// From the first event of a session to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When its first event happened.
    pub first: OffsetDateTime,
    /// When its last event happened, of any kind.
    pub last: OffsetDateTime,
}

impl Span {
    /// The span of one event.
    #[must_use]
    pub const fn at(at: OffsetDateTime) -> Self {
        Self {
            first: at,
            last: at,
        }
    }

    /// The span with one more event in it.
    #[must_use]
    pub fn with(self, at: OffsetDateTime) -> Self {
        Self {
            first: self.first.min(at),
            last: self.last.max(at),
        }
    }
}

/// Numbers sessions in the order in which they begin to exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionNo(pub u64);

/// Assigns events to sessions.
///
/// An event joins the latest session of its visitor that it lies within the gap
/// of, else it opens one. Sessions never merge: an event between two of them
/// joins the later one and leaves the earlier as it is.
#[derive(Clone, Debug)]
pub struct Sessions<V> {
    cut: Cut,
    /// Of each visitor, by beginning: when each session's last event happened.
    visitors: HashMap<V, BTreeMap<(OffsetDateTime, SessionNo), OffsetDateTime>>,
    next: u64,
}

impl<V: Eq + Hash> Sessions<V> {
    /// No sessions yet.
    #[must_use]
    pub fn new(cut: Cut) -> Self {
        Self {
            cut,
            visitors: HashMap::new(),
            next: 0,
        }
    }

    /// The session that a visitor's event belongs to, and whether it is new.
    pub fn assign(&mut self, visitor: V, at: OffsetDateTime) -> (SessionNo, bool) {
        let sessions = self.visitors.entry(visitor).or_default();
        // No session that begins outside of this is near enough: one look costs
        // the same however often the visitor came.
        let earliest = at
            .saturating_sub(self.cut.gap)
            .saturating_sub(self.cut.longest);
        let latest = at.saturating_add(self.cut.gap);
        let near = (earliest, SessionNo(0))..=(latest, SessionNo(u64::MAX));
        let found = sessions
            .range(near)
            .map(|((first, no), last)| {
                let span = Span {
                    first: *first,
                    last: *last,
                };
                (*no, span)
            })
            .filter(|(_, span)| self.cut.joins(*span, at))
            .max_by_key(|(no, span)| (span.last, *no));
        let (no, span, new) = match found {
            Some((no, span)) => {
                sessions.remove(&(span.first, no));
                (no, span.with(at), false)
            }
            None => {
                let no = SessionNo(self.next);
                self.next += 1;
                (no, Span::at(at), true)
            }
        };
        sessions.insert((span.first, no), span.last);
        (no, new)
    }

    /// The sessions that no event after `now` can join any more unless it is
    /// late itself; they are forgotten here.
    pub fn close(&mut self, now: OffsetDateTime) -> Vec<(SessionNo, Span)> {
        let mut closed = Vec::new();
        let gap = self.cut.gap;
        self.visitors.retain(|_, sessions| {
            sessions.retain(|(first, no), last| {
                let open = now - *last <= gap;
                if !open {
                    let span = Span {
                        first: *first,
                        last: *last,
                    };
                    closed.push((*no, span));
                }
                open
            });
            !sessions.is_empty()
        });
        closed.sort_unstable_by_key(|(no, _)| *no);
        closed
    }
}

impl<V: Eq + Hash> Default for Sessions<V> {
    fn default() -> Self {
        Self::new(Cut::default())
    }
}
