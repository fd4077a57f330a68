//! The rows of web traffic, read and written.

use std::collections::{BTreeSet, HashMap};

use sqlx::PgConnection;
use sqlx::types::Json;
use systemprompt_domain::web::{Engagement, Visit};
use time::OffsetDateTime;
use uuid::Uuid;

use super::session::{Session, View, signed};
use super::store::derived;
use crate::writer::rows::clean;

/// Locks visitors, in order, making those that are new; answers which hash each
/// is counted as. Those of the day before are not made.
pub(super) async fn lock_visitors(
    db: &mut PgConnection,
    keys: &BTreeSet<Uuid>,
    before: &BTreeSet<Uuid>,
    now: OffsetDateTime,
) -> Result<HashMap<Uuid, Uuid>, sqlx::Error> {
    let all: BTreeSet<Uuid> = keys.union(before).copied().collect();
    let known: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "select visitor, identity from visitor_state where visitor = any($1) \
         order by visitor for update",
    )
    .bind(all.into_iter().collect::<Vec<_>>())
    .fetch_all(&mut *db)
    .await?;
    let mut identities: HashMap<Uuid, Uuid> = known.into_iter().collect();
    let new: Vec<Uuid> = keys
        .iter()
        .copied()
        .filter(|key| !identities.contains_key(key))
        .collect();
    let made: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "insert into visitor_state as v (visitor, identity, touched_at) \
         select n.visitor, n.visitor, $2 from unnest($1::uuid[]) as n (visitor) order by n.visitor \
         on conflict (visitor) do update set touched_at = greatest(v.touched_at, excluded.touched_at) \
         returning visitor, identity",
    )
    .bind(&new)
    .bind(now)
    .fetch_all(db)
    .await?;
    identities.extend(made);
    Ok(identities)
}

/// Notes as whom visitors are counted who came before midnight as well.
pub(super) async fn rename_visitors(
    db: &mut PgConnection,
    renamed: &[(Uuid, Uuid)],
) -> Result<(), sqlx::Error> {
    if renamed.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "update visitor_state v set identity = r.identity \
         from unnest($1::uuid[], $2::uuid[]) as r (visitor, identity) where v.visitor = r.visitor",
    )
    .bind(
        renamed
            .iter()
            .map(|(visitor, _)| *visitor)
            .collect::<Vec<_>>(),
    )
    .bind(
        renamed
            .iter()
            .map(|(_, identity)| *identity)
            .collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The open sessions of these visitors. They are locked: closing passes them by.
pub(super) async fn load_sessions(
    db: &mut PgConnection,
    identities: &BTreeSet<Uuid>,
) -> Result<Vec<Session>, sqlx::Error> {
    let rows: Vec<(Json<Session>,)> = sqlx::query_as(
        "select to_jsonb(s) from open_sessions s where identity = any($1) order by id for update",
    )
    .bind(identities.iter().copied().collect::<Vec<_>>())
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|(row,)| row.0).collect())
}

/// The open page views with these ids.
pub(super) async fn load_views(
    db: &mut PgConnection,
    ids: &BTreeSet<Uuid>,
) -> Result<Vec<View>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(Json<View>,)> =
        sqlx::query_as("select to_jsonb(v) from open_page_views v where id = any($1)")
            .bind(ids.iter().copied().collect::<Vec<_>>())
            .fetch_all(db)
            .await?;
    Ok(rows.into_iter().map(|(row,)| row.0).collect())
}

pub(super) async fn save_sessions(
    db: &mut PgConnection,
    sessions: &Json<Vec<&Session>>,
) -> Result<(), sqlx::Error> {
    if sessions.0.is_empty() {
        return Ok(());
    }
    sqlx::query(include_str!("save_sessions.sql"))
        .bind(sessions)
        .execute(db)
        .await?;
    Ok(())
}

pub(super) async fn save_views(
    db: &mut PgConnection,
    views: &Json<Vec<&View>>,
) -> Result<(), sqlx::Error> {
    if views.0.is_empty() {
        return Ok(());
    }
    sqlx::query(include_str!("save_views.sql"))
        .bind(views)
        .execute(db)
        .await?;
    Ok(())
}

