//! Asking: what, and how long the answer took.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use serde_json::Value;
use sqlx::PgPool;
use systemprompt_testkit::client::{Answer, Client};

use super::TIMES;

/// Periods that are asked about.
const PERIODS: [&str; 4] = ["24h", "7d", "30d", "90d"];
/// Those of them that choices and filters are tried with.
const FEW: [&str; 2] = ["24h", "90d"];

/// One question or page, by the paths that ask it: in turn, over and over.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub(super) name: String,
    /// Whether it lists the top users over more than 31 days.
    pub(super) many_users: bool,
    /// Whether it is a question over all of its time, without a choice or a filter.
    pub(super) plain: bool,
    pub(super) paths: Vec<String>,
}

/// How long it took.
pub(super) struct Asked {
    pub(super) asking: Asking,
    pub(super) first: Duration,
    pub(super) p50: Duration,
    pub(super) p95: Duration,
    /// How many of the answers had nothing to tell: something rare in a short period.
    pub(super) nothing: usize,
}

/// Asks everything once, then each again and again. What is refused is told too, with
/// the words it is refused with.
pub(super) async fn all(
    addr: SocketAddr,
    askings: Vec<Asking>,
) -> anyhow::Result<(Vec<Asked>, Vec<String>)> {
    let mut client = Client::new(addr);
    let (mut answered, mut refused) = (Vec::with_capacity(askings.len()), Vec::new());
    for asking in askings {
        let (answer, first) = ask(&mut client, addr, &asking.paths[0], None).await?;
        // Not every choice goes with every period, and not everything is there in each.
        if matches!(
            answer.status,
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND
        ) {
            refused.push(format!("{}: {}", asking.name, answer.text()));
            continue;
        }
        ensure_good(&asking.paths[0], &answer)?;
        answered.push((asking, first));
    }
    let mut asked = Vec::with_capacity(answered.len());
    for (asking, first) in answered {
        let mut taken = Vec::with_capacity(TIMES);
        let mut nothing = 0;
        for path in asking.paths.iter().cycle().take(TIMES) {
            let (answer, took) = ask(&mut client, addr, path, None).await?;
            if answer.status == StatusCode::NOT_FOUND {
                nothing += 1;
            } else {
                ensure_good(path, &answer)?;
            }
            taken.push(took);
        }
        asked.push(Asked {
            nothing,
            ..Asked::new(asking, first, taken)
        });
    }
    Ok((asked, refused))
}

impl Asked {
    pub(super) fn new(asking: Asking, first: Duration, mut taken: Vec<Duration>) -> Self {
        taken.sort_unstable();
        let at = |percent: usize| taken[(taken.len() * percent).div_ceil(100).saturating_sub(1)];
        let (p50, p95) = (at(50), at(95));
        Self {
            asking,
            first,
            p50,
            p95,
            nothing: 0,
        }
    }
}

/// A question as the server's OpenAPI document has it, which is read off the registry:
/// so none is left out.
#[derive(Debug)]
pub(super) struct Question {
    /// `costs breakdown`.
    name: String,
    path: String,
    /// Names and schemas of what it can be told.
    params: Vec<(String, Value)>,
}

/// Every question whose name begins so.
pub(super) async fn registry(addr: SocketAddr, begin: &str) -> anyhow::Result<Vec<Question>> {
    const PREFIX: &str = "/api/v1/analytics/";
    let request = Request::get("/api/v1/openapi.json").header("host", addr.to_string());
    let document = Client::new(addr)
        .send(request.body(Full::default())?)
        .await?
        .json();
    let paths = document["paths"]
        .as_object()
        .context("a document without paths")?;
    let questions = paths.iter().filter_map(|(path, operations)| {
        // The same as files have an ending.
        let name = path
            .strip_prefix(PREFIX)
            .filter(|name| !name.contains('.'))?;
        let name = name.replace('/', " ");
        let params = operations["get"]["parameters"].as_array()?;
        let params = params.iter().filter_map(|param| {
            let name = param["name"].as_str()?.to_owned();
            Some((name, param["schema"].clone()))
        });
        Some(Question {
            name,
            path: path.clone(),
            params: params.collect(),
        })
    });
    Ok(questions
        .filter(|question| question.name.starts_with(begin))
        .collect())
}

