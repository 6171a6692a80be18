//! What blocks the event loops of runners: what is told of it, and what is kept of it when its
//! runner cannot tell any more.

use std::time::Duration;

use laneway_core::clock::Timestamp;
use laneway_core::error::Code;
use laneway_core::job::TaskName;
use laneway_core::profile::{Measurement, Profile, Site, step_square};

use super::{Supervisor, beat};
use crate::attempts::Attempt;
use crate::clock::Moment;
use crate::fleet::{Runner, RunnerId, Standstill};
use crate::observer::{Blocker, Happening};
use crate::protocol::Stuck;

/// A step that has blocked its loop for so long is told of before it ends.
const TOLD_AFTER: Duration = Duration::from_millis(500);

/// Places are told of once; with so many a worker tells of no others.
const BLAMED_MAX: usize = 1_000;

impl Supervisor {
    /// A runner has looked at its loop: a step blocks it, or none does.
    pub(super) fn runner_stuck(&mut self, id: RunnerId, stuck: Option<Box<Stuck>>, now: Moment) {
        let Some(runner) = self.fleet.get_mut(id) else {
            return;
        };
        let before = runner.standstill.take();
        let Some(stuck) = stuck.map(|stuck| *stuck) else {
            return;
        };
        // One that was settled without its runner is not among the attempts any more.
        let known = self.attempts.get(stuck.attempt);
        let before = before.filter(|before| before.stuck.attempt == stuck.attempt);
        if known.is_none() && before.is_none() && runner.abandoned == 0 {
            // It has ended meanwhile, and was measured.
            return;
        }
        let ran_for = known
            .and_then(Attempt::started_at)
            .map(|started_at| now.since(started_at))
            .or(before.as_ref().map(|before| before.ran_for + now.since(before.seen_at)))
            .unwrap_or(stuck.since);
        let stop = known.map_or(before.and_then(|before| before.stop), |attempt| attempt.stop);
        if let Some(site) = stuck.site.clone().filter(|_| stuck.since >= TOLD_AFTER) {
            self.blame(&stuck.key.task.clone(), site, false);
        }
        if let Some(runner) = self.fleet.get_mut(id) {
            runner.standstill = Some(Standstill { stuck, seen_at: now, ran_for, stop });
        }
    }

    /// Tells of a place that blocks an event loop, or did, unless it was told of before.
    pub(super) fn blame(&mut self, task: &TaskName, site: Site, is_over: bool) {
        let is_full = self.blamed.len() >= BLAMED_MAX;
        if !is_full && self.blamed.insert((task.clone(), site.place.clone())) {
            self.happenings.push(Happening::TaskBlocked { task: task.clone(), site, is_over });
        }
    }

    /// Tells of a loop that does not turn, and of what became of the jobs that were sent to it.
    pub(super) fn tell_of_blocked_loop(&mut self, id: RunnerId, taken_back: usize) {
        let Some(runner) = self.fleet.get_mut(id) else {
            return;
        };
        let Some((since, waiting)) = runner.untold_block.take() else {
            return;
        };
        let by = runner.standstill.as_ref().map(Standstill::blocker);
        let runner = id.0;
        let happening = Happening::LoopBlocked { runner, since, by, waiting, taken_back };
        self.happenings.push(happening);
    }

    /// What an attempt measured that its runner took along when it ended.
    pub(super) fn measure_lost_attempt(&mut self, id: RunnerId, now: Moment) {
        let lost = self.fleet.get_mut(id).and_then(|runner| runner.standstill.take());
        let Some(lost) = lost else {
            return;
        };
        let (store_time, known_at) = self.store_clock;
        let ended_at = store_time.plus(lost.seen_at.since(known_at));
        let profile = lost.profile(ended_at);
        self.measurements.add(vec![profile], now);
    }

    /// Why an attempt on an event loop did not stop, to complete "it ran longer than its timeout".
    pub(super) fn why_it_did_not_stop(&self, number: u64, now: Moment) -> Option<String> {
        let attempt = self.attempts.get(number)?;
        let runner = self.fleet.get(attempt.runner()?)?;
        if !had_no_turn_for(runner, attempt.policy.grace, now) {
            return None;
        }
        let Some(standstill) = &runner.standstill else {
            return Some("and its event loop is blocked, so it could not be cancelled".to_owned());
        };
        let Blocker { task, place, .. } = standstill.blocker();
        let at = place.map_or_else(String::new, |at| format!(" at {}:{}", at.file, at.line));
        Some(if standstill.stuck.attempt == number {
            format!("and blocks its event loop{at}, so it cannot be cancelled")
        } else {
            format!("and could not be cancelled, because `{task}` blocks its event loop{at}")
        })
    }
}

/// Whether a loop cannot have heard a request of that long ago. It is asked for a sign of life at
/// every beat, so what it did not answer may have been sent two beats later.
fn had_no_turn_for(runner: &Runner, time: Duration, now: Moment) -> bool {
    let slack = beat::BEAT * 2;
    let unanswered = runner.ping.map_or(Duration::ZERO, |ping| now.since(ping.sent_at));
    unanswered >= slack && unanswered + slack >= time
}

impl Standstill {
    /// Whose step it is, where, and for how long.
    pub(crate) fn blocker(&self) -> Blocker {
        let Stuck { key, place, since, .. } = &self.stuck;
        Blocker { task: key.task.clone(), place: place.clone(), since: *since }
    }

    /// The attempt as one that ended at `ended_at`. Of its steps only the last one is known.
    fn profile(self, ended_at: Timestamp) -> Profile {
        let Self { stuck, ran_for, stop, .. } = self;
        let run_delay = stuck.run_delay.unwrap_or_default();
        let step = stuck.since.saturating_sub(run_delay);
        let wall = ran_for.max(stuck.since);
        let run = Measurement {
            wall,
            cpu: stuck.cpu,
            blocked: step.saturating_sub(stuck.cpu),
            awaited: wall.saturating_sub(stuck.since),
            run_delay: stuck.run_delay,
            step_max: step,
            step_sum: step,
            step_square_sum: step_square(step),
            args_bytes: stuck.key.size_bucket.bytes_min(),
            // That it ran alone is not known.
            peers: 1,
            is_error: true,
            ..Measurement::default()
        };
        let mut profile = Profile::new(stuck.key);
        profile.record(&run, ended_at);
        profile.loops.ran(stuck.event_loop, ended_at.minus(wall), ended_at);
        match stop {
            Some(reason) => profile.errors.record(reason.as_str()),
            None => profile.errors.record(&Code::RunnerDied.to_string()),
        }
        if let Some(site) = &stuck.site {
            profile.sites.record(site);
        }
        profile
    }
}
