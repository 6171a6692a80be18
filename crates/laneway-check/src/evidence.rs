//! What something else measured: lines that kept an event loop from turning, and for how long.
//!
//! Where it comes from, a report or a store, is the caller's business. Here it is joined with the
//! code: a [`Sighting`] is one line that was seen at run time, a [`Cost`] what a finding cost.

use std::time::Duration;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::program::{FileId, Place, Program};
use crate::summary::{ScopeId, ScopeKind};

/// All that was measured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The lines that were seen.
    pub sightings: Vec<Sighting>,
    /// For how long the event loops were watched; zero when it is not known.
    pub loop_time: Duration,
}

/// A line that kept an event loop from turning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Where it was seen: the innermost line of the program itself.
    pub frame: Frame,
    /// The Python stack, outermost frame first; may be cut at its outer end, or missing.
    pub stack: Vec<Frame>,
    /// On whose behalf.
    pub task: String,
    /// What kept it.
    pub cause: Cause,
    /// How often it was seen.
    pub count: u64,
    /// Its time in all.
    pub total: Duration,
    /// Its longest time.
    pub longest: Duration,
}

/// A line of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The path of the file, or the end of it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The function's qualified name, or its name alone.
    pub function: String,
}

/// What a thread did that kept its loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It computed.
    Computes,
    /// It waited in a call.
    Waits,
    /// It waited for another thread to release the GIL.
    WaitsForGil,
}

/// What a finding cost while somebody measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// How often it was seen to keep a loop.
    pub count: u64,
    /// For how long in all.
    pub total: Duration,
    /// The longest time.
    pub longest: Duration,
    /// For how long the loops were watched; zero when it is not known.
    pub loop_time: Duration,
    /// On whose behalf, in the order of their names.
    pub tasks: Vec<String>,
}

impl Cost {
    pub(crate) fn add(&mut self, sighting: &Sighting, loop_time: Duration) {
        self.count = self.count.saturating_add(sighting.count);
        self.total = self.total.saturating_add(sighting.total);
        self.longest = self.longest.max(sighting.longest);
        self.loop_time = loop_time;
        if let Err(at) = self.tasks.binary_search(&sighting.task) {
            self.tasks.insert(at, sighting.task.clone());
        }
    }

    /// Which part of the loops' time it took.
    pub fn share(&self) -> Option<f64> {
        let all = self.loop_time.as_secs_f64();
        (all > 0.0).then(|| self.total.as_secs_f64() / all)
    }

    /// How much of an hour of a loop it takes.
    pub fn per_hour(&self) -> Option<Duration> {
        self.share().and_then(|share| Duration::try_from_secs_f64(share * 3_600.0).ok())
    }
}

impl Frame {
    /// The last part of the function's name.
    pub(crate) fn last_name(&self) -> &str {
        self.function.rsplit('.').next().unwrap_or(&self.function)
    }

    /// Whether it belongs to Python itself or to an installed package.
    pub(crate) fn is_of_library(&self) -> bool {
        const MARKS: [&str; 4] =
            ["/lib/python3.", "/site-packages/", "/dist-packages/", "<frozen "];
        MARKS.iter().any(|mark| self.file.contains(mark))
    }

    /// Whether the code has no name of its own, such as a lambda or a comprehension.
    pub(crate) fn is_nameless(&self) -> bool {
        self.function.ends_with('>')
    }
}

/// Finds the lines of stacks in a program that may lie elsewhere than where it ran.
#[derive(Debug)]
pub(crate) struct Locator<'a> {
    program: &'a Program,
    /// Files by their last name.
    by_name: FxHashMap<&'a str, Vec<FileId>>,
}

/// A line of a stack, found in the program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spotted {
    /// Where the frame is in the stack; `None` when the stack does not have it.
    pub(crate) depth: Option<usize>,
    /// The function, or the module.
    pub(crate) place: Place,
    pub(crate) line: u32,
    /// Whether another function than the measured one stands on that line by now.
    pub(crate) has_moved: bool,
}

