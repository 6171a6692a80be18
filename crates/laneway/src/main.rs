//! The native `laneway` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(laneway::cli::run(std::env::args_os().collect()))
}
