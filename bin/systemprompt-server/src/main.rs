//! The systemprompt analytics server.
fn main() {}
