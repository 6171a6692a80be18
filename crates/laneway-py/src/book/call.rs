//! One attempt in a thread or a process.

use std::sync::Arc;
use std::time::Duration;

use laneway_core::job::Lane;
use laneway_core::profile::Measurement;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::Shared;
use super::gil_waits::Seen;
use super::task::TaskBook;
use crate::clock::now;
use crate::meter::{CallClocks, ProcessClocks};

/// What belongs to the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Its thread.
    Thread,
    /// The whole process.
    Process,
}

/// Measures a call in the present thread, from its creation on.
#[pyclass(frozen, module = "laneway._native")]
#[derive(Debug)]
pub(crate) struct CallMeter {
    book: Arc<TaskBook>,
    shared: Arc<Shared>,
    lane: Lane,
    process: Option<ProcessClocks>,
    start: CallClocks,
    peers: u32,
    /// What it is seen to wait for, in the thread lane.
    seen: Option<Arc<Seen>>,
}

impl CallMeter {
    pub(super) fn begin(
        (book, shared): (Arc<TaskBook>, Arc<Shared>),
        (lane, scope): (Lane, Scope),
        peers: u32,
        seen: Option<Arc<Seen>>,
    ) -> Self {
        let process = (scope == Scope::Process).then(ProcessClocks::now);
        Self { book, shared, lane, process, start: CallClocks::now(), peers, seen }
    }
}

#[pymethods]
impl CallMeter {
    /// The attempt has ended; gives its wall and CPU time in microseconds. `encode_ns` is the time
    /// to decode its arguments and to encode its result.
    #[pyo3(signature = (args_bytes, result_bytes, encode_ns, error=None))]
    fn end(
        &self,
        args_bytes: u64,
        result_bytes: u64,
        encode_ns: u64,
        error: Option<&Bound<'_, PyString>>,
    ) -> (u64, u64) {
        let call = self.start.elapsed();
        let times = (call.wall / 1_000, call.cpu / 1_000);
        if !self.shared.birthplace.is_here() {
            return times;
        }
        let process = self.process.map(ProcessClocks::elapsed);
        let peers = self.shared.peers().max(self.peers);
        let nanos = Duration::from_nanos;
        let delay = call.run_delay.unwrap_or(0);
        let run = Measurement {
            wall: nanos(call.wall),
            cpu: nanos(call.cpu),
            blocked: nanos(call.wall.saturating_sub(call.cpu).saturating_sub(delay)),
            run_delay: call.run_delay.map(nanos),
            encode: nanos(encode_ns),
            process_cpu: process.map(|process| nanos(process.cpu)),
            children_cpu: process.map(|process| nanos(process.children_cpu)),
            args_bytes,
            result_bytes,
            peers,
            is_error: error.is_some(),
            ..Measurement::default()
        };
        let error = error.map(|kind| kind.to_string_lossy());
        let mut page = self.book.page(&self.shared);
        page.record(self.lane, &run, error.as_deref(), now());
        if let Some(seen) = &self.seen {
            page.looked_at(&run, seen.looks());
        }
        drop(page);
        self.shared.end(1);
        if self.lane == Lane::Thread {
            self.shared.threads().ended(&self.book);
        }
        times
    }
}