impl<'a> Locator<'a> {
    pub(crate) fn new(program: &'a Program) -> Self {
        let mut by_name: FxHashMap<&str, Vec<FileId>> = FxHashMap::default();
        for (id, file) in program.files() {
            if let Some(name) = file.real_path.file_name().and_then(|it| it.to_str()) {
                by_name.entry(name).or_default().push(id);
            }
        }
        Self { program, by_name }
    }

    /// The innermost line of a sighting that is in the program.
    pub(crate) fn spot(&self, sighting: &Sighting) -> Option<Spotted> {
        let inwards = sighting.stack.iter().enumerate().rev();
        let mut frames = inwards.map(|(depth, frame)| (Some(depth), frame));
        let found = frames.find_map(|(depth, frame)| self.spot_frame(depth, frame));
        found.or_else(|| self.spot_frame(None, &sighting.frame))
    }

    fn spot_frame(&self, depth: Option<usize>, frame: &Frame) -> Option<Spotted> {
        let (shared, file) = self.file(frame)?;
        let source = self.program.file(file)?;
        let at = source.lines.end(frame.line)?;
        let scope = innermost(self.program, file, at, frame.line);
        let place = Place { file, scope };
        let name = self.program.scope(place).map(|it| source.summary.text(it.name));
        let is_same = frame.is_nameless() || name == Some(frame.last_name());
        // The name of a file alone says little: the function must be there, too.
        if !is_same && shared == 1 {
            return None;
        }
        Some(Spotted { depth, place, line: frame.line, has_moved: !is_same })
    }

    /// The file with the longest end of its path in common, and how many parts that are: what runs
    /// may be a copy. A library's file is none of the program's, unless it is the very same.
    fn file(&self, frame: &Frame) -> Option<(usize, FileId)> {
        let name = frame.file.rsplit('/').next()?;
        let mut best: Option<(usize, FileId)> = None;
        for id in self.by_name.get(name)? {
            let file = self.program.file(*id)?;
            let real = file.real_path.to_str()?;
            if frame.is_of_library() && real != frame.file {
                continue;
            }
            let shared = real
                .rsplit('/')
                .zip(frame.file.rsplit('/'))
                .take_while(|(one, other)| one == other)
                .count();
            let parts = |path: &str| path.split('/').filter(|part| !part.is_empty()).count();
            let is_whole = shared >= parts(&file.path) || shared >= parts(&frame.file);
            if (is_whole || shared >= 2) && best.is_none_or(|(most, _)| shared > most) {
                best = Some((shared, *id));
            }
        }
        best
    }
}

/// The innermost named scope around the end of a line.
fn innermost(program: &Program, file: FileId, at: u32, line: u32) -> ScopeId {
    let summary = program.summary(file);
    let Some(source) = program.file(file) else { return ScopeId::MODULE };
    let scopes = (0..).map(ScopeId).zip(&summary.scopes);
    let around = scopes.filter(|(_, it)| {
        let (first, _) = source.lines.line(it.span.start);
        matches!(it.kind, ScopeKind::Function | ScopeKind::Async)
            && first <= line
            && it.span.start <= at
            && at <= it.span.end.saturating_add(1)
    });
    around.min_by_key(|(_, it)| it.span.end - it.span.start).map_or(ScopeId::MODULE, |(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_told_by_the_hour_when_the_time_of_the_loops_is_known() {
        let frame = Frame { file: "app.py".into(), line: 3, function: "load".into() };
        let sighting = |task: &str| Sighting {
            frame: frame.clone(),
            stack: Vec::new(),
            task: task.to_owned(),
            cause: Cause::Waits,
            count: 2,
            total: Duration::from_millis(300),
            longest: Duration::from_millis(200),
        };
        let mut cost = Cost::default();
        for task in ["b", "a", "b"] {
            cost.add(&sighting(task), Duration::from_secs(90));
        }
        assert_eq!((cost.count, cost.total), (6, Duration::from_millis(900)));
        assert_eq!(cost.tasks, ["a", "b"]);
        assert_eq!(cost.per_hour(), Some(Duration::from_secs(36)));
        assert_eq!(Cost::default().share(), None);
    }
}
