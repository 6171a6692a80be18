//! The runner's end of the socket to its supervisor.
//!
//! Commands are read a frame at a time and only as many as are wanted: what stays unread in the
//! socket can be taken back by the supervisor when this process is stuck. Reports are written at
//! once where the socket has room, and by a thread where it has none, so that no event loop waits
//! for a busy supervisor.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use laneway_core::error::{Code, Error};
use laneway_engine::protocol::{
    AppManifest, FromRunner, Hello, PROTOCOL_VERSION, ProgressReport, append_frame,
};
use pyo3::exceptions::{PyEOFError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, fcntl_dupfd_cloexec, ioctl_fionbio};

use crate::error::raised;
use crate::process::Birthplace;

mod commands;
mod ends;
mod handover;
mod inbox;
mod lifeline;
mod manifest;
mod outbox;

use commands::Commands;
use ends::{End, Timing};
pub(crate) use handover::Handover;
use inbox::{Broken, Inbox};
use lifeline::Lifeline;
use manifest::{DeclaredTask, manifest};
pub(crate) use outbox::Outbox;

/// The lowest descriptor that the channel may get. The low ones are left to programs that expect
/// theirs there.
const DESCRIPTOR_MIN: RawFd = 64;

/// Reports of progress are dropped while more than this waits to be written, because the next
/// report says the same better.
const PROGRESS_BACKLOG_MAX: usize = 1 << 20;

/// The runner's end of the socket to its supervisor.
///
/// From its creation on, a thread without the GIL ends this process at once when the supervisor
/// dies.
#[pyclass(frozen, module = "laneway._native")]
#[derive(Debug)]
pub(crate) struct RunnerChannel {
    birthplace: Birthplace,
    socket: Arc<OwnedFd>,
    inbox: Mutex<Inbox>,
    outbox: Arc<Outbox>,
    handover: Arc<Handover>,
    /// Watches the supervisor for as long as the channel lives.
    _lifeline: Lifeline,
}

impl RunnerChannel {
    fn inbox(&self) -> PyResult<MutexGuard<'_, Inbox>> {
        self.check()?;
        Ok(self.inbox.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where reports are written, for threads without the GIL.
    pub(crate) fn outbox(&self) -> Arc<Outbox> {
        Arc::clone(&self.outbox)
    }

    /// When attempts were last handed to the event loop.
    pub(crate) fn handover(&self) -> Arc<Handover> {
        Arc::clone(&self.handover)
    }

    fn check(&self) -> PyResult<()> {
        self.birthplace.check("runner channel").map_err(raised)
    }

    fn report(&self, message: &FromRunner) -> PyResult<()> {
        self.check()?;
        let mut frame = Vec::new();
        append_frame(&mut frame, message).map_err(raised)?;
        self.send(frame)
    }

    fn send(&self, frames: Vec<u8>) -> PyResult<()> {
        self.outbox.send(frames).map_err(|_| supervisor_is_gone())
    }
}

#[pymethods]
impl RunnerChannel {
    #[new]
    fn new(fd: RawFd) -> PyResult<Self> {
        let socket = Arc::new(taken_over(fd)?);
        let lifeline = Lifeline::tied_to(&socket)?;
        Ok(Self {
            birthplace: Birthplace::here(),
            inbox: Mutex::new(Inbox::default()),
            outbox: Arc::new(Outbox::of(Arc::clone(&socket))),
            handover: Arc::new(Handover::now()),
            socket,
            _lifeline: lifeline,
        })
    }

