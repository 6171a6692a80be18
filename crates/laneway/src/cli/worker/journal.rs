//! What a worker says while it works: calm words for people, events for programs.

use std::net::SocketAddr;

use laneway_core::clock::Timestamp;
use laneway_core::job::{Lane, QueueName, TaskName};
use laneway_core::profile::{Blockage, Place, Site};
use laneway_engine::protocol::AppManifest;
use laneway_engine::{AttemptEnded, Blocker, Ending, Happening, WorkerOptions, WorkerReport};
use serde_json::Value;

use super::{Events, event};
use crate::cli::humane::{age, counted, now, reason, span};
use crate::cli::output::{DIM, Output, PLAIN, RED, YELLOW, plain};
use crate::cli::python::Python;
use crate::config::{LogFormat, Sourced};
use crate::store_url::StoreUrl;

/// What is told at the start.
pub(super) struct Start<'a> {
    pub(super) store: &'a Sourced<StoreUrl>,
    pub(super) manifest: &'a AppManifest,
    pub(super) queues: Vec<QueueName>,
    pub(super) options: &'a WorkerOptions,
    pub(super) python: &'a Python,
    /// Where probes are answered.
    pub(super) listen: Option<SocketAddr>,
}

/// Writes what happens, as wanted.
pub(super) struct Journal<'a> {
    output: &'a mut Output,
    format: LogFormat,
    events: Events,
    begun_at: Timestamp,
}

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Only for people who asked for more.
    Detail,
    Info,
    Warning,
    Error,
}

impl<'a> Journal<'a> {
    pub(super) fn new(output: &'a mut Output, format: LogFormat, events: Events) -> Self {
        Self { output, format, events, begun_at: now() }
    }

    /// Tells what is about to run, and where its jobs come from.
    pub(super) fn start(&mut self, start: &Start<'_>) {
        self.write_event(|| event::starting(start));
        if self.format == LogFormat::Json {
            return self.write_log_object(event::starting(start), Level::Info);
        }
        let python = format!("{} ({})", start.python.path.display(), start.python.why);
        let concurrency = start.options.concurrency;
        self.output.note(&format!("laneway {}  worker {}", crate::VERSION, start.options.name));
        for (name, text) in [
            ("store", format!("{} ({})", start.store.value, start.store.origin)),
            ("app", format!("{}: {}", start.manifest.name, tasks(start.manifest))),
            ("queues", joined(start.queues.iter().map(ToString::to_string))),
            (
                "at once",
                format!(
                    "async {}, thread {}, process {}",
                    concurrency.async_jobs, concurrency.threads, concurrency.processes
                ),
            ),
            ("python", python),
        ] {
            self.output.note(&format!("  {DIM}{name:<7}{DIM:#}  {}", plain(&text)));
        }
        if let Some(address) = start.listen {
            self.output.note(&format!("  {DIM}http   {DIM:#}  http://{address}/queues"));
        }
    }

    /// Tells what happened.
    pub(super) fn happened(&mut self, happening: &Happening) {
        let is_attempt = matches!(happening, Happening::AttemptEnded(_));
        if !is_attempt || self.events == Events::Attempts {
            self.write_event(|| event::happened(happening));
        }
        let Some((level, text)) = words(happening) else {
            return;
        };
        if level == Level::Detail && !self.output.is_verbose() {
            return;
        }
        match self.format {
            LogFormat::Json => self.write_log_object(event::happened(happening), level),
            LogFormat::Text => self.write_log_line(level, &text),
        }
    }

    /// Tells what was done in all.
    pub(super) fn end(&mut self, report: &WorkerReport) {
        self.write_event(|| event::ended(report));
        match self.format {
            LogFormat::Json => self.write_log_object(event::ended(report), Level::Info),
            LogFormat::Text => {
                let took = age(now().since(self.begun_at));
                self.write_log_line(Level::Info, &format!("ended after {took}: {}", sum(report)));
            }
        }
    }

    fn write_event(&mut self, event: impl FnOnce() -> Value) {
        if self.output.is_json() {
            self.output.json(event());
        }
    }

    fn write_log_object(&mut self, mut object: Value, level: Level) {
        if let Value::Object(fields) = &mut object {
            fields.insert("level".to_owned(), Value::from(level.as_str()));
        }
        self.write(level, &object.to_string());
    }

