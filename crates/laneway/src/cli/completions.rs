//! `laneway completions`.

use clap::{Args, Command};
use clap_complete::Shell;

use super::output::Output;

/// Arguments of `laneway completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &CompletionsArgs, mut command: Command, output: &mut Output) {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "laneway", &mut script);
    output.raw(&script);
}
