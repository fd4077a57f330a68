//! A question with its types erased, so that the list of all is a plain static.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::ctx::Ctx;
use crate::decode;
use crate::error::{Error, Result};
use crate::query::{Answer, Query};

/// How long an answer may take, whatever the database does: its own limit, five seconds
/// a statement, holds only while it can be reached. Whoever opened the pool has to see
/// to it that a connection given up in the middle goes to nobody else.
const PATIENCE: Duration = Duration::from_secs(10);

/// A future behind a pointer.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A [`Query`] with its types erased.
#[derive(Debug)]
pub struct Entry {
    /// The words that ask it, one or two.
    pub path: &'static [&'static str],
    tool: Option<&'static str>,
    augment: fn(clap::Command) -> clap::Command,
    from_matches: fn(&clap::ArgMatches) -> Result<Value>,
    params: fn() -> Schema,
    complete: fn(Value) -> Result<Value>,
    row: fn() -> Schema,
    answer: fn() -> Schema,
    run: for<'a> fn(&'a Ctx, Value) -> BoxFuture<'a, Result<Answer<Value>>>,
}

impl Entry {
    pub(crate) const fn of<Q: Query>() -> Self {
        Self {
            path: Q::PATH,
            tool: Q::TOOL,
            augment: Q::augment_args,
            from_matches: from_matches::<Q>,
            params: || schema_of::<Q>(SchemaSettings::draft2020_12()),
            complete: |params| Ok(to_value(read::<Q>(params)?)),
            row: schema_of_row::<Q>,
            answer: || schema_of::<Answer<Q::Row>>(SchemaSettings::draft2020_12().for_serialize()),
            run: |ctx, params| Box::pin(run::<Q>(ctx, params)),
        }
    }

    /// The group it belongs to: the first word of its path.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.path[0]
    }

    /// Its name within the group; `None` if the group is the question.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        self.path.get(1).copied()
    }

    /// The name of its MCP tool.
    #[must_use]
    pub fn tool(&self) -> String {
        self.tool.map_or_else(
            || format!("analytics_{}", self.path.join("_")),
            str::to_owned,
        )
    }

    /// Whether agents ask it about themselves: it has a tool with a name of its own.
    #[must_use]
    pub const fn has_own_tool(&self) -> bool {
        self.tool.is_some()
    }

    /// What it asks, in one line.
    #[must_use]
    pub fn about(&self) -> String {
        self.description()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    /// What it asks, in full.
    #[must_use]
    pub fn description(&self) -> String {
        let params = self.params();
        params
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    /// Adds its arguments and help to a command.
    #[must_use]
    pub fn augment(&self, command: clap::Command) -> clap::Command {
        (self.augment)(command)
            .about(self.about())
            .long_about(self.description())
    }

    /// Its parameters from a command line that was parsed with
    /// [`Entry::augment`].
    ///
    /// # Errors
    /// [`Error::Usage`] if the matches are not of this question.
    pub fn from_matches(&self, matches: &clap::ArgMatches) -> Result<Value> {
        (self.from_matches)(matches)
    }

    /// Its parameters from a raw query string.
    ///
    /// # Errors
    /// [`Error::Usage`] for unknown parameters and values of the wrong type.
    pub fn decode(&self, query: &str) -> Result<Value> {
        decode::decode(&self.params(), query)
    }

    /// The same parameters with every default filled in: equal questions have
    /// equal values.
    ///
    /// # Errors
    /// [`Error::Usage`] for parameters that the question does not have or
    /// cannot take.
    pub fn complete(&self, params: Value) -> Result<Value> {
        (self.complete)(params)
    }

    /// The JSON schema of its parameters: an object without references.
    #[must_use]
    pub fn params(&self) -> Schema {
        (self.params)()
    }

    /// The JSON schema of a row. The order of its properties is the order of
    /// the columns; `x-unit` is what a column counts (`money` in the answer's
    /// currency, `usd`, `count`, `tokens`, `ms`, `duration`, `seconds`, `ratio`, `percent`,
    /// `time`, `id`).
    #[must_use]
    pub fn row(&self) -> Schema {
        (self.row)()
    }

    /// The JSON schema of the whole answer.
    #[must_use]
    pub fn answer(&self) -> Schema {
        (self.answer)()
    }

    /// Whether rows of its answer may name people: exports of those are recorded.
    #[must_use]
    pub fn names_people(&self, params: &Value) -> bool {
        params["by"] == "user" || has_user(self.row().as_value())
    }

    /// Asks it.
    ///
    /// # Errors
    /// [`Error::Usage`] for parameters that the question does not have or
    /// cannot take; else what the question says.
    pub fn run<'a>(&self, ctx: &'a Ctx, params: Value) -> BoxFuture<'a, Result<Answer<Value>>> {
        (self.run)(ctx, params)
    }
}

/// Whether a schema has a field that holds the name of a user, or several; a field
/// that counts them names nobody.
fn has_user(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => object.iter().any(|(name, value)| {
            let names = matches!(name.as_str(), "user" | "users") && {
                let kind = value["type"].to_string();
                kind.contains("string") || kind.contains("array")
            };
            names || has_user(value)
        }),
        Value::Array(items) => items.iter().any(has_user),
        _ => false,
    }
}

fn from_matches<Q: Query>(matches: &clap::ArgMatches) -> Result<Value> {
    Q::from_arg_matches(matches)
        .map(to_value)
        .map_err(|error| Error::Usage(error.to_string()))
}

fn read<Q: Query>(params: Value) -> Result<Q> {
    decode::check(&schema_of::<Q>(SchemaSettings::draft2020_12()), &params)?;
    serde_json::from_value(params).map_err(|error| Error::Usage(error.to_string()))
}

async fn run<Q: Query>(ctx: &Ctx, params: Value) -> Result<Answer<Value>> {
    let question = read::<Q>(params)?;
    let answer = tokio::time::timeout(PATIENCE, question.run(ctx)).await;
    let mut answer = answer.map_err(|_| {
        let late = format!("no answer within {} s", PATIENCE.as_secs());
        sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, late))
    })??;
    let currency = ctx.settings.currency.code().filter(|_| !Q::IN_DOLLARS);
    answer.currency = currency.map(str::to_owned);
    Ok(answer.map(to_value))
}

pub(crate) fn to_value(plain: impl serde::Serialize) -> Value {
    serde_json::to_value(plain).expect("parameters and rows are plain data")
}

/// The schema of a question's rows.
pub(crate) fn schema_of_row<Q: Query>() -> Schema {
    schema_of::<Q::Row>(SchemaSettings::draft2020_12().for_serialize())
}

/// A schema without references: tools and front ends read it as it is.
fn schema_of<T: JsonSchema>(settings: SchemaSettings) -> Schema {
    let settings = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>()
}