/// Inserts requests that servers answered.
pub(super) async fn insert_answered(
    db: &mut PgConnection,
    answered: &[View],
) -> Result<(), sqlx::Error> {
    if answered.is_empty() {
        return Ok(());
    }
    let of = |f: fn(&View) -> &str| {
        answered
            .iter()
            .map(|view| clean(f(view)))
            .collect::<Vec<_>>()
    };
    sqlx::query(
        "insert into page_views (id, created_at, session_id, site, path, title, referrer, source, \
             counted, method, status, engaged_ms, events, max_scroll, clicks, pattern, imported) \
         select id, created_at, session_id, site, path, '', referrer, source, counted, method, status, \
             0, 0, null, 0, '', imported \
         from unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::text[], $5::text[], $6::text[], \
             $7::text[], $8::bool[], $9::text[], $10::smallint[], $11::bool[]) \
             as a (id, created_at, session_id, site, path, referrer, source, counted, method, status, \
                 imported) \
         on conflict do nothing",
    )
    .bind(answered.iter().map(|view| view.id).collect::<Vec<_>>())
    .bind(answered.iter().map(|view| view.created_at).collect::<Vec<_>>())
    .bind(answered.iter().map(|view| view.session_id).collect::<Vec<_>>())
    .bind(of(|view| &view.site))
    .bind(of(|view| &view.path))
    .bind(of(|view| &view.referrer))
    .bind(of(|view| &view.source))
    .bind(answered.iter().map(|view| view.counted).collect::<Vec<_>>())
    .bind(of(|view| view.method.as_deref().unwrap_or_default()))
    .bind(answered.iter().map(|view| view.status).collect::<Vec<_>>())
    .bind(answered.iter().map(|view| view.imported).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}

/// A row of `engagement_events`.
#[derive(Debug)]
pub(super) struct Engaged {
    id: Uuid,
    at: OffsetDateTime,
    session: Uuid,
    page_view: Uuid,
    site: String,
    path: String,
    seq: i32,
    engaged_ms: i32,
    max_scroll: i16,
    clicks: i32,
    outbound: Option<String>,
}

impl Engaged {
    pub(super) fn of(visit: &Visit, one: &Engagement, view: &View) -> Self {
        Self {
            id: derived(&[one.page_view.as_bytes(), &one.seq.to_be_bytes()]),
            at: visit.at,
            session: view.session_id,
            page_view: one.page_view,
            site: visit.site.clone(),
            path: view.path.clone(),
            seq: signed(one.seq),
            engaged_ms: signed(one.engaged_ms),
            max_scroll: one.max_scroll.into(),
            clicks: signed(one.clicks),
            outbound: one.outbound.clone(),
        }
    }
}

pub(super) async fn insert_engaged(
    db: &mut PgConnection,
    engaged: &[Engaged],
) -> Result<(), sqlx::Error> {
    if engaged.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into engagement_events (id, created_at, session_id, page_view_id, site, path, seq, \
             engaged_ms, max_scroll, clicks, outbound) \
         select * from unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::text[], \
             $6::text[], $7::int[], $8::int[], $9::smallint[], $10::int[], $11::text[]) \
         on conflict do nothing",
    )
    .bind(engaged.iter().map(|one| one.id).collect::<Vec<_>>())
    .bind(engaged.iter().map(|one| one.at).collect::<Vec<_>>())
    .bind(engaged.iter().map(|one| one.session).collect::<Vec<_>>())
    .bind(engaged.iter().map(|one| one.page_view).collect::<Vec<_>>())
    .bind(
        engaged
            .iter()
            .map(|one| clean(&one.site))
            .collect::<Vec<_>>(),
    )
    .bind(
        engaged
            .iter()
            .map(|one| clean(&one.path))
            .collect::<Vec<_>>(),
    )
    .bind(engaged.iter().map(|one| one.seq).collect::<Vec<_>>())
    .bind(engaged.iter().map(|one| one.engaged_ms).collect::<Vec<_>>())
    .bind(engaged.iter().map(|one| one.max_scroll).collect::<Vec<_>>())
    .bind(engaged.iter().map(|one| one.clicks).collect::<Vec<_>>())
    .bind(
        engaged
            .iter()
            .map(|one| one.outbound.as_deref().map(clean))
            .collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}
