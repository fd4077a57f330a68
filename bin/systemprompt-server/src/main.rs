//! The systemprompt analytics server.

use std::process::ExitCode;

fn main() -> ExitCode {
    systemprompt_server_core::main()
}
