//! What the meter read of one attempt.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::nanos;

/// What one attempt measured.
///
/// `wall = cpu + blocked + awaited + run_delay`, up to the clocks' resolution; where the system
/// cannot tell the delay, it is contained in `blocked`, which is then an upper bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Measurement {
    /// From its start to its end.
    #[serde(with = "nanos")]
    pub wall: Duration,
    /// CPU time of its thread while it was its turn; for a coroutine, of its own steps and those of
    /// its child tasks.
    #[serde(with = "nanos")]
    pub cpu: Duration,
    /// Time on its loop or thread that was neither CPU nor a wait for a core: a blocking call, or a
    /// wait for the GIL.
    #[serde(with = "nanos")]
    pub blocked: Duration,
    /// The part of `blocked` that was a wait for the GIL; `None` where it was not told apart.
    #[serde(with = "nanos::optional")]
    pub gil_wait: Option<Duration>,
    /// Time in which it was suspended at an `await` and its loop was free for others.
    #[serde(with = "nanos")]
    pub awaited: Duration,
    /// Time in which it could have run and waited for a core; `None` where the system cannot tell.
    #[serde(with = "nanos::optional")]
    pub run_delay: Option<Duration>,
    /// Its longest step on the loop, without run delay where that is known; zero for a plain `def`.
    #[serde(with = "nanos")]
    pub step_max: Duration,
    /// All its steps on the loop together.
    #[serde(with = "nanos")]
    pub step_sum: Duration,
    /// The sum of the squares of its steps on the loop, in square microseconds.
    pub step_square_sum: u64,
    /// The time to serialise its arguments and its result, at both ends.
    #[serde(with = "nanos")]
    pub encode: Duration,
    /// CPU time of its whole process meanwhile, in the process lane: more than `cpu` when the task
    /// runs threads of its own.
    #[serde(with = "nanos::optional")]
    pub process_cpu: Option<Duration>,
    /// CPU time of the child processes that it waited for, in the process lane.
    #[serde(with = "nanos::optional")]
    pub children_cpu: Option<Duration>,
    /// The size of its encoded arguments.
    pub args_bytes: u64,
    /// The size of its encoded result.
    pub result_bytes: u64,
    /// From the moment it could have started to its start; `None` where nobody knows.
    #[serde(with = "nanos::optional")]
    pub wait: Option<Duration>,
    /// The most attempts that ran beside it in the same process, of whatever task and lane.
    /// Attempts that ran alone tell what the task's own blocking is, without a wait for the GIL.
    pub peers: u32,
    /// Whether it raised.
    pub is_error: bool,
}

/// The square of a step in the unit of [`Measurement::step_square_sum`].
pub fn step_square(step: Duration) -> u64 {
    let micros = u64::try_from(step.as_micros()).unwrap_or(u64::MAX);
    micros.saturating_mul(micros)
}
