//! `systemprompt infra db distribute`: the large tables over the nodes of Citus.

use serde_json::json;
use systemprompt_config::Config;
use systemprompt_storage::distribute::distribute;

use super::write_json;
use crate::Outside;
use crate::database;
use crate::failure::Failure;

pub(super) const HELP: &str = "\
For databases that one machine no longer holds: on a Citus cluster the tables of single requests, tool
calls, page views, engagement, activity and log lines are spread over the nodes by their ids. Totals stay
on the coordinator, so answers over time cost what they did. Rows that are there are moved, which
takes time and locks one table after the other; new days follow by themselves. Running it again does
only what is not done yet. docs/scaling.md says when this is worth it.";

pub(super) fn run(json: bool, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let tables = database::with(config, outside, async |storage, _| {
        Ok(distribute(&storage.upkeep_pool()).await?)
    })?;
    if json {
        let rows: Vec<_> = tables
            .iter()
            .map(|table| json!({ "table": table.table, "distributed_now": table.now }))
            .collect();
        return write_json(outside, &json!({ "tables": rows }));
    }
    for table in tables {
        let said = match table.now {
            true => "is distributed now",
            false => "was distributed before",
        };
        writeln!(outside.out, "{} {said}", table.table)?;
    }
    Ok(())
}
