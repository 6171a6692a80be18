//! The verdict on a task in one sentence, in the words of who asks: a worker has lanes, a program
//! has threads.

use std::path::Path;

use laneway_core::job::Lane;
use laneway_core::verdict::Change;

use super::edit::Edit;
use super::survey::Case;

/// The longest line of code that is quoted.
const QUOTED_MAX: usize = 50;

/// The sentence, without a full stop.
pub(in crate::cli) fn headline(case: &Case, folder: &Path) -> String {
    let advice = &case.advice;
    match &advice.change {
        change @ (Change::Offload { .. } | Change::UseAsyncLibrary { .. }) => {
            let edit = Edit::of(case, folder).filter(|edit| edit.twin.is_some());
            match (edit, change) {
                (Some(edit), _) => without_blocking(&edit),
                (None, Change::Offload { to }) => off_the_loop(case, *to),
                (None, _) => advice.sentence(),
            }
        }
        Change::Keep if case.delay.is_some() => {
            format!("{}; others on its event loop delay it", keep(case))
        }
        Change::Keep => keep(case),
        _ => advice.sentence(),
    }
}

fn keep(case: &Case) -> String {
    if case.is_of_worker() { case.advice.sentence() } else { "nothing to change".to_owned() }
}

fn without_blocking(edit: &Edit) -> String {
    let quoted = edit.code.first().filter(|code| code.chars().count() <= QUOTED_MAX);
    quoted.map_or_else(
        || "wait without blocking".to_owned(),
        |code| format!("wait without blocking: `{code}`"),
    )
}

fn off_the_loop(case: &Case, lane: Lane) -> String {
    let to = match lane {
        _ if case.is_of_worker() => return case.advice.sentence(),
        Lane::Process => "into a process",
        _ if case.is_endpoint() => "into a plain `def` endpoint or a thread",
        _ => "into a thread",
    };
    format!("take it off the event loop, {to}")
}
