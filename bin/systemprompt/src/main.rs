//! The systemprompt command line.

fn main() -> std::process::ExitCode {
    systemprompt_cli::main()
}
