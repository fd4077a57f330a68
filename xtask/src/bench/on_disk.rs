//! What a request takes up in the database, with all that comes with it.

use sqlx::{PgPool, Row as _};

use super::report::{Table, count};

/// What one of so many requests costs on disk, with all that comes with it. Tables of
/// less than a tenth of a byte a request are counted in the last row alone. Rows are those
/// that statistics know of.
#[allow(clippy::cast_precision_loss)] // far below 2^52
pub(super) async fn table(pool: &PgPool, requests: u64) -> anyhow::Result<Table> {
    let mut table = Table::new(
        "On disk",
        &["table", "rows", "MiB", "of indexes MiB", "bytes a request"],
    );
    let mut row = |name: String, rows: String, bytes: i64, indexes: i64| {
        let mib = |bytes: i64| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
        let each = format!("{:.1}", (bytes + indexes) as f64 / requests as f64);
        table.row([name, rows, mib(bytes), mib(indexes), each]);
    };
    let (mut all_bytes, mut all_indexes) = (0, 0);
    for (name, rows, bytes, indexes) in sizes(pool).await? {
        all_bytes += bytes;
        all_indexes += indexes;
        if (bytes + indexes) as f64 >= requests as f64 / 10.0 {
            row(name, count(rows as f64), bytes, indexes);
        }
    }
    row(
        "all tables".to_owned(),
        String::new(),
        all_bytes,
        all_indexes,
    );
    Ok(table)
}

/// Tables that take up most: rows, bytes of the table, bytes of its indexes.
async fn sizes(pool: &PgPool) -> anyhow::Result<Vec<(String, i64, i64, i64)>> {
    let rows = sqlx::query(
        "select coalesce(parent.relname, c.relname)::text as name, sum(greatest(c.reltuples, 0))::bigint as rows, \
             sum(pg_table_size(c.oid))::bigint as bytes, sum(pg_indexes_size(c.oid))::bigint as indexes \
         from pg_class c \
         left join pg_inherits i on i.inhrelid = c.oid \
         left join pg_class parent on parent.oid = i.inhparent \
         where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace \
         group by 1 order by sum(pg_total_relation_size(c.oid)) desc",
    )
    .fetch_all(pool)
    .await?;
    let rows = rows.iter().map(|row| {
        Ok((
            row.try_get(0)?,
            row.try_get(1)?,
            row.try_get(2)?,
            row.try_get(3)?,
        ))
    });
    Ok(rows.collect::<Result<_, sqlx::Error>>()?)
}
