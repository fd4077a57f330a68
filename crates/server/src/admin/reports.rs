//! `/admin/reports`: the daily reports that this server wrote, to be read and kept.

use std::fmt::Write as _;
use std::io;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use systemprompt_domain::Clock;
use systemprompt_jobs::REPORTS;
use systemprompt_jobs::reports::{self, Written};
use systemprompt_reporting::present::figure::bytes;
use systemprompt_storage::exports::{self, Access};
use systemprompt_storage::users::{Role, UsersError};

use super::State as Shared;
use super::form::act;
use super::frame::{escaped, moment, plain};
use crate::login::{Problem, Visitor, page};

/// A report's page brings its style along and has no script.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'; sandbox";

/// `GET /admin/reports`
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let inner = &*shared.admin.0;
    let session = inner.login.session(&visitor).await?;
    let session = session.ok_or(Problem::SignedOut)?;
    let mut body = String::from(
        "<section class=\"panel w6\" aria-labelledby=\"reports-h\"><header><h2 id=\"reports-h\">Daily reports</h2>",
    );
    if session.role == Role::Admin {
        let job = [("name", "daily_traffic_report")];
        act(
            &mut body,
            "/admin/jobs/run",
            "Write yesterday’s now",
            &job,
            "",
        );
    }
    body.push_str("</header>");
    let folder = inner.jobs.world.folder(REPORTS);
    let found = tokio::task::spawn_blocking(move || reports::written(&folder)).await;
    match found.map_err(io::Error::other).and_then(|found| found) {
        Ok(found) if found.is_empty() => body.push_str(
            "<div class=\"empty\"><p>No report was written yet. One is written every morning, about the day before; \
             scheduler.timezone says when mornings are.</p>\
             <pre tabindex=\"0\"><code>systemprompt reports traffic --date yesterday</code></pre></div>",
        ),
        Ok(found) => table(&mut body, &found),
        Err(error) => {
            tracing::warn!(%error, "the folder of reports cannot be read");
            body.push_str(
                "<div class=\"failed\" role=\"alert\"><p>The folder of reports cannot be read. The server's log says more.</p></div>",
            );
        }
    }
    body.push_str("</section>");
    let about = "What happened each day, as it is sent to people";
    let frame = plain(
        "reports", "Reports", about, &session, &headers, inner.demo, &body,
    );
    Ok(page(StatusCode::OK, &frame))
}

fn table(out: &mut String, found: &[Written]) {
    out.push_str(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Daily reports\"><table><thead><tr>\
         <th scope=\"col\">Day</th><th scope=\"col\">Written (UTC)</th><th scope=\"col\" class=\"n\">Size</th>\
         <th scope=\"col\">Download</th></tr></thead><tbody>",
    );
    for report in found {
        let day = report.name.trim_start_matches("traffic-");
        let (day, name) = (escaped(day), escaped(&report.name));
        let read = match report.page {
            Some(_) => format!("<a href=\"/admin/reports/{name}\">{day}</a>"),
            None => day.clone(),
        };
        let _ = write!(
            out,
            "<tr><td><strong>{read}</strong></td><td class=\"t\">{}</td><td class=\"n\">{}</td>\
             <td><a href=\"/admin/reports/{name}.md\" download>Markdown<span class=\"hide\"> of {day}</span></a></td></tr>",
            report.at.map_or("–".to_owned(), moment),
            bytes(i64::try_from(report.bytes).unwrap_or(i64::MAX)),
        );
    }
    out.push_str("</tbody></table></div>");
}

/// `GET /admin/reports/{name}`: the page of a report; with `.md`, its Markdown. Either
/// is an event of the audit trail, recorded before it leaves.
pub(super) async fn read(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let inner = &*shared.admin.0;
    let session = inner.login.session(&visitor).await?;
    let session = session.ok_or(Problem::SignedOut)?;
    let markdown = name.ends_with(".md");
    let folder = inner.jobs.world.folder(REPORTS);
    let read = move || -> io::Result<Option<(Written, String)>> {
        let Some(report) = reports::find(&folder, &name)? else {
            return Ok(None);
        };
        let file = match markdown {
            true => Some(&report.markdown),
            false => report.page.as_ref(),
        };
        let text = file.map(std::fs::read_to_string).transpose()?;
        Ok(text.map(|text| (report, text)))
    };
    let read = tokio::task::spawn_blocking(read).await;
    let found = read.map_err(io::Error::other).and_then(|read| read);
    let found = found.inspect_err(|error| tracing::warn!(%error, "a report cannot be read"));
    let (report, text) = found.ok().flatten().ok_or(Problem::Missing)?;
    let ending = if markdown { "md" } else { "html" };
    let access = Access {
        file: &format!("reports/{}.{ending}", report.name),
        bytes: text.len(),
        export: None,
        user: Some(&session.user),
        agent: None,
        token: None,
    };
    exports::accessed(&inner.control, access, Clock::System.now())
        .await
        .map_err(|error| UsersError::Database(error.0))?;
    Ok(match markdown {
        true => {
            let headers = [
                (CONTENT_TYPE, "text/markdown; charset=utf-8".to_owned()),
                (
                    CONTENT_DISPOSITION,
                    // Names of reports are dates.
                    format!(
                        "attachment; filename=\"{}.md\"",
                        report.name.replace('"', "")
                    ),
                ),
            ];
            (headers, text).into_response()
        }
        false => {
            let headers = [
                (CONTENT_TYPE, "text/html; charset=utf-8"),
                (CONTENT_SECURITY_POLICY, POLICY),
            ];
            (headers, text).into_response()
        }
    })
}
