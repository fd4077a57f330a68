//! Developer tasks: ci, bench, faults, prices, sqlx.
fn main() {}
