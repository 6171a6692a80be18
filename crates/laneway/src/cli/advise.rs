//! `laneway advise` and `laneway explain`: what the measurements say about each task, and why.

use std::time::Duration;

use clap::{Args, ValueEnum};
use laneway_core::duration;
use laneway_core::error::{Code, Error};

use super::humane::counted;
use super::output::Output;
use super::{Context, NEGATIVE, block_on};

pub(super) mod bar;
pub(super) mod blocked_line;
pub(super) mod edit;
mod event_loop;
mod explain;
pub(super) mod gil;
pub(super) mod headline;
pub(super) mod json;
pub(super) mod page;
mod sarif;
mod source;
pub(super) mod survey;
mod term;
pub(super) mod text;
mod trace;

use page::{Page, wrapped};
use survey::{Case, Level, survey};
use term::Term;

/// Arguments of `laneway advise`.
#[derive(Debug, Args)]
pub(super) struct AdviseArgs {
    /// Only these tasks; all by default
    #[arg(value_name = "TASK")]
    tasks: Vec<String>,
    /// Only what was measured within this time, in whole hours; by default all that is kept, which
    /// is 14 days
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    since: Option<Duration>,
    /// How to write the advice; `--json` is the same as `--format json`
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Exit with 1 when the code of a task should change
    #[arg(long)]
    fail: bool,
}

/// Arguments of `laneway explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// A task, a rule such as `R4`, a rule of `laneway check` such as `LW101`, or an error code
    /// such as `LW2010`
    #[arg(value_name = "TASK")]
    subject: String,
    /// Only what was measured within this time, in whole hours
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    since: Option<Duration>,
}

/// How advice is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One object a line
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

pub(super) fn run(arguments: &AdviseArgs, context: &mut Context) -> Result<u8, Error> {
    let format = format(arguments, context.output.is_json())?;
    let folder = context.sources.folder.clone();
    let cases = block_on(async {
        survey(&context.store().await?, arguments.since, &arguments.tasks, &folder).await
    })?;
    let Context { output, sources } = context;
    match format {
        Format::Text => write_text(&cases, arguments, Page::of(sources), output),
        Format::Json => {
            for case in &cases {
                output.json(json::advice(case, &sources.folder)?);
            }
        }
        Format::Sarif => {
            output.raw(format!("{:#}\n", sarif::log(&cases, &sources.folder)).as_bytes());
        }
    }
    let has_change = cases.iter().any(|case| case.level().has_change());
    Ok(if arguments.fail && has_change { NEGATIVE } else { 0 })
}

pub(super) fn explain(arguments: &ExplainArgs, context: &mut Context) -> Result<u8, Error> {
    let subject = arguments.subject.as_str();
    let term = Term::find(subject);
    if let Ok(Some(term)) = term {
        term.write(Page::of(&context.sources), &mut context.output);
        return Ok(0);
    }
    let folder = context.sources.folder.clone();
    let cases = block_on(async {
        survey(&context.store().await?, arguments.since, &[subject.to_owned()], &folder).await
    });
    // A task may be named like a rule or a code; if there is none, it was no task that was meant.
    let cases = cases.map_err(|error| term.err().unwrap_or(error))?;
    let Context { output, sources } = context;
    for case in &cases {
        if output.is_json() {
            output.json(json::explanation(case, &sources.folder)?);
        } else {
            explain::write_task(case, Page::of(sources), output);
        }
    }
    Ok(0)
}

fn format(arguments: &AdviseArgs, is_json: bool) -> Result<Format, Error> {
    match (arguments.format, is_json) {
        (None | Some(Format::Json), true) => Ok(Format::Json),
        (Some(_), true) => Err(Error::new(
            Code::InvalidArgument,
            "`--json` cannot be used with another `--format`",
        )
        .why("they contradict each other")
        .fix("leave one of them out")),
        (format, false) => Ok(format.unwrap_or(Format::Text)),
    }
}

/// A block for each task that has something to do or was asked for, and lines for the others.
fn write_text(cases: &[Case], arguments: &AdviseArgs, page: Page<'_>, output: &mut Output) {
    let is_asked = !arguments.tasks.is_empty();
    let with_block = cases.iter().filter(|case| is_asked || case.has_block());
    for (at, case) in with_block.enumerate() {
        if at > 0 {
            output.line("");
        }
        text::block(case, page).lines.iter().for_each(|line| output.line(line));
    }
    if !is_asked {
        write_tables(cases, page, output);
    }
    write_remarks(cases, page, output);
}

/// The tasks without a change to make, in a line each.
fn write_tables(cases: &[Case], page: Page<'_>, output: &mut Output) {
    let mut has_above = cases.iter().any(Case::has_block);
    for (level, head) in [(Level::Well, "nothing to change"), (Level::Unknown, "too early to say")]
    {
        let is_listed = |case: &&Case| case.level() == level && !case.has_block();
        let of_level: Vec<&Case> = cases.iter().filter(is_listed).collect();
        if of_level.is_empty() {
            continue;
        }
        if std::mem::replace(&mut has_above, true) {
            output.line("");
        }
        for line in text::table(&of_level, head, page) {
            output.line(&line);
        }
    }
}

/// What one should know of the whole.
fn write_remarks(cases: &[Case], page: Page<'_>, output: &mut Output) {
    let mut note = |text: &str| {
        for line in wrapped(text, page.width) {
            output.note(&line);
        }
    };
    if cases.iter().all(|case| case.advice.sufficiency.runs == 0) {
        return note(
            "no run was measured yet: run a worker (`laneway worker MODULE:APP`) and let it \
             do real work; it measures every attempt and writes what it saw to the store every few \
             seconds. A verdict needs 20 runs and 2 s of work of a task",
        );
    }
    let guessed = cases.iter().filter(|case| !case.is_calibrated).count();
    if guessed > 0 {
        note(&format!(
            "lanes are not calibrated for {}: the costs of a two-core machine stand in until a \
             worker of the application has measured its own",
            counted(u64::try_from(guessed).unwrap_or(u64::MAX), "task")
        ));
    }
}
