//! Why a step was long.

use super::thread::{Activity, OsThread, Schedule};
use crate::meter::{StepTime, monotonic_ns};
use crate::watchdog::slot::Beginning;

/// Threads that wait for the GIL wake this often to ask for it.
const GIL_INTERVAL_NS: u64 = 5_000_000;

/// Why a step was long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    /// It computed.
    Cpu,
    /// It waited in a call that blocks.
    BlockingCall,
    /// It waited for a thread that held the GIL.
    Gil,
    /// It was ready and got no processor: not the code's fault.
    StarvedHost,
}

impl Cause {
    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::BlockingCall => "blocking",
            Self::Gil => "gil",
            Self::StarvedHost => "starved",
        }
    }
}

/// What was seen of a thread that is off the processor: a vote for what it waits for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Waits {
    for_gil: u32,
    for_calls: u32,
    last: Option<(u64, u64)>,
}

impl Waits {
    /// Looks once more.
    ///
    /// Waiting for the GIL and for a lock with a time limit are the same system call, but a waiter
    /// for the GIL wakes every 5 ms. That shows from the second look on; at the first one the GIL
    /// is assumed, since such locks are rare. It is a guess where both happen in one step.
    pub(super) fn look(&mut self, thread: OsThread, schedule: Option<Schedule>) {
        let now = monotonic_ns();
        let last = self.last.take();
        self.last = schedule.map(|schedule| (now, schedule.slices));
        match thread.activity() {
            None | Some(Activity::Running) => {}
            Some(Activity::SystemCall) => self.for_calls += 1,
            Some(Activity::TimedLock) => match (last, self.last) {
                (Some((then, before)), Some((_, slices))) => {
                    let expected = (now - then) / GIL_INTERVAL_NS;
                    if slices.saturating_sub(before) * 2 >= expected {
                        self.for_gil += 2;
                    } else {
                        self.for_calls += 2;
                    }
                }
                _ => self.for_gil += 1,
            },
        }
    }

    fn cause(self) -> Cause {
        if self.for_gil > self.for_calls { Cause::Gil } else { Cause::BlockingCall }
    }
}

/// Why a step of more than `threshold_ns` took so long.
pub(super) fn cause(time: StepTime, threshold_ns: u64, waits: Waits) -> Cause {
    // Had the host given a processor at once, it would have been this long.
    let own = time.wall.saturating_sub(time.run_delay);
    if own < threshold_ns {
        return Cause::StarvedHost;
    }
    if time.cpu >= own.saturating_sub(time.cpu) { Cause::Cpu } else { waits.cause() }
}

/// The time of a step that still runs, as far as the system tells it from outside.
pub(super) fn time_so_far(began: Beginning, now: u64, schedule: Option<Schedule>) -> StepTime {
    let wall = now.saturating_sub(began.at);
    let Some(schedule) = schedule else {
        return StepTime { wall, cpu: 0, run_delay: 0 };
    };
    let cpu = schedule.cpu.saturating_sub(began.cpu).min(wall);
    let run_delay = schedule.run_delay.saturating_sub(began.run_delay).min(wall - cpu);
    StepTime { wall, cpu, run_delay }
}
