//! `/admin/jobs`: what servers do by themselves, how it went, and doing it now. Everybody
//! who is signed in sees it; admins run, enable and disable.

use std::fmt::Write as _;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderMap;
use systemprompt_jobs::{Entry, JOBS, Outcome, Standing, find};
use systemprompt_reporting::present::figure::{duration, grouped};
use systemprompt_storage::jobs::{
    self, Ended, JobsError, Recorded, RunState, Switched, Wanted, switch,
};
use systemprompt_storage::users::{Role, Session, UsersError};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::State as Shared;
use super::access::admin;
use super::form::{Told, act, tell};
use super::frame::{escaped, moment, plain};
use super::render::tone;
use crate::login::{Problem, Visitor, page};

/// How long an answer waits for the end of a run that it began.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many runs are shown, and of how many.
const LATEST: usize = 30;
const OF: i64 = 1_000;

/// `GET /admin/jobs`
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let session = shared.admin.0.login.session(&visitor).await?;
    let session = session.ok_or(Problem::SignedOut)?;
    answer(&shared, &session, &headers, Told::Nothing).await
}

/// `POST /admin/jobs/run`: on this server, beside no other run of it.
pub(super) async fn run(
    State(shared): State<Shared>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Problem> {
    let (session, mut form, headers) = admin(&shared, &visitor, request).await?;
    let told = match find(&form.take("name")) {
        Some(job) => began(&shared, job, &session).await?,
        None => Told::Refused("There is no such job.".to_owned()),
    };
    answer(&shared, &session, &headers, told).await
}

async fn began(shared: &Shared, job: &'static Entry, by: &Session) -> Result<Told, Problem> {
    let inner = &*shared.admin.0;
    let stop = &inner.health.shutdown.stopping;
    let running = match inner.jobs.run_now(job, &by.user, stop).await {
        Ok(running) => running,
        Err(JobsError::Database(error)) => return Err(UsersError::Database(error).into()),
        Err(error) => return Ok(Told::Refused(format!("{error}."))),
    };
    let name = job.name;
    Ok(match tokio::time::timeout(PATIENCE, running).await {
        Ok(Ok(Outcome::Ended(Ended::Succeeded { result, .. }))) => {
            Told::Done(format!("{name} is done: {result}"))
        }
        Ok(Ok(Outcome::Ended(Ended::Failed { error }))) => {
            Told::Refused(format!("{name} failed: {error}"))
        }
        Ok(Ok(Outcome::GivenBack | Outcome::Taken) | Err(_)) => {
            Told::Refused(format!("{name} broke off; another server goes on with it."))
        }
        Err(_) => Told::Done(format!(
            "{name} is running. Open this page again to see how it ends."
        )),
    })
}

/// `POST /admin/jobs/switch`: on all servers, until somebody says otherwise.
pub(super) async fn switched(
    State(shared): State<Shared>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Problem> {
    let (session, mut form, headers) = admin(&shared, &visitor, request).await?;
    let enable = form.take("enable") == "yes";
    let told = match find(&form.take("name")) {
        Some(job) => {
            let inner = &*shared.admin.0;
            let configured = job.settings(inner.jobs.world.scheduler()).enabled;
            let (by, now) = (Some(&*session.user), OffsetDateTime::now_utc());
            let switched = switch(&inner.control, job.name, configured, enable, by, now).await;
            let word = if enable { "enabled" } else { "disabled" };
            let already = match switched.map_err(UsersError::Database)? {
                Switched::Changed => "",
                Switched::Unchanged => " already",
            };
            Told::Done(format!("{} is {word}{already}, on all servers.", job.name))
        }
        None => Told::Refused("There is no such job.".to_owned()),
    };
    answer(&shared, &session, &headers, told).await
}

async fn answer(
    shared: &Shared,
    session: &Session,
    headers: &HeaderMap,
    told: Told,
) -> Result<Response, Problem> {
    let inner = &*shared.admin.0;
    let pool = &inner.control;
    let wanted = Wanted {
        limit: OF,
        ..Wanted::default()
    };
    let asked = tokio::try_join!(
        jobs::known(pool),
        jobs::latest(pool),
        jobs::history(pool, wanted)
    );
    let (known, latest, mut runs) = asked.map_err(UsersError::Database)?;
    // What goes on all the time would hide all others.
    runs.retain(|run| {
        let quiet = find(&run.job).is_some_and(Entry::is_quiet);
        !quiet || run.state != RunState::Succeeded
    });
    runs.truncate(LATEST);
    let (now, scheduler) = (OffsetDateTime::now_utc(), inner.jobs.world.scheduler());
    let mut body = String::new();
    let status = tell(&mut body, &told);
    if !scheduler.enabled {
        body.push_str(
            "<p class=\"problem w6\">This server runs no jobs by itself: scheduler.enabled is false.</p>",
        );
    }
    let standings = JOBS.iter().map(|job| {
        let last = latest.iter().find(|run| run.job == job.name);
        Standing::of(job, scheduler, &known, last, now)
    });
    let standings: Vec<Standing> = standings.collect();
    jobs_table(&mut body, &standings, session.role == Role::Admin);
    runs_table(&mut body, &runs);
    let about = "What servers do by themselves, and how it went";
    let frame = plain("jobs", "Jobs", about, session, headers, inner.demo, &body);
    Ok(page(status, &frame))
}

/// A moment of RFC 3339 as the page has moments.
fn at(text: Option<&String>) -> String {
    let at = text.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    at.map_or_else(|| "–".to_owned(), moment)
}

fn jobs_table(out: &mut String, standings: &[Standing], admin: bool) {
    out.push_str(
        "<section class=\"panel w6\" aria-labelledby=\"jobs-h\"><header><h2 id=\"jobs-h\">Jobs</h2></header>\
         <div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Jobs\"><table><thead><tr>\
         <th scope=\"col\">Job</th><th scope=\"col\">State</th><th scope=\"col\">Schedule</th>\
         <th scope=\"col\">Next (UTC)</th><th scope=\"col\">Last (UTC)</th><th scope=\"col\">How it went</th>\
         <th scope=\"col\"><span class=\"hide\">Change</span></th></tr></thead><tbody>",
    );
    for job in standings {
        let (word, color) = match (job.enabled, job.decided_by) {
            (true, _) => ("enabled", "good"),
            (false, "operator") => ("disabled", "warn"),
            (false, _) => ("disabled", "plain"),
        };
        let went = match (job.last_state, &job.last_result) {
            (None, _) => "<span class=\"soft\">not yet</span>".to_owned(),
            (Some(state), result) => format!(
                "<span class=\"tag {}\">{state}</span> {}",
                tone(state),
                escaped(result.as_deref().unwrap_or_default())
            ),
        };
        let _ = write!(
            out,
            "<tr><td class=\"what\"><strong>{}</strong><br><small class=\"soft\">{}</small></td>\
             <td><span class=\"tag {color}\" title=\"Decided by the {}\">{word}</span></td>\
             <td><code>{}</code><br><small class=\"soft\">{}</small></td>\
             <td class=\"t\">{}</td><td class=\"t\">{}</td><td class=\"long\">{went}</td><td class=\"acts\">",
            job.name,
            escaped(job.about),
            job.decided_by,
            escaped(&job.schedule),
            escaped(&job.timezone),
            at(job.next.as_ref()),
            at(job.last_slot.as_ref()),
        );
        if admin {
            let (word, yes) = match job.enabled {
                true => ("Disable", "no"),
                false => ("Enable", "yes"),
            };
            act(
                out,
                "/admin/jobs/run",
                "Run now",
                &[("name", job.name)],
                job.name,
            );
            let fields = [("name", job.name), ("enable", yes)];
            act(out, "/admin/jobs/switch", word, &fields, job.name);
        }
        out.push_str("</td></tr>");
    }
    out.push_str("</tbody></table></div></section>");
}

fn runs_table(out: &mut String, runs: &[Recorded]) {
    out.push_str(
        "<section class=\"panel w6\" aria-labelledby=\"runs-h\"><header><h2 id=\"runs-h\">Latest runs</h2></header>",
    );
    if runs.is_empty() {
        out.push_str("<div class=\"empty\"><p>No job has run yet but those that run all the time. Each runs when it is due.</p></div></section>");
        return;
    }
    out.push_str(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Latest runs\"><table><thead><tr>\
         <th scope=\"col\">Job</th><th scope=\"col\">Began (UTC)</th><th scope=\"col\">State</th>\
         <th scope=\"col\" class=\"n\">Took</th><th scope=\"col\" class=\"n\">Rows</th><th scope=\"col\">By</th>\
         <th scope=\"col\">What it did</th><th scope=\"col\">Trace</th></tr></thead><tbody>",
    );
    for run in runs {
        let took = run.finished_at.map(|end| end - run.started_at);
        let trace = run.trace.to_string();
        let _ = write!(
            out,
            "<tr><td>{}</td><td class=\"t\">{}</td><td><span class=\"tag {}\">{}</span></td>\
             <td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td class=\"long\">{}</td>\
             <td><code title=\"systemprompt infra logs view --trace {trace}\">{}</code></td></tr>",
            escaped(&run.job),
            moment(run.started_at),
            tone(run.state.as_str()),
            run.state.as_str(),
            took.map_or("–".to_owned(), |took| duration(
                took.as_seconds_f64() * 1_000.0
            )),
            run.rows
                .map_or("–".to_owned(), |rows| grouped(&rows.to_string())),
            escaped(run.by.as_deref().unwrap_or("schedule")),
            escaped(
                run.result
                    .as_deref()
                    .or(run.error.as_deref())
                    .unwrap_or("–")
            ),
            trace.get(..13).unwrap_or(&trace),
        );
    }
    out.push_str("</tbody></table></div></section>");
}
