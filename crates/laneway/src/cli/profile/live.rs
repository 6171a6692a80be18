//! The line of what happens now.

use std::io::{self, IsTerminal};
use std::time::Duration;

use super::folder::Folder;
use crate::cli::humane::{counted, span};
use crate::cli::output::{Output, plain};
use crate::profiling::{self, Part};

/// Whether it is shown to whoever did not ask: it is alone on the terminal.
pub(super) fn is_wanted() -> bool {
    io::stderr().is_terminal() && !io::stdout().is_terminal()
}

/// Shows the present state; nothing while there is none.
pub(super) fn show(folder: &Folder, elapsed: Duration, output: &mut Output) {
    let parts = profiling::read(folder.path()).unwrap_or_default();
    let text = plain(&line(&parts, elapsed));
    if io::stderr().is_terminal() {
        output.status(&text);
    } else {
        output.note(&text);
    }
}

fn line(parts: &[Part], elapsed: Duration) -> String {
    let loops = || parts.iter().flat_map(|part| &part.loops);
    let (wall, steps) = loops().fold((0_u64, 0_u64), |(wall, steps), seen| {
        // The last slice has only begun.
        let slice = seen.timeline.iter().rev().nth(1);
        let of = |take: fn(&profiling::Slice) -> u32| slice.map_or(0, |slice| take(slice).into());
        (wall + of(|slice| slice.wall), steps + of(|slice| slice.steps))
    });
    let busy = (steps * 100).checked_div(wall).unwrap_or(0).min(100);
    let tasks = || parts.iter().flat_map(|part| &part.tasks);
    let runs: u64 = tasks().map(|task| task.profile.runs()).sum();
    let errors: u64 = tasks().map(|task| task.profile.errors_count).sum();
    let seconds = elapsed.as_secs();
    let text = format!(
        "{seconds} s  loop {busy} % in steps  {}, {}",
        counted(runs, "run"),
        counted(errors, "error")
    );
    let Some(blocked) = parts.iter().find_map(|part| part.blocked.as_ref()) else {
        return text;
    };
    let since = span(Duration::from_millis(blocked.nanos / 1_000_000));
    let place = blocked.place.as_ref().map_or_else(String::new, |place| format!(" at {place}"));
    format!("{text}  BLOCKED {since} by {}{place}", blocked.task)
}