    fn write_log_line(&mut self, level: Level, text: &str) {
        let time = crate::view::rfc3339(now());
        let time = time.get(11..19).unwrap_or(&time);
        let style = match level {
            Level::Detail | Level::Info => PLAIN,
            Level::Warning => YELLOW,
            Level::Error => RED,
        };
        let word = match level {
            Level::Detail | Level::Info => String::new(),
            Level::Warning | Level::Error => format!("{style}{}{style:#}  ", level.as_str()),
        };
        self.write(level, &format!("{DIM}{time}{DIM:#}  {word}{}", plain(text)));
    }

    fn write(&mut self, level: Level, line: &str) {
        match level {
            Level::Error => self.output.problem(line),
            Level::Detail | Level::Info | Level::Warning => self.output.note(line),
        }
    }
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Detail => "detail",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The line for people, and how much it matters; `None` for what only programs want to know.
fn words(happening: &Happening) -> Option<(Level, String)> {
    match happening {
        Happening::RunnerReady { .. }
        | Happening::RunnerDied { .. }
        | Happening::RunnerRetired { .. }
        | Happening::LoopBlocked { .. }
        | Happening::TaskBlocked { .. } => of_runner(happening),
        Happening::LaneMoved(_) | Happening::TookOver { .. } | Happening::TasksRefused { .. } => {
            of_tasks(happening)
        }
        Happening::AttemptEnded(attempt) => Some(of_attempt(attempt)),
        Happening::Draining { .. } | Happening::DrainTimedOut { .. } => of_end(happening),
        _ => of_store(happening),
    }
}

fn of_runner(happening: &Happening) -> Option<(Level, String)> {
    Some(match happening {
        Happening::RunnerReady { runner, kind, pid, took } => {
            let (kind, took) = (kind.as_str(), span(*took));
            (Level::Detail, format!("{kind} runner {runner} is ready after {took}, pid {pid}"))
        }
        Happening::RunnerDied { runner, kind, how } => {
            (Level::Warning, format!("{} runner {runner} died: {how}", kind.as_str()))
        }
        Happening::RunnerRetired { runner, kind, why } => {
            (Level::Detail, format!("{} runner {runner} is retired: {why}", kind.as_str()))
        }
        Happening::LoopBlocked { runner, since, by, waiting, taken_back } => {
            let (since, by) = (span(*since), by.as_ref().map(blocker).unwrap_or_default());
            let jobs = left_behind(*waiting, *taken_back);
            let text =
                format!("the event loop of runner {runner} has not turned for {since}{by}; {jobs}");
            (Level::Warning, text)
        }
        Happening::TaskBlocked { task, site, is_over } => {
            (Level::Warning, blocked(task, site, *is_over))
        }
        _ => return None,
    })
}

/// Such as `, the last 300ms of it because of shop.pay at shop/pay.py:7`.
fn blocker(by: &Blocker) -> String {
    let at = by.place.as_ref();
    let at = at.map_or_else(String::new, |place| format!(" at {}:{}", place.file, place.line));
    format!(", the last {} because of {}{at}", span(by.since), by.task)
}

/// What became of the jobs that were sent to a loop that does not turn.
fn left_behind(waiting: usize, taken_back: usize) -> String {
    let jobs = |count: usize| counted(count as u64, "job");
    match waiting.saturating_sub(taken_back) {
        0 if taken_back == 0 => "no job waits for it".to_owned(),
        0 => format!("another runner gets {} that waited for it", jobs(taken_back)),
        left if taken_back == 0 => format!("{} that it has taken must wait for it", jobs(left)),
        left => format!(
            "of the jobs that waited for it, {taken_back} go to another runner and {left}, which \
             it has taken, must wait"
        ),
    }
}

/// The place, and below it the stack, innermost last.
fn blocked(task: &TaskName, site: &Site, is_over: bool) -> String {
    let Place { file, line, function } = &site.place;
    let (took, how) = (span(site.longest), how_blocked(site.blockage));
    let kept = if is_over {
        format!("kept the event loop from turning for {took}")
    } else {
        format!("keeps the event loop from turning, for {took} by now")
    };
    let mut text = format!("{task} {kept}: {how} in `{function}` at {file}:{line}");
    for frame in site.stack.lines() {
        text.push_str("\n            ");
        text.push_str(frame);
    }
    text
}

const fn how_blocked(blockage: Blockage) -> &'static str {
    match blockage {
        Blockage::Cpu => "it computes",
        Blockage::Call => "it waits in a blocking call",
        Blockage::Gil => "it waits for the GIL",
        Blockage::Starved => "it waits for a core",
    }
}

