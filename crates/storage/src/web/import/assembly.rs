//! The sessions of an import, while they are made of its requests.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use systemprompt_domain::web::{Visit, WebEvent};
use systemprompt_web::{Cut, RequestKind};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::utc_date;
use crate::web::bounds::Bounds;
use crate::web::judge::Judge;
use crate::web::rollups::Closed;
use crate::web::session::{Session, View};

/// How much later than others a line may stand in a log: servers write requests down
/// when they end.
const LATE: Duration = Duration::minutes(10);

#[derive(Debug)]
pub(super) struct Assembly {
    judge: Judge,
    bounds: Bounds,
    now: OffsetDateTime,
    /// Whether there were files that pages load: then their absence tells.
    assets: bool,
    /// Visitors by their hash of the day, who are counted as that of the day before.
    renamed: HashMap<Uuid, Uuid>,
    /// Those that may go on, by visitor.
    open: HashMap<Uuid, Vec<Closed>, RandomState>,
    over: Vec<Closed>,
    /// The time of the newest request.
    newest: OffsetDateTime,
    /// The requests of `over`.
    waiting: usize,
    /// The ids of all requests that are here.
    ids: HashSet<Uuid, RandomState>,
}

impl Assembly {
    pub(super) fn new(judge: Judge, bounds: Bounds, now: OffsetDateTime) -> Self {
        Self {
            judge,
            bounds,
            now,
            assets: false,
            renamed: HashMap::new(),
            open: HashMap::default(),
            over: Vec::new(),
            newest: OffsetDateTime::UNIX_EPOCH,
            waiting: 0,
            ids: HashSet::default(),
        }
    }

    /// Notes a request; `false` if it is here already.
    pub(super) fn note(&mut self, id: Uuid) -> bool {
        self.ids.insert(id)
    }

    /// The request is stored.
    pub(super) fn forget(&mut self, id: Uuid) {
        self.ids.remove(&id);
    }

    /// How many requests wait to be stored.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Puts a request into the session that it belongs to.
    pub(super) fn take(&mut self, visit: &Visit) {
        let Some(WebEvent::Hit(hit)) = visit.events.first() else {
            return;
        };
        let mut what = self.judge.asked(hit);
        self.assets |= what.kind == RequestKind::Asset;
        if what.counted {
            let day = utc_date(visit.at);
            self.bounds.page(day, &visit.site, &mut what.path);
        }
        self.newest = self.newest.max(visit.at);
        let (judge_now, imported) = (self.now, true);
        let identity = self.identity(visit, hit.id);
        let sessions = self.open.entry(identity).or_default();
        let at = match fitting(sessions, visit.at) {
            Some(at) => at,
            None => {
                let session = Session::begin(visit, identity, visit.at, imported, judge_now);
                sessions.push((session, Vec::new()));
                sessions.len() - 1
            }
        };
        let (session, views) = &mut sessions[at];
        session.hit(visit, hit, &what, judge_now);
        views.push(View::answered(visit, hit, what, session));
    }

    /// Whom a request is counted for. A visit that goes on past midnight stays one of
    /// the visitor of before.
    fn identity(&mut self, visit: &Visit, alone: Uuid) -> Uuid {
        let Some(visitor) = visit.visitor else {
            return alone;
        };
        let called = |hash: Uuid| self.renamed.get(&hash).copied().unwrap_or(hash);
        let today = called(visitor.today);
        let Some(before) = visitor.before.map(called).filter(|before| *before != today) else {
            return today;
        };
        let goes_on = |identity: &Uuid| {
            let sessions = self.open.get(identity);
            sessions.is_some_and(|sessions| fitting(sessions, visit.at).is_some())
        };
        if goes_on(&today) || !goes_on(&before) {
            return today;
        }
        self.renamed.insert(visitor.today, before);
        before
    }

    /// Ends the sessions of which nothing more can come.
    pub(super) fn end_those_over(&mut self) {
        let until = self.newest - Cut::default().gap - LATE;
        let mut ended = Vec::new();
        self.open.retain(|_, sessions| {
            ended.extend(sessions.extract_if(.., |(session, _)| session.last_seen_at < until));
            !sessions.is_empty()
        });
        self.end(ended);
    }

    /// Ends all sessions.
    pub(super) fn end_all(&mut self) {
        let all = std::mem::take(&mut self.open);
        self.end(all.into_values().flatten().collect());
    }

    fn end(&mut self, ended: Vec<Closed>) {
        for (mut session, mut views) in ended {
            views.sort_by_key(|view| (view.created_at, view.id));
            session.facts.assets_visible = self.assets;
            session.finish(&views);
            self.judge.close(&mut session);
            self.bounds.source(&mut session);
            self.waiting += views.len();
            self.over.push((session, views));
        }
    }

    /// Hands out the sessions that are over, in the order in which they began.
    pub(super) fn over(&mut self) -> Vec<Closed> {
        self.waiting = 0;
        let mut over = std::mem::take(&mut self.over);
        over.sort_by_key(|(session, _)| (session.started_at, session.id));
        over
    }
}

/// The session that takes something at `at`: of several, the latest.
fn fitting(sessions: &[Closed], at: OffsetDateTime) -> Option<usize> {
    let fitting = sessions.iter().enumerate();
    fitting
        .filter(|(_, (session, _))| session.takes(at))
        .max_by_key(|(_, (session, _))| (session.last_seen_at, session.id))
        .map(|(n, _)| n)
}
