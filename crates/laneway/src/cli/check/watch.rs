//! `laneway check --watch`: the report again, whenever a file has changed.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use laneway_check::{Knowledge, Report, Workspace};
use laneway_core::error::{Code, Error};
use tokio::signal::unix::{SignalKind, signal};

use super::settings::CheckSettings;
use super::{Answer, CheckArgs, Format, Teller};
use crate::cli::advise::page::Page;
use crate::cli::humane::counted;
use crate::cli::output::{DIM, Output};
use crate::cli::{Context, NEGATIVE, runtime};

mod eyes;

use eyes::Eyes;

/// How long nothing must have changed before a burst of changes counts as over, and how many times
/// that is waited for at most.
const QUIET: Duration = Duration::from_millis(30);
const WAITS_MAX: u32 = 20;
/// How often the disk is looked at where the system does not tell of all changes.
const BLIND_INTERVAL: Duration = Duration::from_secs(2);
/// How many changed files are named.
const NAMED_MAX: usize = 3;

/// What wakes the watch.
#[derive(Debug)]
pub(super) enum Event {
    /// Files that were written to; without a name where the system lost count.
    Touched(Vec<PathBuf>),
    Interrupted,
}

pub(super) fn run(
    arguments: &CheckArgs,
    format: Format,
    context: &mut Context,
) -> Result<u8, Error> {
    if !matches!(format, Format::Text | Format::Concise) {
        return Err(Error::new(Code::InvalidArgument, "`--watch` and a format for programs")
            .why("it shows one report after the other, and only people can tell them apart")
            .fix("leave `--watch` out, or use `--format text` or `--format concise`"));
    }
    let (sender, events) = mpsc::channel();
    interrupts(sender.clone())?;
    let Context { output, sources } = context;
    let mut eyes = Eyes::new(sender);
    let teller = Teller { arguments, format, page: Page::of(sources) };
    let mut watch = Watch::new(CheckSettings::of(arguments, sources)?)?;
    watch.look(&mut eyes, &BTreeSet::new());
    watch.tell(&teller, None, output)?;
    say_how(&eyes, output);
    let mut unread = BTreeSet::new();
    while let Some(mut touched) = wait(&events, eyes.is_blind()) {
        touched.append(&mut unread);
        if touched.iter().any(|path| watch.settings.depend_on(path)) {
            match CheckSettings::of(arguments, sources).and_then(|it| watch.replace(it)) {
                Ok(()) => {}
                // What is being edited is broken at times; the next change mends it.
                Err(error) => {
                    output.error(&error);
                    watch.status = error.code().entry().exit;
                    unread = touched;
                    continue;
                }
            }
        }
        let changed = watch.look(&mut eyes, &touched);
        if changed.is_empty() {
            continue;
        }
        if let Err(error) = watch.tell(&teller, Some(&changed), output) {
            output.error(&error);
            watch.status = error.code().entry().exit;
        }
        if output.is_broken() {
            break;
        }
    }
    Ok(watch.status)
}

/// The program that is watched, and what was said of it last.
struct Watch {
    settings: CheckSettings,
    knowledge: Knowledge,
    workspace: Workspace,
    /// The findings that were shown last, by what stays the same when lines move.
    known: HashSet<String>,
    /// Settings that have changed, as they are shown.
    settings_changed: bool,
    status: u8,
}

impl Watch {
    fn new(settings: CheckSettings) -> Result<Self, Error> {
        let workspace = Workspace::new(settings.options().clone());
        let knowledge = settings.knowledge()?;
        let known = HashSet::new();
        Ok(Self { settings, knowledge, workspace, known, settings_changed: false, status: 0 })
    }

    /// Takes other settings.
    fn replace(&mut self, settings: CheckSettings) -> Result<(), Error> {
        self.knowledge = settings.knowledge()?;
        if !self.workspace.adopt(settings.options()) {
            self.workspace = Workspace::new(settings.options().clone());
        }
        self.settings = settings;
        self.settings_changed = true;
        Ok(())
    }

