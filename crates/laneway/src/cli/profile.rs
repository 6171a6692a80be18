//! `laneway profile`: where the time of any asyncio program goes, without a change to it.
//!
//! The program runs as it would without us: its output, its input and its exit status are its own.
//! Inside, `python/laneway/_profile` measures and writes parts to a folder, which are read here.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use laneway_core::duration;
use laneway_core::error::{Code, Error};

use super::Context;
use super::advise::gil::told;
use super::advise::page::Page;
use crate::profiling;

mod folder;
mod html;
mod json;
mod live;
mod program;
mod report;
mod text;

use folder::Folder;
use program::Program;
use report::Report;

/// Arguments of `laneway profile`.
#[derive(Debug, Args)]
pub(super) struct ProfileArgs {
    /// The program, such as `python app.py`, `uvicorn app:app` or `script.py`
    // What begins with a hyphen before the program is an option of ours, or a mistake.
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
    command: Vec<String>,
    /// Write a report with charts to this file: one page that needs nothing else
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the report to this file; by default words go to standard error, so that they do not
    /// mix with the program's output, and `--json` to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// From when on a step that does not await blocks the event loop
    #[arg(long, value_name = "DURATION", default_value = "50ms", value_parser = duration::parse)]
    threshold: Duration,
    /// Show a line of what happens now, each second; the default on a terminal while the program's
    /// output goes elsewhere
    #[arg(long)]
    live: bool,
}

pub(super) fn run(arguments: &ProfileArgs, context: &mut Context) -> Result<u8, Error> {
    check(arguments.threshold)?;
    for path in [&arguments.html, &arguments.out].into_iter().flatten() {
        check_place(path)?;
    }
    let folder = Folder::create()?;
    let program = Program::find(&arguments.command, context)?;
    let began = now();
    let is_live = arguments.live || live::is_wanted();
    let running = program.start(&folder, arguments.threshold)?;
    let status = running.wait(|| {
        if is_live {
            live::show(&folder, began.elapsed(), &mut context.output);
        }
    })?;
    if is_live {
        context.output.status("");
    }
    if let Some(why) =
        profiling::refusal(folder.path()).map_err(|error| folder.unreadable(&error))?
    {
        return Err(Error::new(Code::PythonNotFound, "the program's Python has no Laneway")
            .why(why)
            .fix(
                "install it there, `pip install path/to/the/clone`, or activate the environment \
                 that has it",
            ));
    }
    let mut parts = profiling::read(folder.path()).map_err(|error| folder.unreadable(&error))?;
    if parts.iter().all(|part| part.loops.is_empty()) {
        context.output.problem(if folder.was_reached() {
            "laneway profile: no event loop ran, so there is nothing to show; it measures programs \
             that use asyncio"
        } else {
            "laneway profile: no Python was measured; `python -I`, `-E` and `-S` keep it out"
        });
        return Ok(status);
    }
    for task in parts.iter_mut().flat_map(|part| &mut part.tasks) {
        task.profile = told(task.profile.clone(), &context.sources.folder);
    }
    let ended = (began.elapsed(), status);
    let report = Report::new(&arguments.command, ended, parts, &context.sources.folder);
    write(&report, arguments, context)?;
    Ok(status)
}

#[expect(clippy::disallowed_methods, reason = "the length of a run is for show only")]
fn now() -> Instant {
    Instant::now()
}

fn check(threshold: Duration) -> Result<(), Error> {
    let possible = Duration::from_millis(1)..=Duration::from_secs(3_600);
    if possible.contains(&threshold) {
        return Ok(());
    }
    Err(Error::new(Code::InvalidArgument, "`--threshold` is not possible")
        .why(format!("it is {}, and must be between 1ms and 1h", duration::format(threshold)))
        .fix("leave it out for 50ms"))
}

fn write(report: &Report, arguments: &ProfileArgs, context: &mut Context) -> Result<(), Error> {
    let Context { output, sources } = context;
    let page = Page::of(sources);
    match (&arguments.out, output.is_json()) {
        (Some(path), true) => {
            save(path, &format!("{:#}\n", json::report(report, &sources.folder)?))?;
        }
        (Some(path), false) => {
            let lines = text::lines(report, Page { has_unicode: true, ..page });
            save(path, &format!("{}\n", anstream::adapter::strip_str(&lines.join("\n"))))?;
        }
        (None, true) => output.json(json::report(report, &sources.folder)?),
        (None, false) => {
            for line in text::lines(report, page) {
                output.note(&line);
            }
        }
    }
    if let Some(path) = &arguments.html {
        save(path, &html::page(report, &sources.folder))?;
        if arguments.out.is_none() && !output.is_json() {
            output.note(&format!("charts: {}", path.display()));
        }
    }
    Ok(())
}

/// Refuses a place that cannot be written before the program runs, not when it has ended.
fn check_place(path: &Path) -> Result<(), Error> {
    let is_new = !path.exists();
    if !is_new && !path.is_file() && !path.is_dir() {
        // To open a pipe would wait for its reader.
        return Ok(());
    }
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .and_then(|_| if is_new { std::fs::remove_file(path) } else { Ok(()) })
        .map_err(|error| unwritable(path, &error))
}

fn save(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Code::InvalidArgument, format!("`{}` cannot be written", path.display()))
        .why(error.to_string())
        .fix("name a file in a folder that exists and may be written")
}
