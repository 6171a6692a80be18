//! What a supervisor and its runners say to each other.
//!
//! Both ends are Rust of the same release: the supervisor here, the runner in `laneway._native`.
//! They talk over a Unix stream socket that the runner inherits. A frame is a little-endian `u32`
//! length and so many bytes of MessagePack, and carries many jobs wherever it can. Payloads pass
//! through unread.
//!
//! The runner speaks first: [`FromRunner::Hello`] with what it imported, or [`FromRunner::Refused`]
//! with why it could not. Whatever the runner has *read* counts as taken; what it has not read, a
//! supervisor may take back from the socket. A runner that dies settles nothing.

use std::time::Duration;

use laneway_core::error::{Code, Error};
use laneway_core::id::JobId;
use laneway_core::job::{Failure, Lane, Payload, QueueName, TaskName};
use laneway_core::profile::{Blockage, LoopId, Place, Profile, ProfileKey, Site};
use laneway_core::verdict::{Form, Mobility, TaskFacts};
use serde::{Deserialize, Serialize};

/// Grows with every change of a frame. Both ends must have the same.
pub const PROTOCOL_VERSION: u32 = 6;

/// The largest frame that is accepted, in bytes.
pub const FRAME_BYTES_MAX: usize = 64 << 20;

/// The bytes of a frame's length field.
pub const HEADER_BYTES: usize = 4;

/// Says which kind of runner a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunnerKind {
    /// One event loop and the threads of the thread lane.
    Main,
    /// One attempt at a time, in the main thread.
    Process,
}

impl RunnerKind {
    /// The kind's name, as in the runner's command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Process => "process",
        }
    }
}

/// From the supervisor to a runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToRunner {
    /// Start these attempts.
    Run(Vec<Run>),
    /// Ask an attempt to stop. A process runner is also sent `SIGUSR1`, and this is then the next
    /// frame that it reads: what waited before it was taken back.
    Stop {
        /// Which.
        attempt: u64,
        /// Why.
        reason: StopReason,
    },
    /// Finish what was taken, close resources, exit with 0.
    Drain,
    /// Answer with [`FromRunner::Pong`] from the event loop.
    Ping(u64),
}

/// An attempt to be started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The supervisor's own number of the attempt.
    pub attempt: u64,
    /// The task's place in [`AppManifest::tasks`].
    pub task: u32,
    /// Where it runs.
    pub lane: Lane,
    /// Which job it is of.
    pub job: JobId,
    /// The queue the job came from.
    pub queue: QueueName,
    /// 1 for a job's first attempt.
    pub number: u32,
    /// The encoded arguments.
    pub args: Payload,
}

/// Why an attempt is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StopReason {
    /// It took longer than its timeout.
    Timeout,
    /// Somebody cancelled its job.
    Cancel,
    /// The worker shuts down and has waited long enough.
    Shutdown,
}

impl StopReason {
    /// The reason's name, as Python sees it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Cancel => "cancel",
            Self::Shutdown => "shutdown",
        }
    }
}

/// From a runner to its supervisor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FromRunner {
    /// The runner is ready.
    Hello(Hello),
    /// The runner cannot start and ends.
    Refused(Error),
    /// These attempts have begun to run user code.
    Started(Vec<u64>),
    /// These attempts have ended.
    Done(Vec<Done>),
    /// How far attempts are.
    Progress(Vec<ProgressReport>),
    /// The answer to a ping.
    Pong(u64),
    /// What attempts measured since the last time.
    Measured(Vec<Profile>),
    /// What it costs to reach a lane of this runner.
    Calibrated(RunnerCosts),
    /// A step blocks the event loop now; `None` when none does any more.
    Stuck(Option<Box<Stuck>>),
}

/// What it costs to reach a lane of a main runner, as it was measured there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerCosts {
    /// Starting a coroutine and getting its result.
    pub async_dispatch: Duration,
    /// Handing a call to a thread and getting its result.
    pub thread_dispatch: Duration,
    /// Serialising a mebibyte of bytes, at both ends.
    pub encode_per_mebibyte: Duration,
    /// Whether this build of Python has a GIL that is switched on.
    pub has_gil: bool,
}

/// What keeps an event loop from turning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// The attempt whose step it is.
    pub attempt: u64,
    /// Its task, and the size of arguments that its runs have.
    pub key: ProfileKey,
    /// Which loop.
    pub event_loop: LoopId,
    /// The line of code where it was last, where that could be seen.
    pub place: Option<Place>,
    /// What it will be blamed for when it ends, with the time so far; `None` without a stack.
    pub site: Option<Site>,
    /// What it does.
    pub blockage: Blockage,
    /// For how long the step has run.
    pub since: Duration,
    /// The CPU time of the step.
    pub cpu: Duration,
    /// How long the step has waited for a core; `None` where the system cannot tell.
    pub run_delay: Option<Duration>,
}

/// What a runner says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`] of its build.
    pub protocol: u32,
    /// The release of its build.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// The Python it runs, such as `CPython 3.12.1`.
    pub python: String,
    /// What it imported.
    pub app: AppManifest,
}

/// What an application declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppManifest {
    /// Where it was found, such as `shop.tasks:app`.
    pub name: String,
    /// What stores know it by: the same wherever and however it is started.
    pub identity: String,
    /// The store it names; `None` leaves the choice to the configuration.
    pub store: Option<String>,
    /// Its tasks.
    pub tasks: Vec<TaskManifest>,
}

