//! `laneway completions`.

use clap::{Args, Command};
use clap_complete::Shell;
use serde_json::json;

use super::output::Output;

/// Arguments of `laneway completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// The script itself, or with `--json` one object that holds it.
pub(super) fn run(arguments: &CompletionsArgs, mut command: Command, output: &mut Output) {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "laneway", &mut script);
    if output.is_json() {
        let script = String::from_utf8_lossy(&script);
        output.json(json!({ "shell": arguments.shell.to_string(), "script": script }));
    } else {
        output.raw(&script);
    }
}