/// How long it takes from the request to the last byte of its answer, which has to be a
/// good one.
pub(super) async fn get(
    client: &mut Client,
    addr: SocketAddr,
    path: &str,
    cookie: Option<&str>,
) -> anyhow::Result<Duration> {
    let (answer, took) = ask(client, addr, path, cookie).await?;
    ensure_good(path, &answer)?;
    Ok(took)
}

fn ensure_good(path: &str, answer: &Answer) -> anyhow::Result<()> {
    ensure!(
        answer.status.is_success() && answer.cut.is_none(),
        "{path} was answered with {}: {}",
        answer.status,
        answer.text()
    );
    Ok(())
}

/// Any answer, and how long it took.
pub(super) async fn ask(
    client: &mut Client,
    addr: SocketAddr,
    path: &str,
    cookie: Option<&str>,
) -> anyhow::Result<(Answer, Duration)> {
    let mut request = Request::get(path).header("host", addr.to_string());
    if let Some(cookie) = cookie {
        request = request.header("cookie", cookie);
    }
    let request = request.body(Full::<Bytes>::default())?;
    let begun = Instant::now();
    let answer = client.send(request).await?;
    let took = begun.elapsed();
    Ok((answer, took))
}

/// Names and ids that lie in what was filled.
#[derive(Debug)]
pub(super) struct Known {
    requests: Vec<String>,
    traces: Vec<String>,
    conversations: Vec<String>,
    sessions: Vec<String>,
    agent: String,
    frequent_user: String,
    rare_user: String,
}

impl Known {
    pub(super) async fn find(pool: &PgPool) -> anyhow::Result<Self> {
        // From all over the ninety days.
        let some = |table: &str, id: &str, time: &str| {
            format!(
                "select id from generate_series(1, {TIMES}) as n \
                 cross join lateral ( \
                     select {id}::text as id from {table} \
                     where {time} >= (select max(bucket) from usage_day) - n * interval '4 days' \
                     order by {time} limit 1) as one"
            )
        };
        let ids = async |table: &str, id: &str, time: &str| {
            let found: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(some(table, id, time)))
                .fetch_all(pool)
                .await?;
            ensure!(!found.is_empty(), "{table} is empty");
            anyhow::Ok(found)
        };
        let user = async |order: &str| {
            let sql = format!(
                "select user_id from usage_day where cube = 'user' group by 1 \
                 order by sum(requests) {order}, 1 limit 1"
            );
            sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(sql))
                .fetch_one(pool)
                .await
        };
        let agent = "select agent from usage_day where cube = 'agent' group by 1 \
                     order by sum(requests) desc, 1 limit 1";
        Ok(Self {
            agent: sqlx::query_scalar(agent).fetch_one(pool).await?,
            requests: ids("ai_requests", "id", "created_at").await?,
            traces: ids(
                "mcp_tool_executions",
                "replace(trace_id::text, '-', '')",
                "created_at",
            )
            .await?,
            conversations: ids("conversations", "conversation_id", "first_at").await?,
            sessions: ids("user_sessions", "id", "started_at").await?,
            frequent_user: user("desc").await?,
            rare_user: user("asc").await?,
        })
    }

    /// What a question has to be told, each in turn; nothing for most.
    fn required(&self, question: &Question) -> Vec<String> {
        let ids = |ids: &[String]| ids.iter().map(|id| format!("id={id}")).collect();
        match question.name.as_str() {
            "requests show" => ids(&self.requests),
            "traces show" => ids(&self.traces),
            "conversations show" => ids(&self.conversations),
            "sessions show" => ids(&self.sessions),
            "agents show" => vec![format!("name={}", self.agent)],
            "tools show" => vec!["name=tool_03".to_owned()],
            "content show" => vec!["content=/page-0007".to_owned()],
            _ => vec![String::new()],
        }
    }

    /// Pages about one thing.
    pub(super) fn pages(&self) -> Vec<(&'static str, Vec<String>)> {
        let of = |ids: &[String]| ids.to_vec();
        vec![
            ("requests", of(&self.requests)),
            ("traces", of(&self.traces)),
            ("conversations", of(&self.conversations)),
            ("sessions", of(&self.sessions)),
            ("agents", vec![self.agent.clone()]),
            ("tools", vec!["tool_03".to_owned()]),
            ("content", vec!["%2Fpage-0007".to_owned()]),
        ]
    }

    fn filters(&self) -> Vec<(&'static str, String)> {
        vec![
            ("agent", self.agent.clone()),
            ("user", self.frequent_user.clone()),
            ("user", self.rare_user.clone()),
            ("model", "model-07-2026-01-01".to_owned()),
            ("provider", "openai".to_owned()),
            ("tool", "tool_03".to_owned()),
            ("server", "server-0".to_owned()),
            ("site", "example.org".to_owned()),
            ("event", "login".to_owned()),
        ]
    }
}