/// What an application declares of one task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskManifest {
    /// Its name.
    pub name: TaskName,
    /// The lane it runs in.
    pub lane: Lane,
    /// The queue its jobs line up in by default.
    pub queue: QueueName,
    /// How it is written.
    pub form: Form,
    /// Whether its body has an `await`, where that can be told.
    pub has_await: Option<bool>,
    /// Whether it may be moved between threads and processes, for a task with `lane="auto"`, whose
    /// `lane` is the one in which it starts.
    pub mobility: Option<Mobility>,
    /// Whether it is not safe to run in two threads at once.
    pub is_thread_unsafe: bool,
    /// What its code names of libraries that the verdict knows.
    pub library_names: Vec<String>,
}

impl TaskManifest {
    /// What is known of the task without running it.
    pub fn facts(&self) -> TaskFacts {
        TaskFacts {
            has_await: self.has_await,
            mobility: self.mobility.clone(),
            is_thread_unsafe: self.is_thread_unsafe,
            library_names: self.library_names.clone(),
            ..TaskFacts::new(self.form, self.lane)
        }
    }
}

/// The end of an attempt, as its runner saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// Which.
    pub attempt: u64,
    /// How it ended.
    pub end: End,
    /// Microseconds from its start to its end, for a coroutine without the time to open resources;
    /// `None` where its runner did not time it.
    pub wall_us: Option<u64>,
    /// Microseconds of CPU time of its thread or process, where that can be told.
    pub cpu_us: Option<u64>,
    /// How a coroutine came to its first step; `None` for others.
    pub first_step: Option<FirstStep>,
}

/// How a coroutine came to its first step on the event loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstStep {
    /// Microseconds that it stood in line after its runner had told of its start: those that were
    /// told of together run one after another.
    pub in_line_us: u64,
    /// Microseconds that the step took.
    pub took_us: u64,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum End {
    /// It returned this.
    Returned(Payload),
    /// It raised an exception.
    Raised {
        /// The exception.
        failure: Failure,
        /// Whether the task's retry policy applies.
        retryable: bool,
        /// The wait before the next attempt, where the task itself said one.
        after: Option<Duration>,
        /// Whether the task itself asked for another attempt.
        is_wish: bool,
    },
    /// It ended because it was asked to stop.
    Stopped(StopReason),
}

/// How far an attempt is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgressReport {
    /// Which.
    pub attempt: u64,
    /// Steps done.
    pub done: f64,
    /// Steps in all, when it is known.
    pub of: Option<f64>,
    /// A word for people.
    pub note: String,
}

/// Appends a frame to a buffer.
///
/// # Errors
/// `LW9001` when the message is larger than [`FRAME_BYTES_MAX`].
pub fn append_frame(buffer: &mut Vec<u8>, message: &impl Serialize) -> Result<(), Error> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; HEADER_BYTES]);
    let written = rmp_serde::encode::write(buffer, message);
    let length = buffer.len() - start - HEADER_BYTES;
    let header = u32::try_from(length).ok().filter(|_| length <= FRAME_BYTES_MAX);
    let (Ok(()), Some(header)) = (written, header) else {
        buffer.truncate(start);
        return Err(Error::new(Code::Internal, "a message to or from a runner cannot be framed")
            .why(format!("it has {length} bytes, the most is {FRAME_BYTES_MAX}")));
    };
    if let Some(place) = buffer.get_mut(start..start + HEADER_BYTES) {
        place.copy_from_slice(&header.to_le_bytes());
    }
    Ok(())
}

/// Takes whole frames from a growing buffer of received bytes.
#[derive(Debug, Default)]
pub struct FrameReader {
    bytes: Vec<u8>,
    start: usize,
}

impl FrameReader {
    /// Adds received bytes.
    pub fn extend(&mut self, received: &[u8]) {
        if self.start > 0 && self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
        self.bytes.extend_from_slice(received);
    }

    /// The next whole message, or `None` until more bytes have come.
    ///
    /// # Errors
    /// `LW1034` when the bytes are no frame of this protocol; the connection is useless then.
    pub fn next_message<T: for<'de> Deserialize<'de>>(&mut self) -> Result<Option<T>, Error> {
        let waiting = self.bytes.get(self.start..).unwrap_or_default();
        let Some((header, rest)) = waiting.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_le_bytes(*header)).unwrap_or(usize::MAX);
        if length > FRAME_BYTES_MAX {
            return Err(mismatch(format!("a frame claims {length} bytes")));
        }
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        let message = rmp_serde::from_slice(body).map_err(|error| mismatch(error.to_string()))?;
        self.start += HEADER_BYTES + length;
        if self.start > 1 << 20 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        Ok(Some(message))
    }

    /// Bytes received that no returned message has used.
    pub fn pending_bytes(&self) -> usize {
        self.bytes.len() - self.start
    }
}

fn mismatch(why: String) -> Error {
    Error::new(Code::RunnerMismatch, "the other side of the runner socket is not understood")
        .why(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_being_cut_anywhere() {
        let messages = [
            ToRunner::Ping(7),
            ToRunner::Drain,
            ToRunner::Stop { attempt: 3, reason: StopReason::Cancel },
        ];
        let mut bytes = Vec::new();
        for message in &messages {
            append_frame(&mut bytes, message).unwrap();
        }
        for cut in 0..=bytes.len() {
            let mut reader = FrameReader::default();
            let mut seen: Vec<ToRunner> = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                reader.extend(part);
                while let Some(message) = reader.next_message().unwrap() {
                    seen.push(message);
                }
            }
            assert_eq!(seen, messages, "cut at {cut}");
            assert_eq!(reader.pending_bytes(), 0);
        }
    }

    #[test]
    fn a_stranger_on_the_socket_is_a_coded_error() {
        let mut reader = FrameReader::default();
        reader.extend(b"GET / HTTP/1.1\r\n\r\n");
        let error = reader.next_message::<ToRunner>().unwrap_err();
        assert_eq!(error.code(), Code::RunnerMismatch);
    }
}
