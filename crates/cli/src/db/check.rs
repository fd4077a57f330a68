//! `systemprompt infra db check`: whether totals are the sums of their requests.

use serde_json::json;
use systemprompt_budgets::Rules;
use systemprompt_config::Config;
use systemprompt_storage::check::{Checked, Difference, check, check_budgets};
use time::Date;

use super::{count, failed, write_json};
use crate::Outside;
use crate::database;
use crate::failure::Failure;
use crate::human::text;

pub(super) const HELP: &str = "\
Every rollup, conversation and budget is compared with the stored requests, to the last digit, while
servers go on. Days whose detail is incomplete (sampled or expired) cannot be compared; they are
named. It reads all requests, so it may take a while.

Exit codes: 0 everything agrees, 1 something differs.";

/// No more differences are listed for people; one mistake makes many.
const SHOWN: usize = 20;

pub(super) fn run(json: bool, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let rules = Rules::new(&config.profile.analytics.alerts);
    let checked = database::with(config, outside, async |storage, _| {
        let pool = storage.upkeep_pool();
        let mut checked = check(&pool).await.map_err(failed)?;
        let budgets = check_budgets(&pool, &rules).await.map_err(failed)?;
        checked.differences.extend(budgets);
        Ok(checked)
    })?;
    if json {
        write_json(outside, &answer(&checked))?;
    } else {
        page(&checked, outside)?;
    }
    match checked.differences.len() {
        0 => Ok(()),
        1 => Err(Failure::Refused("1 row differs".to_owned())),
        n => Err(Failure::Refused(format!("{n} rows differ"))),
    }
}

fn answer(checked: &Checked) -> serde_json::Value {
    let difference = |d: &Difference| {
        json!({
            "table": d.table,
            "cube": d.cube,
            "key": d.key,
            "expected": d.expected,
            "found": d.found,
        })
    };
    let days = checked.left_out.iter().map(Date::to_string);
    json!({
        "differences": checked.differences.iter().map(difference).collect::<Vec<_>>(),
        "days_left_out": days.collect::<Vec<_>>(),
        "quarters_compared_from": checked.quarters_from.map(|day| day.to_string()),
    })
}

fn page(checked: &Checked, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let differences = &checked.differences;
    for difference in differences.iter().take(SHOWN) {
        writeln!(outside.out, "{}", text::clean(&difference.to_string()))?;
    }
    if let Some(more) = differences
        .len()
        .checked_sub(SHOWN)
        .filter(|more| *more > 0)
    {
        writeln!(outside.out, "… and {more} more; --json has all of them.")?;
    }
    if differences.is_empty() {
        writeln!(outside.out, "Every total is the sum of its requests.")?;
    }
    if let (Some(first), Some(last)) = (checked.left_out.first(), checked.left_out.last()) {
        let days = count(checked.left_out.len() as i64);
        writeln!(
            outside.out,
            "Days not compared, as their detail was sampled or has expired: {days}, from {first} to {last}."
        )?;
    }
    if let Some(from) = checked.quarters_from {
        writeln!(
            outside.out,
            "Quarters of an hour were compared from {from} on; earlier ones are no longer kept."
        )?;
    }
    Ok(())
}