fn of_tasks(happening: &Happening) -> Option<(Level, String)> {
    Some(match happening {
        Happening::LaneMoved(event) => {
            (Level::Info, format!("{}: {}", event.task, event.record().sentence()))
        }
        Happening::TookOver { tasks } => {
            let took = tasks.iter().map(|owner| format!("{} of {}", owner.task, owner.application));
            let took = took.collect::<Vec<_>>().join(", ");
            (Level::Warning, format!("took over what belonged to other applications: {took}"))
        }
        Happening::TasksRefused { error } => (Level::Error, error.to_string()),
        _ => return None,
    })
}

fn of_store(happening: &Happening) -> Option<(Level, String)> {
    Some(match happening {
        Happening::Ready { session, .. } => (Level::Info, format!("ready, session {session}")),
        Happening::SessionLost { held, .. } => {
            let jobs = counted(*held as u64, "job");
            (Level::Error, format!("the session was lost with {jobs}; a new one is opened"))
        }
        Happening::SessionOpened { session } => {
            (Level::Info, format!("a new session is open, {session}"))
        }
        Happening::StoreTroubled { error } => (Level::Error, error.to_string()),
        Happening::StoreRecovered { after } => {
            (Level::Info, format!("the store can be used again after {}", span(*after)))
        }
        Happening::Swept(swept) if swept.sessions_expired > 0 => {
            let sessions = counted(swept.sessions_expired as u64, "session");
            let text = format!(
                "{sessions} expired; jobs of dead workers: {} ready again, {} parked, {} failed",
                swept.released, swept.parked, swept.failed
            );
            (Level::Warning, text)
        }
        Happening::Pruned { jobs } => (
            Level::Detail,
            format!("deleted {}, because they are old", counted(*jobs as u64, "job")),
        ),
        _ => return None,
    })
}

fn of_end(happening: &Happening) -> Option<(Level, String)> {
    Some(match happening {
        Happening::Draining { running: 0 } => (Level::Info, "stopping; nothing runs".to_owned()),
        Happening::Draining { running } => {
            let attempts = counted(*running as u64, "running attempt");
            (Level::Info, format!("stopping; waits for {attempts}"))
        }
        Happening::DrainTimedOut { running } => {
            let attempts = counted(*running as u64, "attempt");
            (Level::Warning, format!("{attempts} did not end in time; asked to stop, then killed"))
        }
        _ => return None,
    })
}

fn of_attempt(attempt: &AttemptEnded) -> (Level, String) {
    let level = match attempt.ending {
        Ending::Failed | Ending::Parked | Ending::Interrupted | Ending::Fenced => Level::Warning,
        Ending::Retried(_) => Level::Info,
        Ending::Succeeded | Ending::Cancelled | Ending::Released | Ending::HandedBack => {
            Level::Detail
        }
    };
    let ending = match attempt.ending {
        Ending::Retried(after) => format!("failed, next attempt in {}", span(after)),
        other => event::ending(other).replace('_', " "),
    };
    let took = attempt.wall.map_or_else(String::new, |wall| format!(" after {}", span(wall)));
    let why = attempt.failure.as_ref().map_or_else(String::new, |failure| {
        let reason = reason(failure);
        format!(": {}", reason.lines().next().unwrap_or_default())
    });
    let AttemptEnded { task, job, number, .. } = attempt;
    (level, format!("{task} {job} attempt {number} {ending}{took}{why}"))
}

fn tasks(manifest: &AppManifest) -> String {
    let lanes = Lane::ALL.map(|lane| {
        let count = manifest.tasks.iter().filter(|task| task.lane == lane).count();
        (count > 0).then(|| format!("{count} {lane}"))
    });
    let total = counted(manifest.tasks.len() as u64, "task");
    match joined(lanes.into_iter().flatten()) {
        lanes if lanes.is_empty() => total,
        lanes => format!("{total} ({lanes})"),
    }
}

fn sum(report: &WorkerReport) -> String {
    let counts = [
        (report.succeeded, "succeeded"),
        (report.failed, "failed"),
        (report.retried, "retried"),
        (report.cancelled, "cancelled"),
        (report.interrupted, "interrupted"),
        (report.parked, "parked"),
        (report.released, "given back"),
        (report.handed_back, "handed back"),
        (report.fenced, "fenced"),
        (report.stale, "refused as stale"),
        (report.unsettled, "not settled"),
    ];
    let told = counts.into_iter().filter(|(count, _)| *count > 0);
    match joined(told.map(|(count, word)| format!("{count} {word}"))) {
        told if told.is_empty() => "no attempt".to_owned(),
        told => told,
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
