//! `cargo xtask prices check FILE`: the compiled catalogue against a downloaded
//! price map in LiteLLM's layout. What differs for a known reason is only
//! counted; the reasons are in `services/ai/price-differences.yaml`.

use std::path::Path;

use anyhow::Context;
use systemprompt_pricing::Catalogue;
use systemprompt_pricing::compare::{Difference, compare};
use time::OffsetDateTime;

const HEADINGS: [&str; 4] = ["MODEL", "FIELD", "OURS", "THEIRS"];

/// Prints the differences that nobody has explained yet, as of now. `true` if
/// there are none.
///
/// # Errors
/// If the file cannot be read or is not a price map.
#[allow(clippy::print_stdout)] // the table is what the task is for
pub(crate) fn check(path: &Path) -> anyhow::Result<bool> {
    let map =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let differences = compare(Catalogue::builtin(), &map, OffsetDateTime::now_utc())
        .with_context(|| format!("comparing with {}", path.display()))?;
    let (explained, unexplained): (Vec<_>, Vec<_>) = differences
        .into_iter()
        .partition(|difference| difference.explained.is_some());
    if !unexplained.is_empty() {
        print!("{}", table(&unexplained));
    }
    println!(
        "{} unexplained, {} explained",
        unexplained.len(),
        explained.len()
    );
    Ok(unexplained.is_empty())
}

/// One line per difference, columns padded to their widest cell.
fn table(differences: &[Difference]) -> String {
    let mut rows = vec![HEADINGS.map(String::from)];
    rows.extend(differences.iter().map(|difference| {
        let figure = |price: Option<_>| price.map_or_else(|| "-".into(), |usd| format!("{usd}"));
        [
            difference.model.clone(),
            difference.field.clone(),
            figure(difference.ours),
            figure(difference.theirs),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; 4] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let line = |row: &[String; 4]| {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
