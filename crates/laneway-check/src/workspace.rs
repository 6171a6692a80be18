//! A program that is kept in memory: what has changed is read again, and nothing else.
//!
//! For editors, and for those who watch files. What an editor has open counts in the place of what
//! the disk has, until it is closed. Only reading is saved: what follows from the text is worked
//! out anew for the whole program, because an edit may move findings of any other file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rayon::prelude::*;

use crate::answers;
use crate::check::{self, Options, Report};
use crate::discovery::{self, Found};
use crate::finding::{FileProblem, Finding, Replacement};
use crate::knowledge::Knowledge;
use crate::lines::Lines;
use crate::lowering::summarize;
use crate::program::{FileId, Program, SourceFile};
use crate::source::{self, Unreadable};

/// The files of some [`Options`], read once.
#[derive(Debug)]
pub struct Workspace {
    options: Options,
    /// Its threads have the stack that trees need.
    pool: Option<rayon::ThreadPool>,
    program: Program,
    /// By the number of the file.
    wanted: Vec<bool>,
    held: BTreeMap<PathBuf, Held>,
    /// What is wrong with folders and patterns.
    problems: Vec<FileProblem>,
}

/// A file of the workspace.
#[derive(Debug)]
struct Held {
    found: Found,
    /// What the disk said of it when it was read; nothing when it was never saved.
    stamp: Option<Stamp>,
    is_open: bool,
    content: Content,
}

#[derive(Debug)]
enum Content {
    File(FileId),
    Problem(FileProblem),
}

/// What tells that a file has been written to, as far as the clock of the disk can.
type Stamp = (Option<SystemTime>, u64);

/// A file that was read just now.
#[derive(Debug)]
struct Reading {
    found: Found,
    stamp: Option<Stamp>,
    is_open: bool,
    file: Result<SourceFile, FileProblem>,
}

