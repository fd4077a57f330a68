//! `systemprompt infra db partitions`: the parts of the large tables.

use serde_json::json;
use systemprompt_config::Config;
use systemprompt_storage::{Hold, Part, Partition, partitions};

use super::{column, count, failed, write_json, write_table};
use crate::Outside;
use crate::database;
use crate::failure::Failure;
use crate::human::column::Unit;
use crate::human::figure;

pub(super) fn run(json: bool, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let listed = database::with(config, outside, async |storage, _| {
        partitions(&storage.upkeep_pool()).await.map_err(failed)
    })?;
    if json {
        let rows: Vec<_> = listed.iter().map(answer).collect();
        return write_json(outside, &json!({ "partitions": rows }));
    }
    let columns = [
        column("table", Unit::Text, &listed, |p| p.table.to_owned()),
        column("part", Unit::Text, &listed, |p| match p.part {
            Part::Day(day) => day.to_string(),
            Part::Range(n) => format!("number {n}"),
        }),
        column("rows_about", Unit::Count, &listed, |p| count(p.rows)),
        column("size", Unit::Count, &listed, |p| figure::bytes(p.bytes)),
        column("state", Unit::Text, &listed, |p| state(p).to_owned()),
    ];
    write_table(&columns, outside)?;
    let bytes = listed.iter().map(|partition| partition.bytes).sum();
    writeln!(
        outside.out,
        "\n{} partitions, {}. Rows are the database's estimate.",
        listed.len(),
        figure::bytes(bytes)
    )?;
    Ok(())
}

const fn state(partition: &Partition) -> &'static str {
    match partition.hold {
        Hold::Attached => "in use",
        Hold::Detaching => "being detached",
        Hold::Detached => "to be dropped",
    }
}

fn answer(partition: &Partition) -> serde_json::Value {
    let (day, number) = match partition.part {
        Part::Day(day) => (Some(day.to_string()), None),
        Part::Range(n) => (None, Some(n)),
    };
    json!({
        "table": partition.table,
        "name": partition.name,
        "day": day,
        "number": number,
        "rows_estimate": partition.rows,
        "bytes": partition.bytes,
        "state": match partition.hold {
            Hold::Attached => "attached",
            Hold::Detaching => "detaching",
            Hold::Detached => "detached",
        },
    })
}
