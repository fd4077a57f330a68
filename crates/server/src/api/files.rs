//! `GET /api/v1/files/reports/{name}`: a report that a job wrote. Each one that is
//! handed out is an event of the audit trail, recorded before it leaves.

use std::io;
use std::path::{Path, PathBuf};

use axum::extract::{self, Extension, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use sqlx::PgPool;
use systemprompt_domain::Clock;
use systemprompt_jobs::REPORTS;
use systemprompt_reporting::Scope;
use systemprompt_storage::exports::{self, Access};

use super::error::ApiError;
use super::{harden, questions};
use crate::auth::Reader;

/// Hands out reports.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    pool: PgPool,
}

impl Files {
    /// Those below the storage folder.
    pub(crate) fn new(storage: &Path, pool: PgPool) -> Self {
        Self {
            folder: storage.join(REPORTS),
            pool,
        }
    }
}

/// The route. Every request must carry an `Extension<Scope>` and an
/// `Extension<Reader>`.
pub(crate) fn answer(files: Files) -> MethodRouter {
    get(report)
        .fallback(questions::refuse_method)
        .with_state(files)
        .layer(middleware::map_response(harden))
}

async fn report(
    State(files): State<Files>,
    scope: Option<Extension<Scope>>,
    reader: Option<Extension<Reader>>,
    extract::Path(name): extract::Path<String>,
) -> Result<Response, ApiError> {
    let (Some(Extension(scope)), Some(Extension(reader))) = (scope, reader) else {
        return Err(ApiError::no_scope());
    };
    if scope.only_agent().is_some() {
        return Err(ApiError::about_all());
    }
    let missing =
        || ApiError::not_found("there is no such report; `systemprompt reports list` shows all");
    let media = media(&name).ok_or_else(missing)?;
    let content = read(&files.folder.join(&name)).await;
    let content = content.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => missing(),
        _ => ApiError::unread(&error),
    })?;
    let access = Access {
        file: &format!("reports/{name}"),
        bytes: content.len(),
        export: None,
        user: reader.user.as_deref(),
        agent: reader.agent.as_deref(),
        token: reader.token.as_deref(),
    };
    exports::accessed(&files.pool, access, Clock::System.now())
        .await
        .map_err(|error| ApiError::not_recorded(&error.0))?;
    let headers = [
        (CONTENT_TYPE, media.to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((headers, content).into_response())
}

/// What a file is, by its name; `None` where that is not one of a report's.
fn media(name: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let (stem, extension) = name.split_once('.')?;
    if stem.is_empty() || !stem.chars().all(plain) {
        return None;
    }
    match extension {
        "md" => Some("text/markdown; charset=utf-8"),
        "html" => Some("text/html; charset=utf-8"),
        "json" => Some("application/json"),
        _ => None,
    }
}

/// The content of a file; a link to one elsewhere is none of ours.
async fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !tokio::fs::symlink_metadata(path).await?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    tokio::fs::read(path).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_way_to_another_folder() {
        assert!(media("traffic-2026-11-28.md").is_some());
        assert!(media("prices-2026-11-28.json").is_some());
        for name in [
            "",
            ".",
            "..",
            ".md",
            "../x.md",
            "a/b.md",
            "a\\b.md",
            "a.tar.md",
            "x",
            "x.yaml",
            ".writing-1.md",
            "x.md/",
            "x\0.md",
            "ä.md",
            "%2e%2e.md",
        ] {
            assert_eq!(media(name), None, "{name:?}");
        }
    }
}
