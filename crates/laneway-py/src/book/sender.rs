//! The thread that sends the sums.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use laneway_core::error::{Code, Error};
use laneway_core::profile::{Place, Profile};
use laneway_engine::protocol::{FromRunner, Stuck, append_frame};

use super::Shared;
use crate::process::Birthplace;
use crate::runner::Outbox;
use crate::thread::without_signals;
use crate::watchdog::{self, Blocked, Finding, blockage};

/// How often sums are sent while attempts run.
const EVERY: Duration = Duration::from_millis(500);

/// Profiles in one frame.
const FRAME_PROFILES: usize = 64;

/// Sends what was measured; sleeps while nothing runs.
#[derive(Debug)]
pub(super) struct Sender {
    birthplace: Birthplace,
    outbox: Arc<Outbox>,
    pace: Arc<Pace>,
}

#[derive(Debug, Default)]
struct Pace {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Nothing runs and everything is sent.
    #[default]
    Idle,
    Busy,
    Over,
}

impl Pace {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sender {
    pub(super) fn start(shared: Arc<Shared>, outbox: Arc<Outbox>) -> std::io::Result<Self> {
        let pace = Arc::new(Pace::default());
        let thread = std::thread::Builder::new().name("laneway-profiles".to_owned());
        let (rhythm, out) = (Arc::clone(&pace), Arc::clone(&outbox));
        without_signals(|| thread.spawn(move || send_for_ever(&shared, &out, &rhythm)))?;
        Ok(Self { birthplace: Birthplace::here(), outbox, pace })
    }

    /// Something runs.
    pub(super) fn wake(&self) {
        let mut state = self.pace.lock();
        if *state == State::Idle {
            *state = State::Busy;
            self.pace.changed.notify_all();
        }
    }

    /// Sends a message.
    pub(super) fn send(&self, message: &FromRunner) -> Result<(), Error> {
        send(&self.outbox, message)
    }

    /// Sends what was measured so far.
    pub(super) fn flush(&self, shared: &Shared) -> Result<(), Error> {
        send_sums(shared, &self.outbox)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // In a forked child there is no thread to end, and the lock may be held for ever.
        if self.birthplace.is_here() {
            *self.pace.lock() = State::Over;
            self.pace.changed.notify_all();
        }
    }
}

fn send_for_ever(shared: &Shared, outbox: &Outbox, pace: &Pace) {
    let mut was_stuck = false;
    loop {
        let mut state = pace.lock();
        while *state == State::Idle {
            state = pace.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let over = |state: &mut State| *state != State::Over;
        let waited = pace.changed.wait_timeout_while(state, EVERY, over);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *state == State::Over {
            return;
        }
        // Whatever ends after this is seen in the next round, since it makes the sender busy again
        // or is recorded before it stops being so.
        if !shared.is_busy() {
            *state = State::Idle;
        }
        drop(state);
        // The supervisor is gone, and so will this process be.
        if send_sums(shared, outbox)
            .and_then(|()| send_stuck(shared, outbox, &mut was_stuck))
            .is_err()
        {
            return;
        }
    }
}

fn send_sums(shared: &Shared, outbox: &Outbox) -> Result<(), Error> {
    let mut profiles: Vec<Profile> = shared.tasks().iter().flat_map(|task| task.take()).collect();
    for finding in watchdog::take_findings() {
        blame(&mut profiles, &finding, shared);
    }
    for chunk in profiles.chunks(FRAME_PROFILES) {
        send(outbox, &FromRunner::Measured(chunk.to_vec()))?;
    }
    Ok(())
}

/// Adds a place that blocked the loop to a profile of its task. The attempt may still run, and then
/// the task has no profile yet.
fn blame(profiles: &mut Vec<Profile>, finding: &Finding, shared: &Shared) {
    let tasks = shared.tasks();
    let Some(task) = tasks.iter().find(|task| task.label == finding.label) else {
        return;
    };
    let key = task.key_on_loop(shared);
    let of_task = |profile: &Profile| profile.key.task == key.task && profile.key.lane == key.lane;
    let known = profiles.iter().position(of_task).unwrap_or_else(|| {
        profiles.push(Profile::new(key));
        profiles.len() - 1
    });
    if let (Some(profile), Some(site)) = (profiles.get_mut(known), finding.site()) {
        profile.sites.record(&site);
    }
}

/// Tells of the step that blocks the loop, and when none does any more.
fn send_stuck(shared: &Shared, outbox: &Outbox, was_stuck: &mut bool) -> Result<(), Error> {
    let stuck = watchdog::blocked().and_then(|blocked| stuck(shared, blocked));
    let had_been = std::mem::replace(was_stuck, stuck.is_some());
    if stuck.is_none() && !had_been {
        return Ok(());
    }
    send(outbox, &FromRunner::Stuck(stuck.map(Box::new)))
}

fn stuck(shared: &Shared, blocked: Blocked) -> Option<Stuck> {
    let tasks = shared.tasks();
    let task = tasks.iter().find(|task| task.label == blocked.owner.label)?;
    let nanos = Duration::from_nanos;
    Some(Stuck {
        attempt: blocked.owner.key,
        key: task.key_on_loop(shared),
        event_loop: shared.event_loop,
        place: blocked.site.map(|site| Place::new(&site.file, site.line, &site.function)),
        site: blocked.finding.site(),
        blockage: blockage(blocked.cause),
        since: nanos(blocked.for_ns),
        cpu: nanos(blocked.time.cpu),
        run_delay: blocked.knows_run_delay.then(|| nanos(blocked.time.run_delay)),
    })
}

fn send(outbox: &Outbox, message: &FromRunner) -> Result<(), Error> {
    let mut frame = Vec::new();
    if append_frame(&mut frame, message).is_err() {
        // Evidence that no frame can carry is dropped; the next one is told again.
        return Ok(());
    }
    outbox.send(frame).map_err(|_| {
        Error::new(Code::RunnerMismatch, "the supervisor has closed its end of the socket")
    })
}
