//! What is known of a task and of the machine without running the task.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::job::Lane;
use crate::profile::Place;

/// What a lane costs on this machine, measured when a worker starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calibration {
    /// Starting a coroutine on the loop and getting its result.
    pub async_dispatch: Duration,
    /// Handing one of many calls to a thread and getting its result.
    pub thread_dispatch: Duration,
    /// Handing an empty call to a process and getting its result.
    pub process_dispatch: Duration,
    /// Starting a process.
    pub process_start: Duration,
    /// Serialising a mebibyte of bytes, at both ends.
    pub encode_per_mebibyte: Duration,
    /// Cores that the worker may use.
    pub cores: u32,
    /// The width of the thread lane.
    pub threads_max: u32,
    /// Whether this build of Python has a GIL that is switched on.
    pub has_gil: bool,
}

impl Default for Calibration {
    /// The costs measured on a two-core guest with `CPython` 3.12, for a machine that has not been
    /// calibrated.
    fn default() -> Self {
        Self {
            async_dispatch: Duration::from_nanos(4_600),
            thread_dispatch: Duration::from_micros(20),
            process_dispatch: Duration::from_micros(125),
            process_start: Duration::from_millis(130),
            encode_per_mebibyte: Duration::from_micros(1_500),
            cores: 2,
            threads_max: 40,
            has_gil: true,
        }
    }
}

impl Calibration {
    /// What one run costs to reach a lane.
    pub const fn dispatch(&self, lane: Lane) -> Duration {
        match lane {
            Lane::Async => self.async_dispatch,
            Lane::Thread => self.thread_dispatch,
            Lane::Process => self.process_dispatch,
        }
    }
}

/// How a task is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// `async def`.
    AsyncDef,
    /// Plain `def`.
    Def,
}

/// Whether the auto lane may move a task that asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mobility {
    /// Between threads and processes.
    Movable,
    /// It stays where it starts, in the process lane.
    Held {
        /// Why, as found in its code.
        why: String,
    },
}

/// What is known of a task without running it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskFacts {
    /// How it is written.
    pub form: Form,
    /// The lane it runs in.
    pub lane: Lane,
    /// Whether it is declared, or was seen, not to be safe to run in two threads at once.
    pub is_thread_unsafe: bool,
    /// Whether its arguments, its result and itself can go to another process; `None` when nobody
    /// looked.
    pub can_go_to_process: Option<bool>,
    /// Whether its body has an `await`; `None` when nobody looked.
    pub has_await: Option<bool>,
    /// A blocking call that it is known to reach.
    pub blocking_call: Option<Place>,
    /// The async library that does the same as the blocking one it uses, where that is declared or
    /// was read in its code; `None` to tell it from stacks and from `library_names`.
    pub async_library: Option<String>,
    /// How many of its runs are wanted at once; `None` to estimate it from its profiles.
    pub concurrency: Option<u32>,
    /// Whether it may be moved, for a task with `lane="auto"`.
    #[serde(default)]
    pub mobility: Option<Mobility>,
    /// What its code names of the libraries that [`libraries`](super::libraries) knows, as dotted
    /// names.
    #[serde(default)]
    pub library_names: Vec<String>,
}

impl TaskFacts {
    /// A task of which nothing else is known.
    pub const fn new(form: Form, lane: Lane) -> Self {
        Self {
            form,
            lane,
            is_thread_unsafe: false,
            can_go_to_process: None,
            has_await: None,
            blocking_call: None,
            async_library: None,
            concurrency: None,
            mobility: None,
            library_names: Vec::new(),
        }
    }
}