impl Workspace {
    /// A workspace without files; [`Workspace::refresh`] reads them.
    ///
    /// Summaries are kept in memory, so the cache of the options is not used.
    pub fn new(options: Options) -> Self {
        let pool = rayon::ThreadPoolBuilder::new().stack_size(check::STACK_BYTES).build();
        Self {
            options,
            pool: pool.ok(),
            program: Program::new(Vec::new()),
            wanted: Vec::new(),
            held: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    /// Takes other options; refuses those that mean other files, for which nothing is gained from
    /// what was read.
    pub fn adopt(&mut self, options: &Options) -> bool {
        let files = |it: &Options| {
            let choice = (it.includes_tests, it.respects_ignores);
            (it.paths.clone(), it.base.clone(), it.exclude.clone(), choice)
        };
        let is_same = files(options) == files(&self.options);
        if is_same {
            self.options = options.clone();
        }
        is_same
    }

    /// Looks at the disk and reads what is new or has changed; gives the paths, as they are shown,
    /// of what is another than before.
    ///
    /// The clock of a disk is coarse. What is known to have been `touched` is read whatever the
    /// disk says of it.
    pub fn refresh(&mut self, touched: &BTreeSet<PathBuf>) -> Vec<Arc<str>> {
        let Options { paths, exclude, respects_ignores, .. } = &self.options;
        let (found, problems) = discovery::discover(paths, exclude, *respects_ignores);
        self.problems = problems;
        let mut gone: BTreeSet<&Path> = self.held.keys().map(PathBuf::as_path).collect();
        for found in &found {
            gone.remove(found.path.as_path());
        }
        gone.retain(|path| self.held.get(*path).is_some_and(|held| !held.is_open));
        let gone: Vec<PathBuf> = gone.into_iter().map(Path::to_owned).collect();
        let stale: Vec<(Found, Option<Stamp>)> = found
            .into_iter()
            .map(|found| (stamp(&found.path), found))
            .filter(|(stamp, found)| match self.held.get(&found.path) {
                Some(held) if held.is_open => held.found != *found,
                Some(held) => {
                    held.stamp != *stamp || held.found != *found || touched.contains(&found.path)
                }
                None => true,
            })
            .map(|(stamp, found)| (found, stamp))
            .collect();
        let readings = self.read(stale);
        self.take(readings, &gone)
    }

    /// Takes the text of an editor in the place of the file's; tells whether the file is one of the
    /// workspace.
    ///
    /// What lies on the disk and is no part of the workspace was left out on purpose.
    pub fn open(&mut self, path: &Path, text: &str) -> bool {
        let (found, stamp) = match self.held.get(path) {
            Some(held) => (held.found.clone(), held.stamp),
            None if path.exists() => return false,
            None => (discovery::unsaved(path, &self.options.paths), None),
        };
        let options = &self.options;
        let too_large = text.len() as u64 > source::BYTES_MAX;
        let file = on(self.pool.as_ref(), || {
            let text = if too_large {
                Err(Unreadable::TooLarge(text.len() as u64))
            } else {
                source::refuse_depth(text).map(|()| text.to_owned())
            };
            file_of(&found, text, options)
        });
        self.take(vec![Reading { found, stamp, is_open: true, file }], &[]);
        true
    }

    /// Takes the file of the disk again.
    pub fn close(&mut self, path: &Path) {
        let Some(held) = self.held.get_mut(path) else { return };
        held.is_open = false;
        let found = held.found.clone();
        match stamp(path) {
            stamp @ Some(_) => {
                let readings = self.read(vec![(found, stamp)]);
                self.take(readings, &[]);
            }
            None => {
                self.take(Vec::new(), &[path.to_owned()]);
            }
        }
    }

    /// What is found in all files, as they are now.
    pub fn report(&self, knowledge: &Knowledge) -> Report {
        let mut report = Report::default();
        for (_, file) in self.program.files() {
            report.files += 1;
            report.lines += file.lines.count();
            report.problems.extend(check::syntax_problem(file));
        }
        let is_left_out = |is_test: bool| is_test && !self.options.includes_tests;
        report.tests = self.held.values().filter(|held| is_left_out(held.found.is_test)).count();
        check::analyse(&self.program, knowledge, &self.options, &self.wanted, &mut report);
        report.problems.extend(self.held.values().filter_map(|held| match &held.content {
            Content::Problem(problem) => Some(problem.clone()),
            Content::File(_) => None,
        }));
        report.problems.extend(self.problems.iter().cloned());
        report
    }

    /// The text of a file, without the mark that some begin with.
    pub fn text(&self, path: &Path) -> Option<Arc<str>> {
        match self.held.get(path)?.content {
            Content::File(id) => self.program.file(id)?.text.clone(),
            Content::Problem(_) => None,
        }
    }

    /// The comment that answers a finding of these files, as an edit of its file; none where no
    /// comment can stand.
    pub fn answer(&self, finding: &Finding, reason: &str) -> Option<Replacement> {
        let text = self.text(&self.options.base.join(&*finding.location.path))?;
        on(self.pool.as_ref(), || answers::answer(&text, finding, reason))
    }

    /// All folders whose files are checked, also when there are none in it: what has to be watched.
    pub fn folders(&self) -> Vec<PathBuf> {
        let Options { paths, exclude, respects_ignores, .. } = &self.options;
        discovery::folders(paths, exclude, *respects_ignores)
    }

    fn read(&self, stale: Vec<(Found, Option<Stamp>)>) -> Vec<Reading> {
        let options = &self.options;
        // An open file whose module has another name now keeps the editor's text.
        let texts = stale.iter().map(|(found, _)| match self.held.get(&found.path) {
            Some(held) if held.is_open => self.text(&found.path),
            _ => None,
        });
        let texts: Vec<Option<Arc<str>>> = texts.collect();
        on(self.pool.as_ref(), || {
            let read = |((found, stamp), text): ((Found, Option<Stamp>), Option<Arc<str>>)| {
                let is_open = text.is_some();
                let text = text
                    .map_or_else(|| check::read_text(&found.path), |text| Ok(text.as_ref().into()));
                let file = file_of(&found, text, options);
                Reading { found, stamp, is_open, file }
            };
            stale.into_par_iter().zip(texts).map(read).collect()
        })
    }

    /// Puts files in, and takes what is gone out; gives what is another than before.
    fn take(&mut self, readings: Vec<Reading>, gone: &[PathBuf]) -> Vec<Arc<str>> {
        let mut changed: Vec<Arc<str>> =
            gone.iter().map(|path| check::shown(path, &self.options)).collect();
        let is_changed =
            |reading: &Reading| match (self.held.get(&reading.found.path), &reading.file) {
                (Some(Held { content: Content::Problem(old), .. }), Err(new)) => old != new,
                (Some(held), Ok(new)) => {
                    held.found != reading.found || self.text(&reading.found.path) != new.text
                }
                _ => true,
            };
        let (new, same): (Vec<_>, Vec<_>) = readings.into_iter().partition(is_changed);
        for reading in same {
            if let Some(held) = self.held.get_mut(&reading.found.path) {
                held.stamp = reading.stamp;
                held.is_open = reading.is_open;
            }
        }
        changed.extend(new.iter().map(|it| check::shown(&it.found.path, &self.options)));
        if changed.is_empty() {
            return changed;
        }
        changed.sort();
        let (in_place, others): (Vec<_>, Vec<_>) =
            new.into_iter().partition(|reading| self.has_place(reading));
        for Reading { found, stamp, is_open, file } in in_place {
            if let (Some(held), Ok(file)) = (self.held.get_mut(&found.path), file) {
                held.stamp = stamp;
                held.is_open = is_open;
                if let Content::File(id) = held.content {
                    self.program.replace(id, file);
                }
            }
        }
        if !others.is_empty() || !gone.is_empty() {
            self.rebuild(others, gone);
        }
        changed
    }

    /// Whether a file was there before, and is called the same.
    fn has_place(&self, reading: &Reading) -> bool {
        let held = self.held.get(&reading.found.path);
        reading.file.is_ok()
            && held.is_some_and(|held| {
                held.found == reading.found && matches!(held.content, Content::File(_))
            })
    }

    /// Makes another program, because files came or went.
    fn rebuild(&mut self, readings: Vec<Reading>, gone: &[PathBuf]) {
        let old = std::mem::replace(&mut self.program, Program::new(Vec::new()));
        let mut files: BTreeMap<PathBuf, SourceFile> =
            old.into_files().into_iter().map(|file| (file.real_path.clone(), file)).collect();
        for path in gone {
            self.held.remove(path);
            files.remove(path);
        }
        for Reading { found, stamp, is_open, file } in readings {
            let path = found.path.clone();
            let content = match file {
                Ok(file) => {
                    files.insert(path.clone(), file);
                    Content::File(FileId(0))
                }
                Err(problem) => {
                    files.remove(&path);
                    Content::Problem(problem)
                }
            };
            self.held.insert(path, Held { found, stamp, is_open, content });
        }
        self.wanted.clear();
        for ((path, _), id) in files.iter().zip(0..) {
            if let Some(held) = self.held.get_mut(path) {
                held.content = Content::File(FileId(id));
                self.wanted.push(self.options.includes_tests || !held.found.is_test);
            }
        }
        self.program = Program::new(files.into_values().collect());
    }
}

/// Runs on a thread that has the stack for it, where there are such threads.
fn on<T: Send>(pool: Option<&rayon::ThreadPool>, work: impl FnOnce() -> T + Send) -> T {
    match pool {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

fn file_of(
    found: &Found,
    text: Result<String, Unreadable>,
    options: &Options,
) -> Result<SourceFile, FileProblem> {
    let path = check::shown(&found.path, options);
    let text = text.map_err(|error| check::unreadable(&path, &error))?;
    Ok(SourceFile {
        path,
        real_path: found.path.clone(),
        module: found.module.clone(),
        is_package: found.is_package,
        summary: summarize(&text),
        lines: Lines::of(&text),
        text: Some(text.into()),
    })
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok(), meta.len()))
}

#[cfg(test)]
mod tests;
