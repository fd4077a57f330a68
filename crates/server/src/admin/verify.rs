//! Verifying the audit log from the page that shows it. This server does it in the
//! background, once at a time, however long it takes; the page tells how it goes.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use sqlx::PgPool;
use systemprompt_audit::Keys;
use systemprompt_reporting::present::figure::{duration, grouped};
use systemprompt_storage::audit::{AnchorFile, Options, Status, Verdict, status, verify};
use time::OffsetDateTime;
use tokio::sync::Notify;

use super::State as Shared;
use super::access::admin;
use super::frame::{escaped, moment};
use crate::login::Problem;

/// How long the answer to the button waits for the end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the page waits for the state of the log.
const LOOK: Duration = Duration::from_secs(2);
/// Faults that are shown; the command line tells all.
const SHOWN: usize = 20;

/// Verifies the log of a database. Clones are the same.
#[derive(Clone)]
pub(crate) struct Verification(Arc<Inner>);

struct Inner {
    pool: PgPool,
    /// None where this server has no keys of the log.
    keys: Option<Arc<Keys>>,
    /// The anchor of this machine.
    anchor: PathBuf,
    state: Mutex<Progress>,
    ended: Notify,
}

#[derive(Clone, Debug, Default)]
struct Progress {
    /// So many events of so many, while it goes on.
    running: Option<(u64, u64)>,
    last: Option<Last>,
}

/// The last verification.
#[derive(Clone, Debug)]
struct Last {
    at: OffsetDateTime,
    by: String,
    took: Duration,
    came: Came,
}

/// What came of it.
#[derive(Clone, Debug)]
enum Came {
    Sound {
        events: u64,
        dropped: u64,
        checkpoints: u64,
        anchors: u64,
        root: String,
    },
    /// Where, what, and in words.
    Unsound(Vec<(String, String, String)>),
    Failed(String),
}

