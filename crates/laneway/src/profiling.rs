//! What `laneway profile` is told: each process that it measures writes one part, over and over.
//!
//! A part is written by the Python extension inside the measured program and read by the command;
//! both are of one release, so the format may change with each.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use laneway_core::profile::Profile;
use serde::{Deserialize, Serialize};

/// The ending of a part's file.
const ENDING: &str = "part";

/// The ending of the file in which a process says why it measures nothing.
const REFUSAL: &str = "refused";

/// What one process measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    /// The process.
    pub process: u32,
    /// The build of Python, such as `cpython-312`.
    pub interpreter: String,
    /// Its event loops, one a thread.
    pub loops: Vec<LoopPart>,
    /// What ran on them.
    pub tasks: Vec<TaskPart>,
    /// The loop that is blocked at this moment.
    pub blocked: Option<BlockedPart>,
    /// Long steps that only a starved host made long, and their nanoseconds.
    pub acquitted: (u64, u64),
}

/// What one thread did while it ran an event loop. Times are in nanoseconds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LoopPart {
    /// The class of the loop, such as `uvloop.Loop`.
    pub kind: String,
    /// How long it ran.
    pub wall: u64,
    /// In steps of tasks.
    pub steps: u64,
    /// Steps of tasks.
    pub steps_count: u64,
    /// CPU time of steps.
    pub steps_cpu: u64,
    /// Time in which steps were ready and had no core.
    pub steps_run_delay: u64,
    /// The longest step.
    pub steps_longest: u64,
    /// CPU time of the thread, in steps and in callbacks.
    pub cpu: Option<u64>,
    /// Time in which the thread was ready and had no core.
    pub run_delay: Option<u64>,
    /// The length of a slice of `timeline`, in nanoseconds.
    pub slice: u64,
    /// From its first start on.
    pub timeline: Vec<Slice>,
}

/// What happened on a loop in one slice of time, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// How long the loop ran.
    pub wall: u32,
    /// In steps.
    pub steps: u32,
    /// CPU time of the thread.
    pub cpu: u32,
    /// Time without a core.
    pub run_delay: u32,
}

impl Slice {
    /// Adds what happened in another slice.
    pub const fn add(&mut self, other: &Self) {
        self.wall = self.wall.saturating_add(other.wall);
        self.steps = self.steps.saturating_add(other.steps);
        self.cpu = self.cpu.saturating_add(other.cpu);
        self.run_delay = self.run_delay.saturating_add(other.run_delay);
    }

    /// Time in which a step kept the loop and did not compute.
    pub const fn blocked(&self) -> u32 {
        self.steps.saturating_sub(self.cpu).saturating_sub(self.run_delay)
    }
}

/// What one kind of task, or one endpoint, did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskPart {
    /// Whether it is an endpoint of an application and no task.
    pub is_endpoint: bool,
    /// Runs that had not ended; they are part of the profile with what they did so far.
    pub unfinished: u64,
    /// The most runs that there were at once.
    pub at_once: u64,
    /// Its runs.
    pub profile: Profile,
}

/// A loop that stands still.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BlockedPart {
    /// For how many nanoseconds.
    pub nanos: u64,
    /// By which task.
    pub task: String,
    /// Where, as `file:line`.
    pub place: Option<String>,
}

/// Where this process writes its part.
pub fn part_path(folder: &Path, process: u32) -> PathBuf {
    folder.join(format!("{process}.{ENDING}"))
}

/// Writes a part, so that a reader sees the one before or this one.
///
/// # Errors
/// When the folder is gone or full.
pub fn write(folder: &Path, part: &Part) -> io::Result<()> {
    let bytes = rmp_serde::to_vec(part).map_err(io::Error::other)?;
    let path = part_path(folder, part.process);
    let fresh = path.with_extension("fresh");
    fs::write(&fresh, bytes)?;
    fs::rename(&fresh, &path)
}

/// The parts in a folder, in the order of their processes. A file that is no part is left out: it
/// comes from a process with another release of Laneway.
///
/// # Errors
/// When the folder cannot be read.
pub fn read(folder: &Path) -> io::Result<Vec<Part>> {
    let mut parts: Vec<Part> = files(folder, ENDING)?
        .iter()
        .filter_map(|path| rmp_serde::from_slice(&fs::read(path).ok()?).ok())
        .collect();
    parts.sort_by_key(|part| part.process);
    Ok(parts)
}

/// Why the program itself could not be measured, in its own words, if it could not.
///
/// # Errors
/// When the folder cannot be read.
pub fn refusal(folder: &Path) -> io::Result<Option<String>> {
    let texts = files(folder, REFUSAL)?;
    Ok(texts.first().and_then(|path| fs::read_to_string(path).ok()))
}

fn files(folder: &Path, ending: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use laneway_core::job::{Lane, TaskName};
    use laneway_core::profile::{Interpreter, ProfileKey, SizeBucket};

    use super::*;

    fn part(process: u32) -> Part {
        let key = ProfileKey {
            task: TaskName::new("GET /").unwrap(),
            lane: Lane::Async,
            size_bucket: SizeBucket::of(0),
            interpreter: Interpreter::new("cpython-312"),
        };
        let profile = Profile::new(key);
        Part {
            process,
            interpreter: "cpython-312".to_owned(),
            loops: vec![LoopPart { timeline: vec![Slice::default()], ..LoopPart::default() }],
            tasks: vec![TaskPart { is_endpoint: true, unfinished: 1, at_once: 1, profile }],
            blocked: None,
            acquitted: (0, 0),
        }
    }

    #[test]
    fn parts_are_read_as_they_were_written_and_other_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for process in [20, 3] {
            write(folder.path(), &part(process)).unwrap();
        }
        fs::write(folder.path().join("9.part"), "of another release").unwrap();
        let parts = read(folder.path()).unwrap();
        assert_eq!(parts.iter().map(|part| part.process).collect::<Vec<_>>(), [3, 20]);
        assert_eq!(parts[0].tasks[0].profile, part(3).tasks[0].profile);
        assert_eq!(refusal(folder.path()).unwrap(), None);
    }

    #[test]
    fn only_time_that_neither_computed_nor_lacked_a_core_is_blocked() {
        let mut slice = Slice { wall: 100, steps: 60, cpu: 20, run_delay: 10 };
        assert_eq!(slice.blocked(), 30);
        slice.add(&Slice { wall: 100, steps: 10, cpu: 50, run_delay: 0 });
        assert_eq!(slice, Slice { wall: 200, steps: 70, cpu: 70, run_delay: 10 });
        assert_eq!(slice.blocked(), 0);
    }
}
