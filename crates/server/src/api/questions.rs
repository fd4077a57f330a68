//! Asking a question over HTTP: the path names it, the query string holds its
//! parameters. An answer that is taken as a file is an event of the audit trail,
//! recorded before it leaves; one that is only read is none.

use std::io;

use axum::extract::{Extension, Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Serialize;
use serde_json::Value;
use systemprompt_reporting::present::column::Column;
use systemprompt_reporting::present::csv::Table;
use systemprompt_reporting::{Answer, Ctx, Entry, Error, Scope, default_of, find};
use systemprompt_storage::exports::{self, Access, Export};

use super::ApiState;
use super::error::ApiError;
use crate::auth::Reader;

/// An answer with the question it answers.
#[derive(Debug, Serialize)]
struct Envelope {
    question: String,
    #[serde(flatten)]
    answer: Answer<Value>,
}

impl Envelope {
    fn new(entry: &Entry, answer: Answer<Value>) -> Self {
        Self {
            question: entry.path.join(" "),
            answer,
        }
    }
}

/// `GET /api/v1/analytics/{group}/{name}`, or `/{group}` for the group's first
/// question.
pub(super) async fn ask(
    State(state): State<ApiState>,
    scope: Option<Extension<Scope>>,
    reader: Option<Extension<Reader>>,
    path: Option<Path<String>>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    // Without a scope there is no answer: an unscoped one would show all.
    let Extension(scope) = scope.ok_or_else(ApiError::no_scope)?;
    let path = path.map(|Path(path)| path).unwrap_or_default();
    let (path, file) = File::wanted(&path);
    let entry = named(path)
        .ok_or_else(|| ApiError::not_found("there is no such question; /api/docs lists all"))?;
    let query = query.unwrap_or_default();
    let params = entry
        .decode(&query)
        .map_err(|error| blame(entry, &query, error))?;
    let personal = entry.names_people(&params);
    let ctx = Ctx {
        pool: state.pool,
        settings: state.settings,
        scope,
        clock: state.clock,
    };
    let answer = entry
        .run(&ctx, params)
        .await
        .map_err(|error| blame(entry, &query, error))?;
    let rows = answer.rows.len();
    let Some(file) = file else {
        return Ok(Json(Envelope::new(entry, answer)).into_response());
    };
    let Extension(reader) = reader.ok_or_else(ApiError::no_scope)?;
    let content = file
        .write(entry, answer)
        .map_err(|error| ApiError::unwritten(&error))?;
    let (of, format) = (entry.path.join(" "), file.ending());
    let access = Access {
        file: &format!("analytics/{}", file.name(entry)),
        bytes: content.len(),
        export: personal.then_some(Export {
            of: &of,
            format,
            rows,
        }),
        user: reader.user.as_deref(),
        agent: reader.agent.as_deref(),
        token: reader.token.as_deref(),
    };
    exports::accessed(&state.trail, access, state.clock.now())
        .await
        .map_err(|error| ApiError::not_recorded(&error.0))?;
    let headers = [
        (CONTENT_TYPE, file.media().to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", file.name(entry)),
        ),
    ];
    Ok((headers, content).into_response())
}

/// A file that is asked for by the end of the path, as in `costs/summary.csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum File {
    Csv,
    Json,
}

impl File {
    fn wanted(path: &str) -> (&str, Option<Self>) {
        match path.rsplit_once('.') {
            Some((path, "csv")) => (path, Some(Self::Csv)),
            Some((path, "json")) => (path, Some(Self::Json)),
            _ => (path, None),
        }
    }

    const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    const fn media(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
        }
    }

    /// The name that a browser saves it under.
    fn name(self, entry: &Entry) -> String {
        format!("{}.{}", entry.path.join("-"), self.ending())
    }

    /// The answer as `--export` writes it.
    fn write(self, entry: &Entry, answer: Answer<Value>) -> io::Result<Vec<u8>> {
        match self {
            Self::Csv => {
                let columns = Column::of(entry.row().as_value());
                let mut out = Vec::new();
                Table::begin(&columns, &mut out)?.rows(&answer.rows)?;
                Ok(out)
            }
            Self::Json => Ok(serde_json::to_vec(&Envelope::new(entry, answer))?),
        }
    }
}

/// Any other method.
pub(super) async fn refuse_method() -> impl IntoResponse {
    ([(http::header::ALLOW, "GET, HEAD")], ApiError::method())
}

fn named(path: &str) -> Option<&'static Entry> {
    let words: Vec<&str> = path.split('/').collect();
    find(&words).or_else(|| match words.as_slice() {
        [group] => default_of(group),
        _ => None,
    })
}

/// The error for the client, with the parameter that is to blame where one is.
fn blame(entry: &Entry, query: &str, error: Error) -> ApiError {
    let Error::Usage(message) = error else {
        return error.into();
    };
    // A parameter is to blame if it alone gets the same refusal.
    let alone = |pair: &&str| {
        let refusal = entry.decode(pair).and_then(|params| entry.complete(params));
        matches!(refusal, Err(Error::Usage(refused)) if refused == message)
    };
    let given = || query.split('&').filter(|pair| !pair.is_empty());
    let missing = || missing(entry, query);
    let parameter = missing().or_else(|| given().find(alone).map(name_of));
    ApiError::usage(message, parameter)
}

/// A parameter that the question needs and the query does not have.
fn missing(entry: &Entry, query: &str) -> Option<String> {
    let schema = entry.params();
    let needed = schema
        .get("required")?
        .as_array()?
        .iter()
        .filter_map(Value::as_str);
    let given = |name: &&str| query.split('&').any(|pair| name_of(pair) == *name);
    let mut missing = needed.filter(|name| !given(name));
    missing.next().map(str::to_owned)
}

/// The name in `name=value`. Names of parameters have no characters that a
/// query string would escape.
fn name_of(pair: &str) -> String {
    pair.split('=').next().unwrap_or_default().to_owned()
}