    /// Readable while commands wait.
    fn fileno(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Says what was imported: where it was found, what stores know it by, and what it declares;
    /// each task is (name, lane, queue, (whether it is an `async def`, whether it awaits anything,
    /// why its lane is chosen and yet stays, whether it is declared to be thread-safe, what its
    /// code names of libraries)).
    fn hello(
        &self,
        app: (String, String),
        store: Option<String>,
        python: String,
        tasks: Vec<DeclaredTask>,
    ) -> PyResult<()> {
        let (name, identity) = app;
        let tasks = tasks.into_iter().map(manifest).collect::<Result<_, _>>().map_err(raised)?;
        self.report(&FromRunner::Hello(Hello {
            protocol: PROTOCOL_VERSION,
            version: laneway::VERSION.to_owned(),
            pid: std::process::id(),
            python,
            app: AppManifest { name, identity, store, tasks },
        }))
    }

    /// Says why the runner cannot start.
    fn refuse(
        &self,
        code: &str,
        what: &Bound<'_, PyString>,
        why: &Bound<'_, PyString>,
        fix: &Bound<'_, PyString>,
    ) -> PyResult<()> {
        let code = code.parse::<Code>().map_err(PyValueError::new_err)?;
        let error = Error::new(code, what.to_string_lossy())
            .why(why.to_string_lossy())
            .fix(fix.to_string_lossy());
        self.report(&FromRunner::Refused(error))
    }

    /// Commands that have come: runs, stops (attempt, reason), pings, and whether to drain.
    ///
    /// At most `frames_max` frames are read, so that what is not read can be taken back by the
    /// supervisor. Raises `EOFError` when the supervisor is gone.
    #[pyo3(signature = (*, block, frames_max=1))]
    fn receive<'py>(
        &self,
        py: Python<'py>,
        block: bool,
        frames_max: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut commands = Commands::default();
        // An event loop reads without giving up the GIL: it never waits here, and would stand in
        // line behind computing threads to get the GIL back.
        self.inbox()?.read(&self.socket, frames_max, &mut commands).map_err(Broken::raise)?;
        while block && commands.is_empty() && frames_max > 0 {
            py.detach(|| inbox::wait_readable(&self.socket))?;
            py.check_signals()?;
            self.inbox()?.read(&self.socket, frames_max, &mut commands).map_err(Broken::raise)?;
        }
        commands.into_python(py)
    }

    /// Reports that attempts have begun to run user code. On an event loop they stand in line from
    /// now on, since they run one after another.
    fn started(&self, attempts: Vec<u64>) -> PyResult<()> {
        self.handover.renew();
        self.report(&FromRunner::Started(attempts))
    }

    /// Reports ends: (attempt, timing, end).
    ///
    /// The timing is (wall µs, cpu µs), or what `TaskMeter.attempt` gave, whose measurement is
    /// recorded, or `None` where nothing was timed. The end is the encoded result, or a failure
    /// (code, kind, message, traceback, retryable, delay in seconds, whether the task asked for
    /// it), or the reason of the stop that it obeyed.
    fn done(&self, ends: Vec<(u64, Timing<'_>, End)>) -> PyResult<()> {
        self.check()?;
        ends::record(&ends)?;
        self.send(ends::frames(ends).map_err(raised)?)
    }

    /// Reports progress: (attempt, done, of, note).
    fn progress(&self, reports: Vec<(u64, f64, Option<f64>, Bound<'_, PyString>)>) -> PyResult<()> {
        self.check()?;
        if self.outbox.backlog() > PROGRESS_BACKLOG_MAX {
            return Ok(());
        }
        let reports = reports.into_iter().map(|(attempt, done, of, note)| ProgressReport {
            attempt,
            done,
            of,
            note: ends::shortened(&note),
        });
        self.report(&FromRunner::Progress(reports.collect()))
    }

    /// Answers a ping.
    fn pong(&self, number: u64) -> PyResult<()> {
        self.report(&FromRunner::Pong(number))
    }

    /// Waits until everything reported has left this process.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.check()?;
        loop {
            match py.detach(|| self.outbox.flush_for_a_moment()) {
                Ok(true) => return Ok(()),
                Ok(false) => py.check_signals()?,
                Err(_) => return Err(supervisor_is_gone()),
            }
        }
    }
}

fn supervisor_is_gone() -> PyErr {
    PyEOFError::new_err("the supervisor has closed its end of the socket")
}

/// The channel's own descriptor of an inherited socket. Standard input becomes `/dev/null`, so that
/// a task that reads it sees an end and not the protocol; any other descriptor stays its owner's.
#[expect(unsafe_code, reason = "an inherited descriptor is known by its number only")]
fn taken_over(fd: RawFd) -> io::Result<OwnedFd> {
    const STANDARD_INPUT: RawFd = 0;
    if fd < 0 {
        return Err(Errno::BADF.into());
    }
    // SAFETY: it is not -1, and it is borrowed for this one call only, which answers with an error
    // when it is not open.
    let inherited = unsafe { BorrowedFd::borrow_raw(fd) };
    let socket = fcntl_dupfd_cloexec(inherited, DESCRIPTOR_MIN)?;
    ioctl_fionbio(&socket, true)?;
    if fd == STANDARD_INPUT {
        let null = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::stdio::dup2_stdin(null)?;
    }
    Ok(socket)
}
