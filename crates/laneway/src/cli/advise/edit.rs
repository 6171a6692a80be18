//! The smallest edit that follows an advice, as code.

use std::path::Path;

use laneway_core::job::Lane;
use laneway_core::profile::{Blockage, Place, Site};
use laneway_core::verdict::{Change, Form};
use serde::Serialize;

use super::blocked_line::{BlockedLine, Instead, lacks_asyncio, line_of};
use super::survey::Case;
use crate::cli::humane::counted;

/// What to write, and where.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Edit {
    /// The line that it replaces; `None` for the definition of the task.
    pub(super) place: Option<Place>,
    /// What stands there now, if the file is at hand.
    pub(super) now: Option<String>,
    /// What to write; nothing where no code is sure to be right.
    pub(super) code: Vec<String>,
    /// What to mind, or what to do.
    pub(super) note: String,
    /// What the code awaits in the place of what blocks, so that it stays on the loop.
    #[serde(skip)]
    pub(super) twin: Option<&'static str>,
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
            Change::Offload { to } => offload(case, *to, folder),
            Change::UseAsyncLibrary { library } => Some(use_library(case, library, folder)),
            Change::AwaitMoreOften => Some(Self {
                place: case.advice.site.as_ref().map(|site| site.place.clone()),
                now: None,
                code: vec!["await asyncio.sleep(0)".to_owned()],
                note: "in its loop, every few milliseconds of work".to_owned(),
                twin: None,
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
        Self { place: None, now: None, code, note: note.to_owned(), twin: None }
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

fn offload(case: &Case, lane: Lane, folder: &Path) -> Option<Edit> {
    if case.facts.has_await == Some(false) {
        return Some(Edit::definition(
            decorated(case, lane),
            "it never awaits, so the whole function can leave the loop",
        ));
    }
    let place = blocking_place(case)?;
    if lane == Lane::Process {
        let place = computing_place(case);
        let now = place.as_ref().and_then(|place| line_of(place, folder));
        let note = in_process(case);
        return Some(Edit { place, now, code: Vec::new(), note, twin: None });
    }
    let Some(blocked) = blocked_line(case, folder) else {
        let code = vec!["await asyncio.to_thread(fn, ...)".to_owned()];
        let now = line_of(&place, folder);
        return Some(Edit { place: Some(place), now, code, note: in_thread(case), twin: None });
    };
    Some(of_line(blocked, &in_thread(case), folder))
}

/// The line, changed; `in_thread` is what to mind where it goes to a thread.
fn of_line(blocked: BlockedLine, in_thread: &str, folder: &Path) -> Edit {
    let (note, twin) = match &blocked.instead {
        Instead::Twin(_, twin) => ("", Some(*twin)),
        Instead::InThread(_) => (in_thread, None),
        Instead::Words(words) => (*words, None),
    };
    let needs_import = blocked.instead.code().is_some() && lacks_asyncio(&blocked.place, folder);
    let import = if needs_import { "with `import asyncio`; " } else { "" };
    Edit {
        twin,
        code: blocked.instead.code().map(str::to_owned).into_iter().collect(),
        place: Some(blocked.place),
        now: Some(blocked.now),
        note: format!("{import}{note}").trim_end_matches("; ").to_owned(),
    }
}

/// How a part of a coroutine goes to a process. No line can be given: what computes need not be a
/// call, and a pool belongs where the application starts.
fn in_process(case: &Case) -> String {
    let (task, who) = if case.is_of_worker() {
        ("make it a task with `lane=\"process\"`; or ", "worker")
    } else {
        ("", "application")
    };
    format!(
        "give what computes a function of its own, in a module. Then {task}`await \
         loop.run_in_executor(PROCESSES, function, ...)`, with one \
         `concurrent.futures.ProcessPoolExecutor` that lives as long as the {who}"
    )
}

/// What to mind of a line that goes to a thread.
fn in_thread(case: &Case) -> String {
    let or_def = if case.is_endpoint() {
        "; or write the endpoint as a plain `def`, where the framework runs those in threads, as \
         FastAPI does"
    } else {
        ""
    };
    format!("what runs there must be thread-safe, and cannot be stopped from outside{or_def}")
}

fn use_library(case: &Case, library: &str, folder: &Path) -> Edit {
    let twin = None;
    if case.facts.form == Form::Def {
        let place = blocking_place(case);
        let now = place.as_ref().and_then(|place| line_of(place, folder));
        let code = vec![
            "@app.task".to_owned(),
            format!("async def {}(...):", function_of(case)),
            other_way(library).map_or_else(
                || format!("    ...  # `await` the calls of `{library}`"),
                |way| format!("    ...  # {way}"),
            ),
        ];
        return Edit { place, now, code, note: String::new(), twin };
    }
    let line = match blocked_line(case, folder) {
        Some(line) if matches!(line.instead, Instead::Twin(..)) => {
            return of_line(line, "", folder);
        }
        line => line,
    };
    let place = line.as_ref().map(|line| line.place.clone()).or_else(|| blocking_place(case));
    let now = place.as_ref().and_then(|place| line_of(place, folder));
    let instead = line.map(|line| line.instead);
    if let Some(way) = other_way(library) {
        let (code, note) = match instead {
            Some(Instead::InThread(line)) => (vec![line], format!("or, without a thread: {way}")),
            Some(Instead::Words(words)) => (Vec::new(), format!("{way}; or {words}")),
            _ => (Vec::new(), way.to_owned()),
        };
        return Edit { place, now, code, note, twin };
    }
    let or = match instead {
        Some(Instead::InThread(line)) => {
            format!("; or, as long as the library stays, `{line}`")
        }
        Some(Instead::Words(words)) => format!("; or, as long as the library stays: {words}"),
        _ => String::new(),
    };
    let whole = if case.is_of_worker() { "worker" } else { "application" };
    let cheapest = format!("one client for the whole {whole} is cheapest");
    // Where no line was seen, none can be given.
    let (code, note) = if place.is_some() {
        let same = format!("await ...  # the same call with `{library}`");
        (vec![same], format!("{cheapest}{or}"))
    } else {
        (Vec::new(), format!("`await` the same calls with `{library}`; {cheapest}"))
    };
    Edit { place, now, code, note, twin }
}

/// What to do instead of a call whose async twin has another form; `None` for libraries whose
/// clients have the same calls.
fn other_way(twin: &str) -> Option<&'static str> {
    let way = match twin {
        "asyncio.create_subprocess_exec" => {
            "start the program by `process = await asyncio.create_subprocess_exec(program, \
             *arguments)` and wait for it by `await process.communicate()`"
        }
        "asyncio.create_subprocess_shell" => {
            "start the command by `process = await asyncio.create_subprocess_shell(command)` and \
             wait for it by `await process.communicate()`"
        }
        "asyncio.open_connection" => {
            "`reader, writer = await asyncio.open_connection(host, port)`, and `await` what they \
             read and write"
        }
        "asyncio.Queue" => {
            "`await queue.get()` of an `asyncio.Queue`, if what fills it runs on the same loop"
        }
        "asyncio.sleep" => "`await asyncio.sleep(seconds)`",
        "loop.getaddrinfo" => "`await asyncio.get_running_loop().getaddrinfo(host, port)`",
        _ => return None,
    };
    Some(way)
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

/// The line that computes: that of the verdict if it does, else the worst one.
fn computing_place(case: &Case) -> Option<Place> {
    let is_computing = |site: &&Site| site.blockage == Blockage::Cpu;
    let on_loop = case.profiles.iter().filter(|profile| profile.key.lane == case.advice.lane);
    let worst = || {
        let sites = on_loop.filter_map(|profile| profile.sites.worst(&[Blockage::Cpu]));
        sites.max_by_key(|site| site.total)
    };
    let site = case.advice.site.as_ref().filter(is_computing).or_else(worst)?;
    Some(site.place.clone())
}

/// The line of a coroutine that the verdict is about, as it could be.
fn blocked_line(case: &Case, folder: &Path) -> Option<BlockedLine> {
    let mut site = case.advice.site.clone()?;
    if (case.advice.change == Change::Offload { to: Lane::Thread }) {
        // The measurements of all its runs told that it lets go of the GIL.
        site.gil_held = Some(false);
    }
    BlockedLine::of(&site, folder)
}
