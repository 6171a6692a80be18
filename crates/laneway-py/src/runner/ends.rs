//! How attempts ended, from Python's tuples to frames.

use std::time::Duration;

use laneway_core::duration::SECONDS_MAX;
use laneway_core::error::{Code, Error};
use laneway_core::job::{Failure, Payload};
use laneway_engine::protocol::{
    self, Done, FRAME_BYTES_MAX, FirstStep, FromRunner, StopReason, append_frame,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use crate::book::{MeasuredEnd, record_ends};
use crate::meter::{AttemptMeter, monotonic_ns};

/// A frame is closed when it carries so many bytes, so that the supervisor can begin with it.
const FRAME_BYTES: usize = 4 << 20;

/// The most bytes of an exception's message or traceback, and of a note.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// The end of an attempt, as the runner tells it.
#[derive(Debug)]
pub(super) struct End(protocol::End);

/// (code, kind, message, traceback, retryable, delay in seconds, whether the task asked for it).
type Raised<'py> = (
    Bound<'py, PyString>,
    Bound<'py, PyString>,
    Bound<'py, PyString>,
    Bound<'py, PyString>,
    bool,
    Option<f64>,
    bool,
);

impl<'py> FromPyObject<'_, 'py> for End {
    type Error = PyErr;

    fn extract(end: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(result) = end.cast::<PyBytes>() {
            return Ok(Self(returned(result.as_bytes())));
        }
        if end.is_instance_of::<PyTuple>() {
            return raised(end.extract::<Raised<'_>>()?).map(Self);
        }
        let reason = end.extract::<String>().map_err(|_| {
            PyTypeError::new_err("an end is bytes, a tuple, or the reason of a stop")
        })?;
        [StopReason::Timeout, StopReason::Cancel, StopReason::Shutdown]
            .into_iter()
            .find(|known| known.as_str() == reason)
            .map(|reason| Self(protocol::End::Stopped(reason)))
            .ok_or_else(|| PyValueError::new_err(format!("`{reason}` is not the reason of a stop")))
    }
}

/// A result that no frame can carry is a failure of its own attempt, and not of its whole report.
fn returned(result: &[u8]) -> protocol::End {
    let most = FRAME_BYTES_MAX - FRAME_BYTES;
    if result.len() <= most {
        return protocol::End::Returned(Payload(result.to_vec()));
    }
    let message = format!("the result has {} bytes, the most is {most}", result.len());
    let failure = Failure::new(Code::PayloadTooLarge, message);
    protocol::End::Raised { failure, retryable: false, after: None, is_wish: false }
}

fn raised(
    (code, kind, message, traceback, retryable, after, is_wish): Raised<'_>,
) -> PyResult<protocol::End> {
    let after = match after {
        Some(seconds) if (0.0..=SECONDS_MAX).contains(&seconds) => {
            Some(Duration::from_secs_f64(seconds))
        }
        Some(seconds) => {
            return Err(PyValueError::new_err(format!("{seconds} s is not a possible delay")));
        }
        None => None,
    };
    let failure = Failure {
        code: shortened(&code),
        kind: shortened(&kind),
        message: shortened(&message),
        traceback: shortened(&traceback),
    };
    Ok(protocol::End::Raised { failure, retryable, after, is_wish })
}

/// A text of any exception: without what UTF-8 cannot say, and of a bounded length.
pub(super) fn shortened(text: &Bound<'_, PyString>) -> String {
    let text = text.to_string_lossy();
    if text.len() <= TEXT_BYTES_MAX {
        return text.into_owned();
    }
    let end = (0..=TEXT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end));
    format!("{}…", text.get(..end.unwrap_or(0)).unwrap_or_default())
}

/// How long an attempt took, as the runner tells it.
#[derive(Debug)]
pub(super) enum Timing<'py> {
    /// It did not come to its function, or that is no coroutine.
    Unknown,
    /// Wall and CPU time, in microseconds.
    Call(u64, Option<u64>),
    /// A coroutine's, with what else was measured of it, and the nanoseconds that its arguments and
    /// its result took to decode and to encode, if they were so large that this was timed.
    Coroutine(AttemptMeter<'py>, u64),
}

impl<'py> FromPyObject<'_, 'py> for Timing<'py> {
    type Error = PyErr;

    fn extract(timing: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Some(meter) = AttemptMeter::of(&timing) {
            return Ok(Self::Coroutine(meter, 0));
        }
        if timing.is_none() {
            return Ok(Self::Unknown);
        }
        let (first, second): (Bound<'py, PyAny>, Option<u64>) = timing.extract()?;
        if let Some(meter) = AttemptMeter::of(&first) {
            return Ok(Self::Coroutine(meter, second.unwrap_or(0)));
        }
        Ok(Self::Call(first.extract()?, second))
    }
}

impl Timing<'_> {
    /// The end of an attempt that took so long, until `now` at most.
    fn done(&self, attempt: u64, end: protocol::End, now: u64) -> Done {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let (wall_us, cpu_us, first_step) = match self {
            Self::Unknown => (None, None, None),
            Self::Call(wall_us, cpu_us) => (Some(*wall_us), *cpu_us, None),
            Self::Coroutine(meter, _) => {
                let (wall, cpu) = meter.times(now);
                let first_step = meter.first_step().map(|(in_line, took)| FirstStep {
                    in_line_us: micros(in_line),
                    took_us: micros(took),
                });
                (Some(micros(wall)), Some(micros(cpu)), first_step)
            }
        };
        Done { attempt, end, wall_us, cpu_us, first_step }
    }
}

/// Records what was measured of coroutines.
pub(super) fn record(ends: &[(u64, Timing<'_>, End)]) -> PyResult<()> {
    let measured = ends.iter().filter_map(|(_, timing, End(end))| match timing {
        Timing::Coroutine(meter, encode_ns) => {
            Some(MeasuredEnd { meter, end, encode: Duration::from_nanos(*encode_ns) })
        }
        Timing::Unknown | Timing::Call(..) => None,
    });
    record_ends(&measured.collect::<Vec<_>>())
}

/// The frames that report these ends.
pub(super) fn frames(ends: Vec<(u64, Timing<'_>, End)>) -> Result<Vec<u8>, Error> {
    let mut frames = Vec::new();
    let mut done = Vec::with_capacity(ends.len());
    let mut size = 0;
    let now = monotonic_ns();
    for (attempt, timing, End(end)) in ends {
        size += weight(&end);
        if size > FRAME_BYTES && !done.is_empty() {
            append_frame(&mut frames, &FromRunner::Done(std::mem::take(&mut done)))?;
            size = weight(&end);
        }
        done.push(timing.done(attempt, end, now));
    }
    append_frame(&mut frames, &FromRunner::Done(done))?;
    Ok(frames)
}

/// About how many bytes an end takes in a frame.
fn weight(end: &protocol::End) -> usize {
    const FIXED: usize = 64;
    FIXED
        + match end {
            protocol::End::Returned(result) => result.0.len(),
            protocol::End::Raised { failure, .. } => {
                failure.message.len() + failure.traceback.len()
            }
            protocol::End::Stopped(_) => 0,
        }
}