impl Verification {
    pub(crate) fn new(pool: PgPool, keys: Option<Arc<Keys>>, anchor: PathBuf) -> Self {
        Self(Arc::new(Inner {
            pool,
            keys,
            anchor,
            state: Mutex::default(),
            ended: Notify::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, Progress> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins, if it is not under way.
    fn begin(&self, by: &str) {
        {
            let mut state = self.state();
            if state.running.is_some() {
                return;
            }
            state.running = Some((0, 0));
        }
        let (this, by) = (self.clone(), by.to_owned());
        tokio::spawn(async move {
            let began = Instant::now();
            let came = this.verify().await;
            *this.state() = Progress {
                running: None,
                last: Some(Last {
                    at: OffsetDateTime::now_utc(),
                    by,
                    took: began.elapsed(),
                    came,
                }),
            };
            this.0.ended.notify_waiters();
        });
    }

    async fn verify(&self) -> Came {
        let inner = &*self.0;
        let Some(keys) = &inner.keys else {
            return Came::Failed("this server has no keys of the log".to_owned());
        };
        let anchors = match AnchorFile::new(inner.anchor.clone()).lines() {
            Ok(lines) => lines,
            Err(error) => {
                return Came::Failed(format!(
                    "cannot read the anchor {}: {error}",
                    inner.anchor.display()
                ));
            }
        };
        let options = Options {
            anchors: &anchors,
            ..Options::default()
        };
        let progress = |done, of| self.state().running = Some((done, of));
        match verify(&inner.pool, keys, options, progress).await {
            Ok(Verdict::Sound { summary, .. }) => Came::Sound {
                events: summary.size,
                dropped: summary.dropped,
                checkpoints: summary.checkpoints,
                anchors: summary.anchors,
                root: summary.root.to_string(),
            },
            Ok(Verdict::Unsound(faults)) => {
                let findings = faults.findings.iter().map(|finding| {
                    let (name, told) = (finding.kind.name(), finding.kind.to_string());
                    (format!("event {}", finding.seq), name.to_owned(), told)
                });
                let people = faults.people.iter().map(|pseudonym| {
                    let told = "this pseudonym is not that of its name";
                    (
                        pseudonym.clone(),
                        "person_differs".to_owned(),
                        told.to_owned(),
                    )
                });
                Came::Unsound(findings.chain(people).collect())
            }
            Err(error) => {
                tracing::warn!(%error, "the audit log cannot be verified at the moment");
                Came::Failed("the database did not answer; the server's log says more".to_owned())
            }
        }
    }

    /// The panel above the events: how long the log is, and whether it is sound.
    pub(super) async fn panel(&self, admin: bool) -> String {
        let status = tokio::time::timeout(LOOK, status(&self.0.pool)).await;
        let status = status.ok().and_then(Result::ok);
        let state = self.state().clone();
        let mut out = String::from(
            "<section class=\"panel w6 facts\" id=\"verify\" aria-labelledby=\"verify-h\"><header><h2 id=\"verify-h\">Is it whole?</h2>",
        );
        if admin && state.running.is_none() {
            out.push_str(
                "<form method=\"post\" action=\"/admin/audit/verify\"><button>Verify</button></form>",
            );
        }
        out.push_str("</header>");
        facts(&mut out, status.as_ref(), &state);
        out.push_str("</section>");
        out
    }
}

fn facts(out: &mut String, status: Option<&Status>, state: &Progress) {
    let number = |n: u64| grouped(&n.to_string());
    let mut list: Vec<(&str, String)> = Vec::new();
    if let Some(status) = status {
        list.push(("Events", number(status.size)));
        list.push(("Checkpoints", number(status.checkpoints)));
        let covered = status.checkpoint.map_or_else(
            || "nothing yet".to_owned(),
            |(size, at)| format!("{} events, {} UTC", number(size), moment(at)),
        );
        list.push(("Covered by the last checkpoint", covered));
    }
    let verified = match (&state.running, &state.last) {
        (Some((done, of)), _) => format!(
            "<span class=\"tag warn\">under way</span> {} of {} events. <a href=\"/admin/audit\">Look again</a>",
            number(*done),
            number((*of).max(*done))
        ),
        (None, None) => "not by this server since its start".to_owned(),
        (None, Some(last)) => {
            let (tone, word) = match &last.came {
                Came::Sound { .. } => ("good", "sound"),
                Came::Unsound(_) => ("bad", "not what was recorded"),
                Came::Failed(_) => ("warn", "not verified"),
            };
            format!(
                "<span class=\"tag {tone}\">{word}</span> {} UTC by {}, in {}",
                moment(last.at),
                escaped(&last.by),
                duration(last.took.as_secs_f64() * 1_000.0)
            )
        }
    };
    list.push(("Verified", verified));
    let mut faults: &[(String, String, String)] = &[];
    match state.last.as_ref().map(|last| &last.came) {
        Some(Came::Sound {
            events,
            dropped,
            checkpoints,
            anchors,
            root,
        }) => {
            let dropped = match dropped {
                0 => String::new(),
                n => format!(" ({} of them removed by retention)", number(*n)),
            };
            list.push((
                "Compared",
                format!(
                    "{} events{dropped}, {} checkpoints, {} lines of anchors",
                    number(*events),
                    number(*checkpoints),
                    number(*anchors)
                ),
            ));
            list.push(("Root", format!("<code>{}</code>", escaped(root))));
        }
        Some(Came::Failed(why)) => list.push(("Why not", escaped(why))),
        Some(Came::Unsound(found)) => faults = found,
        None => {}
    }
    out.push_str("<dl class=\"facts\">");
    for (name, value) in list {
        let _ = write!(out, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    out.push_str("</dl>");
    if faults.is_empty() {
        return;
    }
    out.push_str(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Faults\"><table><thead><tr><th scope=\"col\">Where</th>\
         <th scope=\"col\">Fault</th><th scope=\"col\">What is wrong</th></tr></thead><tbody>",
    );
    for (place, name, told) in faults.iter().take(SHOWN) {
        let _ = write!(
            out,
            "<tr><td>{}</td><td><span class=\"tag bad\">{}</span></td><td class=\"long\">{}</td></tr>",
            escaped(place),
            escaped(name),
            escaped(told)
        );
    }
    out.push_str("</tbody></table></div>");
    if faults.len() > SHOWN {
        let _ = write!(
            out,
            "<p class=\"note\">{} more: systemprompt infra audit verify tells them all.</p>",
            faults.len() - SHOWN
        );
    }
}

/// `POST /admin/audit/verify`
pub(super) async fn start(
    State(shared): State<Shared>,
    visitor: crate::login::Visitor,
    request: Request,
) -> Result<Response, Problem> {
    let (session, _, _) = admin(&shared, &visitor, request).await?;
    let verification = &shared.admin.0.verification;
    let ended = verification.0.ended.notified();
    tokio::pin!(ended);
    // Heard from now on, so that an end that comes at once is not missed.
    ended.as_mut().enable();
    verification.begin(&session.user);
    let _ = tokio::time::timeout(PATIENCE, ended).await;
    Ok(Redirect::to("/admin/audit#verify").into_response())
}
