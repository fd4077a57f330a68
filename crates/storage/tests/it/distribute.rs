//! Distribution, without a distributed engine: what it needs of the tables, and what it is
//! asked to do.

use std::fs;
use std::path::Path;

use systemprompt_storage::distribute::{DISTRIBUTED, DistributeError, Distributed, distribute};
use systemprompt_testkit::db::TestDb;

/// Names that break a rule, as `table: what`.
async fn broken(db: &TestDb, sql: &str) -> Vec<String> {
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned()))
        .bind(DISTRIBUTED)
        .fetch_all(db.pool())
        .await
        .expect("the catalog answers")
}

#[tokio::test]
async fn the_tables_keep_the_rules_of_distributed_ones() {
    let db = TestDb::new().await;
    let there: i64 = sqlx::query_scalar(
        "select count(*) from pg_class where relname = any($1) and relkind = 'p'",
    )
    .bind(DISTRIBUTED)
    .fetch_one(db.pool())
    .await
    .expect("the catalog answers");
    assert_eq!(usize::try_from(there).expect("a few"), DISTRIBUTED.len());
    let rules = [
        (
            "every unique index contains the id",
            "select i.indrelid::regclass || ': ' || i.indexrelid::regclass from pg_index i \
             join pg_class c on c.oid = i.indrelid \
             where c.relname = any($1) and i.indisunique and not exists ( \
                 select from pg_attribute a where a.attrelid = i.indrelid \
                 and a.attnum = any(i.indkey) and a.attname = 'id')",
        ),
        (
            "ids are made by the writer",
            "select attrelid::regclass || ': ' || attname from pg_attribute a \
             join pg_class c on c.oid = attrelid where c.relname = any($1) and attname = 'id' \
             and (atthasdef or attidentity <> '' or not attnotnull)",
        ),
        (
            "nothing refers to them, and they refer to nothing",
            "select conrelid::regclass || ': ' || conname from pg_constraint where contype = 'f' \
             and (conrelid::regclass::text = any($1) or confrelid::regclass::text = any($1))",
        ),
        (
            "they have no triggers",
            "select tgrelid::regclass || ': ' || tgname from pg_trigger \
             where not tgisinternal and tgrelid::regclass::text = any($1)",
        ),
    ];
    for (rule, sql) in rules {
        assert_eq!(broken(&db, sql).await, Vec::<String>::new(), "{rule}");
    }
}

/// Statements in the sources: what stands between double quotes, and files of SQL.
fn statements(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            statements(&path, found);
        } else if let Some("sql" | "rs") = path.extension().and_then(|end| end.to_str()) {
            let text = fs::read_to_string(&path).expect("text").to_lowercase();
            match path.extension().is_some_and(|end| end == "sql") {
                true => found.push(text),
                false => found.extend(text.split('"').skip(1).step_by(2).map(str::to_owned)),
            }
        }
    }
}

#[test]
fn no_statement_asks_what_a_distributed_engine_cannot_do() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for room in [
        "storage/src",
        "reporting/src",
        "server/src",
        "cli/src",
        "jobs/src",
    ] {
        statements(&crates.join(room), &mut found);
    }
    let sql: Vec<&String> = found.iter().filter(|text| text.contains("from ")).collect();
    assert!(sql.len() > 200, "{} statements", sql.len());
    for statement in sql {
        let asks = |what: &str| statement.contains(what);
        let reads = DISTRIBUTED
            .iter()
            .find(|table| asks(&format!("from {table}")));
        let Some(table) = reads else { continue };
        for what in ["for update", "grouping sets", " cube (", " rollup ("] {
            assert!(!asks(what), "{what} over {table}: {statement}");
        }
    }
}

#[tokio::test]
async fn each_table_is_distributed_once() {
    let db = TestDb::new().await;
    let refused = distribute(db.pool()).await;
    assert!(
        matches!(refused, Err(DistributeError::NoCitus)),
        "{refused:?}"
    );

    // What Citus has that is called, which writes down what it was told.
    sqlx::raw_sql(
        "create table pg_dist_partition (logicalrelid regclass, partkey text); \
         create function create_distributed_table(regclass, text) returns void language sql as \
             $$ insert into pg_dist_partition values ($1, $2) $$; \
         select create_distributed_table('logs', 'id')",
    )
    .execute(db.pool())
    .await
    .expect("made");
    let now = |table| Distributed {
        table,
        now: table != "logs",
    };
    let expected: Vec<_> = DISTRIBUTED.iter().copied().map(now).collect();
    assert_eq!(distribute(db.pool()).await.expect("done"), expected);
    let told: Vec<(String, String)> =
        sqlx::query_as("select logicalrelid::text, partkey from pg_dist_partition order by 1")
            .fetch_all(db.pool())
            .await
            .expect("told");
    let mut tables = DISTRIBUTED.to_vec();
    tables.sort_unstable();
    let expected: Vec<_> = tables
        .iter()
        .map(|table| (table.to_string(), "id".to_owned()))
        .collect();
    assert_eq!(told, expected);
    let again = distribute(db.pool()).await.expect("done");
    assert!(again.iter().all(|table| !table.now), "{again:?}");
}
