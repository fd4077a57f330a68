//! Puts events into sessions, by the time at which they happened.
//!
//! The rows of a batch's visitors are locked first, in order, so that any number
//! of servers may store events of one visitor at the same time: they make one
//! session. Everything else is read and written under these locks.

use std::collections::{BTreeSet, HashMap, HashSet};

use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use sqlx::types::Json;
use systemprompt_domain::web::{Engagement, Hit, PageView, Visit, WebEvent};
use time::{Date, OffsetDateTime, UtcOffset};
use uuid::Uuid;

use super::bounds::Bounds;
use super::judge::Judge;
use super::rows::{self, Engaged};
use super::session::{Session, View};

/// Stores visits. A repeat of a page view or of a report changes nothing.
///
/// # Errors
/// When the database fails.
pub(crate) async fn store(
    db: &mut PgConnection,
    judge: &Judge,
    bounds: &mut Bounds,
    visits: &[Visit],
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    if visits.is_empty() {
        return Ok(());
    }
    let mut work = Work::load(db, (judge, bounds), visits, now).await?;
    let mut order: Vec<(&Visit, &WebEvent)> = visits
        .iter()
        .flat_map(|visit| visit.events.iter().map(move |event| (visit, event)))
        .collect();
    // Stable: what was reported together stays in its order.
    order.sort_by_key(|(visit, _)| visit.at);
    for (visit, event) in order {
        work.take(visit, event);
    }
    work.write(db).await
}

/// What is known of a batch's visitors, and what becomes of it.
struct Work<'a> {
    judge: &'a Judge,
    bounds: &'a mut Bounds,
    now: OffsetDateTime,
    /// Which hash each hash is counted as.
    identities: HashMap<Uuid, Uuid>,
    renamed: HashSet<Uuid>,
    sessions: HashMap<Uuid, Session>,
    by_identity: HashMap<Uuid, Vec<Uuid>>,
    views: HashMap<Uuid, View>,
    touched_sessions: BTreeSet<Uuid>,
    touched_views: BTreeSet<Uuid>,
    /// Requests that servers answered: nothing more becomes of them.
    answered: Vec<View>,
    engaged: Vec<Engaged>,
}

/// What a visitor is locked by. Who asked not to be tracked is known within a page
/// view alone.
fn key(visit: &Visit, event: &WebEvent) -> Uuid {
    visit.visitor.map_or_else(
        || match event {
            WebEvent::View(view) => view.id,
            WebEvent::Engagement(one) => one.page_view,
            WebEvent::Hit(hit) => hit.id,
        },
        |visitor| visitor.today,
    )
}

impl<'a> Work<'a> {
    async fn load(
        db: &mut PgConnection,
        (judge, bounds): (&'a Judge, &'a mut Bounds),
        visits: &[Visit],
        now: OffsetDateTime,
    ) -> Result<Self, sqlx::Error> {
        let mut keys = BTreeSet::new();
        let mut before = BTreeSet::new();
        let mut views = BTreeSet::new();
        for visit in visits {
            before.extend(visit.visitor.and_then(|visitor| visitor.before));
            for event in &visit.events {
                keys.insert(key(visit, event));
                match event {
                    WebEvent::View(view) => views.insert(view.id),
                    WebEvent::Engagement(one) => views.insert(one.page_view),
                    WebEvent::Hit(_) => false,
                };
            }
        }
        let identities = rows::lock_visitors(db, &keys, &before, now).await?;
        let wanted: BTreeSet<Uuid> = identities.values().copied().collect();
        let sessions = rows::load_sessions(db, &wanted).await?;
        let views = rows::load_views(db, &views).await?;
        let mut by_identity: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for session in &sessions {
            by_identity
                .entry(session.identity)
                .or_default()
                .push(session.id);
        }
        Ok(Self {
            judge,
            bounds,
            now,
            identities,
            renamed: HashSet::new(),
            sessions: sessions.into_iter().map(|s| (s.id, s)).collect(),
            by_identity,
            views: views.into_iter().map(|view| (view.id, view)).collect(),
            touched_sessions: BTreeSet::new(),
            touched_views: BTreeSet::new(),
            answered: Vec::new(),
            engaged: Vec::new(),
        })
    }

    fn take(&mut self, visit: &Visit, event: &WebEvent) {
        match event {
            WebEvent::View(view) => self.view(visit, event, view),
            WebEvent::Engagement(one) => self.engagement(visit, event, one),
            WebEvent::Hit(hit) => self.hit(visit, event, hit),
        }
    }

    /// The open session of an identity that takes something at `at`: of several,
    /// the latest. Sessions never merge.
    fn fitting(&self, identity: Uuid, at: OffsetDateTime) -> Option<Uuid> {
        let sessions = self.by_identity.get(&identity)?.iter();
        let fitting = sessions.filter(|id| self.sessions[id].takes(at));
        fitting
            .max_by_key(|id| (self.sessions[id].last_seen_at, **id))
            .copied()
    }

