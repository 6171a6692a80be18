//! The lag bill: who delays whom on an event loop.
//!
//! A loop is a queue with one server. By Pollaczek and Khinchine the mean time that a newcomer
//! waits is `Σ rate·E[S²] / (2·(1 − ρ))`, where `S` is the length of a step and `ρ` the share of
//! time in which the loop is busy. The sum has one term for each task, and that term is the task's
//! bill: a long step costs by its *square*, which is why a task with a tenth of the busy time can
//! cause nearly all of the delay. The absolute number is right within about a factor of two,
//! because steps do not arrive at random; the split is what matters.

use std::time::Duration;

use serde::Serialize;

use super::{Profile, nanos};
use crate::job::{Lane, TaskName};

/// The busiest a loop is taken to be: at 1 the formula has a pole, and a loop that is measured as
/// full paces itself.
const BUSY_SHARE_MAX: f64 = 0.95;

/// What one task costs the others on its loop.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LagShare {
    /// The task.
    pub task: TaskName,
    /// The part of the mean wait before a step that this task causes.
    pub lag: Duration,
    /// The same as a share of the wait that all tasks cause; 0 to 1.
    pub lag_share: f64,
    /// The share of time in which the loop ran this task's steps; 0 to 1, for all tasks together.
    pub busy_share: f64,
}

/// The bill of one loop, or of the mean one of several, the dearest task first.
///
/// `profiles` are those that all loops collected which together had the time `loop_time`; profiles
/// of lanes other than the async one have no steps and cost nothing.
pub fn lag_bill<'a>(
    profiles: impl IntoIterator<Item = &'a Profile>,
    loop_time: Duration,
) -> Vec<LagShare> {
    if loop_time.is_zero() {
        return Vec::new();
    }
    let on_loop = |profile: &&Profile| profile.key.lane == Lane::Async;
    let profiles: Vec<_> = profiles.into_iter().filter(on_loop).collect();
    let sums = profiles.iter().map(|profile| profile.step_sum);
    // Steps run one after another: where they took longer, there were loops that nobody counted.
    let seconds = loop_time.max(sums.fold(Duration::ZERO, Duration::saturating_add)).as_secs_f64();
    let mut steps: Vec<(&TaskName, f64, f64)> = Vec::new();
    for profile in profiles {
        let busy = profile.step_sum.as_secs_f64() / seconds;
        let square = nanos::approximate(profile.step_square_sum) * 1e-12 / seconds;
        match steps.iter_mut().find(|(task, ..)| *task == &profile.key.task) {
            Some((_, busy_sum, square_sum)) => {
                *busy_sum += busy;
                *square_sum += square;
            }
            None => steps.push((&profile.key.task, busy, square)),
        }
    }
    let busy: f64 = steps.iter().map(|(_, busy, _)| busy).sum();
    let square: f64 = steps.iter().map(|(.., square)| square).sum();
    let idle = 1.0 - busy.min(BUSY_SHARE_MAX);
    let share = |(task, busy, of_square): (&TaskName, f64, f64)| LagShare {
        task: task.clone(),
        lag: nanos::from_seconds(of_square / (2.0 * idle)),
        lag_share: if square > 0.0 { of_square / square } else { 0.0 },
        busy_share: busy.min(1.0),
    };
    let mut bill: Vec<_> = steps.into_iter().map(share).collect();
    bill.sort_by(|a, b| b.lag.cmp(&a.lag).then_with(|| a.task.cmp(&b.task)));
    bill
}
