//! The lag bill: who delays whom on an event loop.
//!
//! A loop is a queue with one server. By Pollaczek and Khinchine the mean time that a newcomer
//! waits is `Σ rate·E[S²] / (2·(1 − ρ))`, where `S` is the length of a step and `ρ` the share of
//! time in which the loop is busy. The sum has one term for each task, and that term is the task's
//! bill: a long step costs by its *square*, which is why a task with a tenth of the busy time can
//! cause nearly all of the delay. The absolute number is right within about a factor of two,
//! because steps do not arrive at random; the split is what matters.
//!
//! A loop that is full because a few callers call again as soon as they have their answer has no
//! long line, though the formula says so: of one caller a newcomer waits for the rest of the step
//! that runs. So the wait is at most what can stand before a newcomer, where that is known.
//!
//! Runs that come together make a longer line than the formula says. What stood in line was seen
//! for the first step of each run: whoever waits for a time `W` with a step of length `S` keeps `S`
//! of work in line for so long, so that on average `Σ rate·E[W·S]` stands there, in whatever order
//! runs come. The wait is at least that, and it is the bill of those whose steps stood there.

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

/// How much of a task can stand in line before a newcomer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InLine {
    /// A step of each of its coroutines, of which there were never more than so many at once.
    Coroutines(u64),
    /// What its attempts under way have left to do, with all coroutines that they started.
    Attempts,
    /// Nobody knows.
    Unknown,
}

/// What a task does on a loop, in seconds.
struct Term<'a> {
    task: &'a TaskName,
    busy: f64,
    square: f64,
    /// What was seen to stand in line, on average,
    seen: f64,
    /// and the most that can.
    in_line: f64,
}

impl<'a> Term<'a> {
    /// As a share of the time that the loop had.
    fn of(profile: &'a Profile, in_line: InLine, seconds: f64) -> Self {
        let busy = profile.step_sum.as_secs_f64() / seconds;
        let step = profile.step_max.mean().as_secs_f64();
        let in_line = match in_line {
            // Whoever runs is not in line.
            InLine::Coroutines(count) => (nanos::approximate(count) - busy).max(0.0) * step,
            InLine::Attempts => {
                let suspended = profile.awaited.sum().saturating_add(profile.wait.sum());
                let work =
                    profile.step_sum.as_secs_f64() / nanos::approximate(profile.runs().max(1));
                suspended.as_secs_f64() / seconds * work + busy * (work - step).max(0.0)
            }
            InLine::Unknown => f64::INFINITY,
        };
        let mean = |square_micros| nanos::approximate(square_micros) * 1e-12 / seconds;
        let (square, seen) = (mean(profile.step_square_sum), mean(profile.in_line_sum));
        Self { task: &profile.key.task, busy, square, seen, in_line }
    }

    fn add(&mut self, other: &Self) {
        self.busy += other.busy;
        self.square += other.square;
        self.seen += other.seen;
        self.in_line += other.in_line;
    }
}

