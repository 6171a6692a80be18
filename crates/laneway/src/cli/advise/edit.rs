//! The smallest edit that follows an advice, as code.

use std::fs;
use std::path::Path;

use laneway_core::job::Lane;
use laneway_core::profile::Place;
use laneway_core::verdict::{Change, Form};
use serde::Serialize;

use super::source::{asynchronous, in_thread};
use super::survey::Case;
use crate::cli::humane::counted;

/// Files that are larger hold no code that a person wrote.
const SOURCE_BYTES_MAX: u64 = 4 << 20;

/// What to write, and where.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Edit {
    /// The line that it replaces; `None` for the definition of the task.
    pub(super) place: Option<Place>,
    /// What stands there now, if the file is at hand.
    pub(super) now: Option<String>,
    /// What to write.
    pub(super) code: Vec<String>,
    /// What to mind.
    pub(super) note: String,
}

impl Edit {
    /// The edit for a case, if there is anything to edit. `folder` is where relative paths begin.
    pub(super) fn of(case: &Case, folder: &Path) -> Option<Self> {
        let function = function_of(case);
        match &case.advice.change {
            Change::Keep | Change::CollectMore | Change::RelieveHost => None,
            Change::CallDirectly => Some(Self::definition(
                vec![format!("{function}(...)")],
                "where it is enqueued now; keep the job if it must survive a crash or be retried",
            )),
            Change::MakeDef => Some(Self::definition(
                vec![format!("def {function}(...):")],
                "without `async`, and called where it is enqueued now; if it must remain a job, \
                 the async lane is the cheapest one for work as short as this",
            )),
            Change::MoveLane { to } => Some(Self::definition(decorated(case, *to), moved(*to))),
            Change::Offload { to } => Some(offload(case, *to, folder)),
            Change::UseAsyncLibrary { library } => Some(use_library(case, library, folder)),
            Change::AwaitMoreOften => Some(Self {
                place: case.advice.site.as_ref().map(|site| site.place.clone()),
                now: None,
                code: vec!["await asyncio.sleep(0)".to_owned()],
                note: "in its loop, every few milliseconds of work".to_owned(),
            }),
            Change::SplitBySize => Some(split(case)),
            Change::SerialThread => Some(Self::definition(
                vec!["SERIAL = threading.Lock()".to_owned(), "with SERIAL:".to_owned()],
                "around the body; or give it a queue of its own, and serve that with \
                 `laneway worker --queue NAME --concurrency-thread 1`",
            )),
        }
    }

    fn definition(code: Vec<String>, note: &str) -> Self {
        Self { place: None, now: None, code, note: note.to_owned() }
    }
}

/// The function's own name: tasks are named after their module and function.
fn function_of(case: &Case) -> &str {
    let name = case.advice.task.as_str();
    name.rsplit_once('.').map_or(name, |(_, last)| last)
}

fn decorated(case: &Case, lane: Lane) -> Vec<String> {
    let function = function_of(case);
    let asynchronous = if lane == Lane::Async { "async " } else { "" };
    vec![format!("@app.task(lane=\"{lane}\")"), format!("{asynchronous}def {function}(...):")]
}

const fn moved(lane: Lane) -> &'static str {
    match lane {
        Lane::Process => "arguments and result must be plain data, and the function importable",
        Lane::Thread => "its libraries must be safe to use from several threads",
        Lane::Async => "",
    }
}

fn offload(case: &Case, lane: Lane, folder: &Path) -> Edit {
    if case.facts.has_await == Some(false) {
        return Edit::definition(
            decorated(case, lane),
            "it never awaits, so the whole function can leave the loop",
        );
    }
    let place = blocking_place(case);
    let now = place.as_ref().and_then(|place| line_of(place, folder));
    let rewritten = now.as_deref();
    let (code, note) = match lane {
        Lane::Process => (
            vec![
                "processes = concurrent.futures.ProcessPoolExecutor()".to_owned(),
                "await asyncio.get_running_loop().run_in_executor(processes, fn, ...)".to_owned(),
            ],
            "with `fn` the part that computes; or make that part a task with `lane=\"process\"`",
        ),
        _ => match rewritten.and_then(asynchronous) {
            Some(twin) => (vec![twin], ""),
            None => (
                vec![
                    rewritten
                        .and_then(in_thread)
                        .unwrap_or_else(|| "await asyncio.to_thread(fn, ...)".to_owned()),
                ],
                "what runs there must be thread-safe, and cannot be stopped from outside",
            ),
        },
    };
    Edit { place, now, code, note: note.to_owned() }
}

fn use_library(case: &Case, library: &str, folder: &Path) -> Edit {
    let place = blocking_place(case);
    let now = place.as_ref().and_then(|place| line_of(place, folder));
    if case.facts.form == Form::Def {
        let code = vec![
            "@app.task".to_owned(),
            format!("async def {}(...):", function_of(case)),
            format!("    ...  # `await` the calls of `{library}`"),
        ];
        return Edit { place, now, code, note: String::new() };
    }
    if let Some(line) = now.as_deref().and_then(asynchronous) {
        return Edit { place, now, code: vec![line], note: String::new() };
    }
    let code = vec![format!("await ...  # the same call with `{library}`")];
    let in_thread = now.as_deref().and_then(in_thread);
    let or = in_thread.map(|line| format!("; or, as long as the library stays, `{line}`"));
    let note = format!("one client for the whole worker is cheapest{}", or.unwrap_or_default());
    Edit { place, now, code, note }
}

fn split(case: &Case) -> Edit {
    let sizes = &case.advice.by_size;
    let moving = || sizes.iter().filter(|size| size.better_lane.is_some());
    let lane = moving().find_map(|size| size.better_lane).unwrap_or(case.facts.lane);
    let range = moving().map(|size| size.size_bucket);
    let largest = sizes.iter().map(|size| size.size_bucket).max();
    let which = match (range.clone().min(), range.max()) {
        (Some(smallest), moving) if moving == largest => {
            format!("from about {} on", counted(smallest.bytes_min(), "byte"))
        }
        (_, Some(moving)) => format!("of up to about {}", counted(moving.bytes_max(), "byte")),
        (_, None) => "of that size".to_owned(),
    };
    let function = function_of(case);
    Edit::definition(
        vec![
            format!("@app.task(lane=\"{lane}\")"),
            format!("def {function}_{lane}(...):"),
            format!("    return {function}(...)"),
        ],
        &format!("and enqueue that one for arguments {which}"),
    )
}

/// The line that blocks: seen by the watchdog, else known from the code.
fn blocking_place(case: &Case) -> Option<Place> {
    let seen = case.advice.site.as_ref().map(|site| &site.place);
    seen.or(case.facts.blocking_call.as_ref()).cloned()
}

/// The line as it stands in the file now. Only Python files are looked at: the path comes from a
/// store that others may write to.
pub(in crate::cli) fn line_of(place: &Place, folder: &Path) -> Option<String> {
    let path = folder.join(&place.file);
    let is_python = path.extension().is_some_and(|extension| extension == "py");
    let about = fs::metadata(&path).ok().filter(|about| is_python && about.is_file())?;
    if about.len() > SOURCE_BYTES_MAX {
        return None;
    }
    let text = fs::read_to_string(&path).ok()?;
    let index = usize::try_from(place.line.checked_sub(1)?).ok()?;
    let line = text.lines().nth(index)?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}
