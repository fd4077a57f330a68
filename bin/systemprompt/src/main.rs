//! The systemprompt command line.
fn main() {}