/// The bill of one loop, or of the mean one of several, the dearest task first.
///
/// The profiles are those that all loops collected which together had the time `loop_time`; those
/// of lanes other than the async one have no steps and cost nothing.
pub fn lag_bill<'a>(
    profiles: impl IntoIterator<Item = (&'a Profile, InLine)>,
    loop_time: Duration,
) -> Vec<LagShare> {
    if loop_time.is_zero() {
        return Vec::new();
    }
    let profiles = profiles.into_iter();
    let profiles: Vec<_> =
        profiles.filter(|(profile, _)| profile.key.lane == Lane::Async).collect();
    let sums = profiles.iter().map(|(profile, _)| profile.step_sum);
    // Steps run one after another: where they took longer, there were loops that nobody counted.
    let seconds = loop_time.max(sums.fold(Duration::ZERO, Duration::saturating_add)).as_secs_f64();
    let mut terms: Vec<Term<'_>> = Vec::new();
    for (profile, in_line) in profiles {
        let term = Term::of(profile, in_line, seconds);
        match terms.iter_mut().find(|known| known.task == term.task) {
            Some(known) => known.add(&term),
            None => terms.push(term),
        }
    }
    let sum = |part: fn(&Term<'_>) -> f64| terms.iter().map(part).sum::<f64>();
    let (square, idle) = (sum(|term| term.square), 1.0 - sum(|term| term.busy).min(BUSY_SHARE_MAX));
    // The rest of the step that runs, and then the line.
    let rest = square / 2.0;
    let seen = rest + sum(|term| term.seen);
    let lag = (rest / idle).min(rest + sum(|term| term.in_line)).max(seen);
    let share = |term: Term<'_>| {
        let of_unseen = if square > 0.0 { (lag - seen) * term.square / square } else { 0.0 };
        let own = term.square / 2.0 + term.seen + of_unseen;
        LagShare {
            task: term.task.clone(),
            lag: nanos::from_seconds(own),
            lag_share: if lag > 0.0 { own / lag } else { 0.0 },
            busy_share: term.busy.min(1.0),
        }
    };
    let mut bill: Vec<_> = terms.into_iter().map(share).collect();
    bill.sort_by(|a, b| b.lag.cmp(&a.lag).then_with(|| a.task.cmp(&b.task)));
    bill
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::clock::Timestamp;
    use crate::profile::{Interpreter, Measurement, ProfileKey, SizeBucket, step_square};

    /// So many callers whose runs are a step and a wait, in milliseconds, and who call again then;
    /// gives what a newcomer would wait on average, and what was measured in that time.
    fn closed(callers: u64, (step, think): (u64, u64)) -> (f64, Profile, Duration) {
        let mut profile = profile("work");
        let time = 100 * callers * (step + think);
        // When those who think come back, since when each stands in line, and who is served.
        let mut thinking: VecDeque<u64> = (0..callers).collect();
        let mut line = VecDeque::new();
        let mut served: Option<(u64, u64)> = None;
        let mut waits = 0;
        for now in 0..time {
            while thinking.front().is_some_and(|back_at| *back_at <= now) {
                line.extend(thinking.pop_front());
            }
            served = served.or_else(|| line.pop_front().map(|since| (since, step)));
            waits += served.map_or(0, |(_, left)| left) + step * line.len() as u64;
            if let Some((since, left)) = served.as_mut() {
                *left -= 1;
                if *left == 0 {
                    profile.record(&run(now + 1 + think - *since, step), Timestamp::default());
                    thinking.push_back(now + 1 + think);
                    served = None;
                }
            }
        }
        let mean = nanos::approximate(waits) / nanos::approximate(time) / 1e3;
        (mean, profile, Duration::from_millis(time))
    }

    fn profile(task: &str) -> Profile {
        Profile::new(ProfileKey {
            task: TaskName::new(task).unwrap(),
            lane: Lane::Async,
            size_bucket: SizeBucket::of(0),
            interpreter: Interpreter::new("cpython-3.13"),
        })
    }

    fn run(wall: u64, step: u64) -> Measurement {
        let (wall, step) = (Duration::from_millis(wall), Duration::from_millis(step));
        Measurement {
            wall,
            cpu: step,
            awaited: wall.saturating_sub(step),
            step_max: step,
            step_sum: step,
            step_square_sum: step_square(step),
            ..Measurement::default()
        }
    }

    /// Twenty runs that block for 30 ms each and come together every two seconds: a newcomer waited
    /// 90 ms, and was said to wait 6 ms.
    #[test]
    fn runs_that_come_together_are_billed_for_the_line_that_they_make() {
        let (size, step, every) = (20, 30, 2_000);
        let (mut waits, mut work, mut ping) = (0, profile("work"), profile("ping"));
        for batch in 0..50 {
            let end = Timestamp::default().plus(Duration::from_millis(batch * every));
            for place in 0..size {
                work.record(&run(step, step), end);
                work.in_line_sum += 1_000_000 * place * step * step;
            }
            // The last of each batch does next to nothing.
            ping.record(&run(0, 0), end);
            ping.in_line_sum += 1_000 * size * step;
            waits += (0..size * step).map(|before| size * step - before).sum::<u64>();
        }
        let time = Duration::from_millis(50 * every);
        let waits = nanos::approximate(waits) / time.as_secs_f64() / 1e6;
        let lines = [InLine::Attempts; 2];
        let bill = lag_bill([&ping, &work].into_iter().zip(lines), time);
        let lag: f64 = bill.iter().map(|share| share.lag.as_secs_f64()).sum();
        assert!((lag / waits - 1.0).abs() < 0.02, "{lag} for {waits}");
        assert_eq!(bill[0].task.as_str(), "work");
        assert!(bill[0].lag_share > 0.99, "who only stands in line makes nobody wait: {bill:?}");
    }

    /// One caller that calls again after 8 ms kept a loop busy for 93 % of the time with steps of
    /// 100 ms: a newcomer waited 52 ms, and was said to wait 576 ms.
    #[test]
    fn a_line_is_no_longer_than_those_who_can_stand_in_it() {
        for (callers, times) in
            [(1, (100, 8)), (1, (10, 1)), (3, (100, 8)), (8, (20, 30)), (2, (50, 200))]
        {
            let (waits, profile, time) = closed(callers, times);
            for in_line in [InLine::Coroutines(callers), InLine::Attempts] {
                let lag = lag_bill([(&profile, in_line)], time)[0].lag.as_secs_f64();
                let factor = lag / waits;
                assert!((0.8..2.0).contains(&factor), "{callers} {times:?}: {lag} for {waits}");
            }
        }
        let (waits, profile, time) = closed(1, (100, 8));
        let lag = lag_bill([(&profile, InLine::Unknown)], time)[0].lag.as_secs_f64();
        assert!(lag > 10.0 * waits, "{lag} for {waits}");
    }
}