    /// Reads what has changed, and watches folders that are new; gives the changed files.
    fn look(&mut self, eyes: &mut Eyes, touched: &BTreeSet<PathBuf>) -> Vec<Arc<str>> {
        // First the folders: what is written into one before it is watched is read below.
        let folders = self.workspace.folders();
        let others = self.settings.folders().map(Into::into);
        eyes.turn_to(folders.into_iter().chain(others).collect(), touched);
        let mut changed = self.workspace.refresh(touched);
        if std::mem::take(&mut self.settings_changed) {
            changed.insert(0, "the settings".into());
        }
        changed
    }

    /// Shows the report, under what has changed since the last one.
    fn tell(
        &mut self,
        teller: &Teller<'_>,
        changed: Option<&[Arc<str>]>,
        output: &mut Output,
    ) -> Result<(), Error> {
        let report: Report = self.workspace.report(&self.knowledge);
        let answer = Answer::of(&report, &self.settings)?;
        let fingerprints = answer.shown.iter().map(|finding| finding.fingerprint.clone());
        let fingerprints: HashSet<String> = fingerprints.collect();
        output.clear();
        if let Some(changed) = changed {
            let new = fingerprints.difference(&self.known).count();
            let gone = self.known.difference(&fingerprints).count();
            output.note(&format!("{DIM}{}: {new} new, {gone} gone{DIM:#}", named(changed)));
        }
        teller.write(&answer, &self.settings.folder, output);
        self.status = if answer.shown.is_empty() { 0 } else { NEGATIVE };
        self.known = fingerprints;
        Ok(())
    }
}

/// Says what is waited for, and how.
fn say_how(eyes: &Eyes, output: &mut Output) {
    if let Some(why) = eyes.trouble() {
        let seconds = BLIND_INTERVAL.as_secs();
        output.warning(&format!("{why}; the files are looked at every {seconds} s instead"));
    }
    output.note(&format!("{DIM}watching; Ctrl-C ends it{DIM:#}"));
}

/// What has changed, in a few words.
fn named(changed: &[Arc<str>]) -> String {
    let mut names: Vec<&str> = changed.iter().take(NAMED_MAX).map(|path| &**path).collect();
    let rest = changed.len().saturating_sub(NAMED_MAX);
    let more = counted(rest, "other");
    if rest > 0 {
        names.push(&more);
    }
    format!("changed: {}", names.join(", "))
}

/// Waits for a burst of changes and its end; nothing when the user has had enough.
fn wait(events: &Receiver<Event>, is_blind: bool) -> Option<BTreeSet<PathBuf>> {
    let mut touched = BTreeSet::new();
    let first = if is_blind {
        events.recv_timeout(BLIND_INTERVAL)
    } else {
        events.recv().map_err(|_| RecvTimeoutError::Disconnected)
    };
    match first {
        Ok(Event::Touched(paths)) => touched.extend(paths),
        Err(RecvTimeoutError::Timeout) => return Some(touched),
        Ok(Event::Interrupted) | Err(RecvTimeoutError::Disconnected) => return None,
    }
    let mut waits = 0;
    while waits < WAITS_MAX {
        match events.recv_timeout(QUIET) {
            Ok(Event::Touched(paths)) => touched.extend(paths),
            Ok(Event::Interrupted) | Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => break,
        }
        // What has already happened costs no wait.
        while let Ok(event) = events.try_recv() {
            match event {
                Event::Touched(paths) => touched.extend(paths),
                Event::Interrupted => return None,
            }
        }
        waits += 1;
    }
    Some(touched)
}

/// Sends Ctrl-C as an event, from now on.
fn interrupts(events: Sender<Event>) -> Result<(), Error> {
    let unavailable = |error: io::Error| {
        Error::new(Code::Internal, "signals cannot be watched").why(error.to_string())
    };
    let runtime = runtime()?;
    let guard = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unavailable)?;
    drop(guard);
    thread::spawn(move || {
        runtime.block_on(interrupt.recv());
        // When nobody listens, the watch has ended already.
        drop(events.send(Event::Interrupted));
    });
    Ok(())
}