    /// The session that an event belongs to, which begins with it if there is none.
    fn session(&mut self, visit: &Visit, event: &WebEvent) -> Uuid {
        let at = visit.at;
        let key = key(visit, event);
        let identity = self.identities[&key];
        if let Some(id) = self.fitting(identity, at) {
            return id;
        }
        // A visit that goes on past midnight stays one of the visitor of before.
        let before = visit.visitor.and_then(|visitor| visitor.before);
        let before = before.and_then(|before| self.identities.get(&before).copied());
        if let Some(before) = before.filter(|before| *before != identity)
            && let Some(id) = self.fitting(before, at)
        {
            self.identities.insert(key, before);
            self.renamed.insert(key);
            return id;
        }
        let session = Session::begin(visit, identity, at, false, self.now);
        let id = session.id;
        self.by_identity.entry(identity).or_default().push(id);
        self.sessions.insert(id, session);
        id
    }

    fn touch(&mut self, id: Uuid) -> &mut Session {
        self.touched_sessions.insert(id);
        self.sessions
            .get_mut(&id)
            .expect("sessions are found among these")
    }

    fn view(&mut self, visit: &Visit, event: &WebEvent, view: &PageView) {
        let now = self.now;
        if let Some(known) = self.views.get_mut(&view.id) {
            // What was reported of it came first, or it came twice.
            if known.title.is_empty() && !view.title.is_empty() {
                known.title.clone_from(&view.title);
                self.touched_views.insert(view.id);
            }
            return;
        }
        let mut view = view.clone();
        self.bounds.page(day_of(visit), &visit.site, &mut view.path);
        let id = self.session(visit, event);
        let session = self.touch(id);
        session.view(visit, &view, now);
        let made = View::begin(visit, &view, session);
        self.touched_views.insert(view.id);
        self.views.insert(view.id, made);
    }

    fn engagement(&mut self, visit: &Visit, event: &WebEvent, one: &Engagement) {
        let now = self.now;
        let session = match self.views.get(&one.page_view) {
            Some(view) => {
                let session = self.sessions.get(&view.session_id);
                // A view of somebody else's: ids cannot be guessed.
                let Some(session) = session else { return };
                if session.takes(visit.at) {
                    session.id
                } else {
                    self.go_on_anew(visit, event, one)
                }
            }
            None => {
                let view = PageView {
                    id: one.page_view,
                    path: one.path.clone(),
                    ..PageView::default()
                };
                self.view(visit, event, &view);
                self.views[&one.page_view].session_id
            }
        };
        let view = self
            .views
            .get_mut(&one.page_view)
            .expect("it was found or made above");
        if !view.is_new(one.seq) {
            return;
        }
        view.engagement(one);
        self.touched_views.insert(one.page_view);
        self.engaged.push(Engaged::of(visit, one, view));
        self.touch(session).engagement(visit, one, now);
    }

    /// A page that is looked at again after its session was over is a view of
    /// the next one; its earlier part keeps its figures under another id.
    fn go_on_anew(&mut self, visit: &Visit, event: &WebEvent, one: &Engagement) -> Uuid {
        let mut old = self.views[&one.page_view].clone();
        let (seen_to, seen_beyond) = (old.seen_to, old.seen_beyond.clone());
        let title = old.title.clone();
        old.id = derived(&[one.page_view.as_bytes(), old.session_id.as_bytes()]);
        self.touched_views.insert(old.id);
        self.views.insert(old.id, old);
        self.views.remove(&one.page_view);
        let view = PageView {
            id: one.page_view,
            path: one.path.clone(),
            title,
            ..PageView::default()
        };
        self.view(visit, event, &view);
        let made = self.views.get_mut(&one.page_view).expect("it was made");
        made.seen_to = seen_to;
        made.seen_beyond = seen_beyond;
        made.session_id
    }

    fn hit(&mut self, visit: &Visit, event: &WebEvent, hit: &Hit) {
        let now = self.now;
        let mut what = self.judge.asked(hit);
        if what.counted {
            self.bounds.page(day_of(visit), &visit.site, &mut what.path);
        }
        let id = self.session(visit, event);
        let session = self.touch(id);
        session.hit(visit, hit, &what, now);
        let answered = View::answered(visit, hit, what, session);
        self.answered.push(answered);
    }

    async fn write(mut self, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        let renamed: Vec<(Uuid, Uuid)> = self
            .renamed
            .iter()
            .map(|key| (*key, self.identities[key]))
            .collect();
        rows::rename_visitors(db, &renamed).await?;
        for id in &self.touched_sessions {
            let session = self.sessions.get_mut(id).expect("it was touched here");
            self.judge.judge(session, self.now);
            self.bounds.source(session);
        }
        let touched = self.touched_sessions.iter();
        let sessions: Vec<&Session> = touched.map(|id| &self.sessions[id]).collect();
        rows::save_sessions(db, &Json(sessions)).await?;
        let views = self
            .touched_views
            .iter()
            .filter_map(|id| self.views.get(id));
        let views: Vec<&View> = views.collect();
        rows::save_views(db, &Json(views)).await?;
        rows::insert_answered(db, &self.answered).await?;
        rows::insert_engaged(db, &self.engaged).await
    }
}

/// The UTC day of a visit.
fn day_of(visit: &Visit) -> Date {
    visit.at.to_offset(UtcOffset::UTC).date()
}

/// An id made from other things, the same every time.
pub(super) fn derived(parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