/// Every question over every period, and with every choice that it offers.
pub(super) fn questions(registry: &[Question], known: &Known) -> Vec<Asking> {
    let mut askings = Vec::new();
    for question in registry {
        let has_period = question.takes("since");
        let periods: &[&str] = if has_period { &PERIODS } else { &[""] };
        for since in periods {
            askings.push(asking(question, known, since, None));
        }
        let few: &[&str] = if has_period { &FEW } else { &[""] };
        for (name, schema) in &question.params {
            let default = schema.get("default").and_then(Value::as_str);
            for choice in choices(schema) {
                for since in few.iter().filter(|_| Some(choice) != default) {
                    askings.push(asking(question, known, since, Some((name, choice))));
                }
            }
        }
    }
    askings
}

/// Every question with one filter at a time.
pub(super) fn filtered(registry: &[Question], known: &Known) -> Vec<Asking> {
    let mut askings = Vec::new();
    for question in registry {
        for (name, value) in known.filters() {
            if question.takes(name) && question.takes("since") {
                for since in FEW {
                    askings.push(asking(question, known, since, Some((name, value.as_str()))));
                }
            }
        }
    }
    askings
}

impl Question {
    fn takes(&self, param: &str) -> bool {
        self.params.iter().any(|(name, _)| name == param)
    }
}

fn asking(question: &Question, known: &Known, since: &str, with: Option<(&str, &str)>) -> Asking {
    let mut words = vec![question.name.clone()];
    let mut query = Vec::new();
    if !since.is_empty() {
        words.push(since.to_owned());
        query.push(format!("since={since}"));
    }
    if let Some((name, value)) = with {
        words.push(format!("{name}={value}"));
        query.push(format!("{name}={value}"));
    }
    let required = known.required(question);
    let paths = required.iter().map(|required| {
        let mut query = query.clone();
        if !required.is_empty() {
            query.push(required.clone());
        }
        format!("{}?{}", question.path, query.join("&"))
    });
    Asking {
        name: words.join(" "),
        many_users: since == "90d" && with == Some(("by", "user")),
        plain: matches!(since, "" | "90d") && with.is_none(),
        paths: paths.collect(),
    }
}

/// The words that a parameter can be, anywhere in its schema.
fn choices(schema: &Value) -> Vec<&str> {
    match schema {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value) {
                ("enum", Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
                ("const", value) => value.as_str().into_iter().collect(),
                ("items" | "anyOf" | "oneOf", value) => choices(value),
                _ => Vec::new(),
            })
            .collect(),
        Value::Array(values) => values.iter().flat_map(choices).collect(),
        _ => Vec::new(),
    }
}
