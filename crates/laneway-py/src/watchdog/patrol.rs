//! The watchdog's own thread: looks at every watched loop, and sleeps in between.
//!
//! It wakes once per threshold. A step that it sees at an age below the threshold makes it sleep
//! until exactly that age; no step can slip through, however rarely it looks.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::blame::{Cause, Waits, cause, time_so_far};
use super::findings::{Finding, Findings};
use super::slot::{Beginning, EndedStep, Owner, RunningStep, Slot};
use super::stack::{Frame, Stack, site};
use super::taker::StackTaker;
use crate::meter::{StepTime, monotonic_ns};

/// A second look at a step follows after this, to tell what it waits for.
const SECOND_LOOK_NS: u64 = 12_000_000;

/// How long whoever asks for findings waits for a stack that is being taken, in all.
const SETTLING_TIME: Duration = Duration::from_millis(20);
const SETTLING_ROUNDS: u32 = 10;

const WAKE_MIN_NS: u64 = 500_000;

/// What the watchdog's thread shares with everybody.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(super) threshold_ns: u64,
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct State {
    slots: Vec<Arc<Slot>>,
    sightings: Vec<Sighting>,
    findings: Findings,
    is_over: bool,
}

/// A long step, from when it was noticed until it is accounted for.
#[derive(Debug)]
struct Sighting {
    slot: Arc<Slot>,
    owner: Owner,
    started_at: u64,
    began: Beginning,
    /// The stack is being taken; until then the step may not be accounted for.
    is_pending: bool,
    first: Option<Stack>,
    latest: Option<Stack>,
    waits: Waits,
    cause: Cause,
    looks: u32,
    /// When its stack is taken again, since a step may do many things.
    again_at: u64,
}

/// The loop that is blocked now, and by whom.
#[derive(Debug, Clone)]
pub(crate) struct Blocked {
    pub(crate) for_ns: u64,
    pub(crate) owner: Owner,
    pub(crate) cause: Cause,
    /// The place in the program; `None` while no stack could be taken.
    pub(crate) site: Option<Frame>,
    /// The step as it will be found when it ends, with the time so far.
    pub(crate) finding: Finding,
    /// The time of the step so far, as far as the system tells it from outside.
    pub(crate) time: StepTime,
    /// Whether the system tells of waits for a core.
    pub(crate) knows_run_delay: bool,
}

impl Watch {
    pub(super) fn new(threshold_ns: u64) -> Self {
        Self { threshold_ns, state: Mutex::default(), bell: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches one more thread.
    pub(super) fn add(&self, slot: Arc<Slot>) {
        slot.watch(self.threshold_ns);
        let mut state = self.lock();
        if !state.slots.iter().any(|known| Arc::ptr_eq(known, &slot)) {
            state.slots.push(slot);
        }
    }

    /// Ends the thread's work.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.is_over = true;
        for slot in &state.slots {
            slot.watch(u64::MAX);
        }
        self.bell.notify_all();
    }

    /// Everything found since this was last asked, most expensive first.
    pub(crate) fn take(&self) -> Vec<Finding> {
        self.settled().findings.take()
    }

    /// How many long steps were not the code's fault, and their nanoseconds.
    pub(crate) fn acquitted(&self) -> (u64, u64) {
        self.settled().findings.acquitted()
    }

    /// The state after every step that has ended is accounted for, if that does not take long: the
    /// stack of one may still be on its way.
    fn settled(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        for _ in 0..SETTLING_ROUNDS {
            self.account_for_ended(&mut state);
            let is_open = |seen: &Sighting| seen.is_pending && seen.slot.has_ended(seen.started_at);
            if !state.sightings.iter().any(is_open) {
                break;
            }
            let waited = self.bell.wait_timeout(state, SETTLING_TIME);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }

    /// The loop that has been blocked for longest, if one is.
    pub(crate) fn blocked(&self) -> Option<Blocked> {
        let state = self.lock();
        let now = monotonic_ns();
        let running = state.sightings.iter().filter(|seen| seen.slot.is_in(seen.started_at));
        let longest = running.min_by_key(|seen| seen.started_at)?;
        let stack = longest.latest.as_ref();
        let for_ns = now.saturating_sub(longest.started_at);
        let schedule = longest.slot.thread.schedule();
        Some(Blocked {
            for_ns,
            owner: longest.owner,
            cause: longest.cause,
            site: stack.and_then(|stack| site(&stack.frames)).cloned(),
            finding: found(
                longest.owner,
                (longest.started_at, for_ns),
                longest.cause,
                longest.first.clone(),
            ),
            time: time_so_far(longest.began, now, schedule),
            knows_run_delay: schedule.is_some(),
        })
    }

    /// Long steps that have not ended, as they would be accounted for if they ended now. They are
    /// found again when they end.
    pub(crate) fn unfinished(&self) -> Vec<Finding> {
        let state = self.lock();
        let now = monotonic_ns();
        let finding = |seen: &Sighting| {
            let step = seen.slot.running().filter(|step| step.began.at == seen.started_at)?;
            let time = time_so_far(step.began, now, seen.slot.thread.schedule());
            let cause = cause(time, self.threshold_ns, seen.waits);
            let span = (seen.started_at, time.wall);
            (cause != Cause::StarvedHost)
                .then(|| found(seen.owner, span, cause, seen.latest.clone()))
        };
        state.sightings.iter().filter_map(finding).collect()
    }

    /// Looks until the end.
    pub(super) fn patrol(&self, taker: &mut StackTaker) {
        let mut state = self.lock();
        while !state.is_over {
            let slots = state.slots.clone();
            drop(state);
            let mut wake_at = monotonic_ns() + self.threshold_ns;
            for slot in slots {
                wake_at = wake_at.min(self.look_at(&slot, taker));
            }
            state = self.lock();
            self.account_for_ended(&mut state);
            let own = |slot: &Arc<Slot>| Arc::strong_count(slot) > 1;
            state.slots.retain(own);
            let sleep = wake_at.saturating_sub(monotonic_ns()).max(WAKE_MIN_NS);
            state = self
                .bell
                .wait_timeout(state, Duration::from_nanos(sleep))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Looks at one thread; gives when to look again.
    fn look_at(&self, slot: &Arc<Slot>, taker: &mut StackTaker) -> u64 {
        let later = monotonic_ns() + self.threshold_ns;
        let Some(step) = slot.running() else {
            return later;
        };
        let long_at = step.began.at + self.threshold_ns;
        let now = monotonic_ns();
        if now < long_at {
            return long_at;
        }
        let schedule = slot.thread.schedule();
        let time = time_so_far(step.began, now, schedule);
        let own = time.wall - time.run_delay;
        if own < self.threshold_ns {
            // The host has not let it run for so long yet.
            return now + (self.threshold_ns - own);
        }
        let (is_due, mut waits) = self.sight(slot, step, now);
        waits.look(slot.thread, schedule);
        let cause = cause(time, self.threshold_ns, waits);
        let stack = if is_due { taker.take(slot.thread) } else { None };
        self.note(slot, step, |seen| {
            seen.waits = waits;
            seen.cause = cause;
            seen.looks += 1;
            seen.is_pending = false;
            if stack.is_some() {
                seen.latest.clone_from(&stack);
                seen.first = seen.first.take().or(stack);
            } else if seen.first.is_none() {
                seen.again_at = now;
            }
            if seen.looks == 1 { now + SECOND_LOOK_NS } else { later.min(seen.again_at) }
        })
        .unwrap_or(later)
    }

    /// Notes a long step when it is first seen; gives whether its stack is due, and what was seen
    /// of its waits.
    fn sight(&self, slot: &Arc<Slot>, step: RunningStep, now: u64) -> (bool, Waits) {
        let age = now - step.began.at;
        let known = self.note(slot, step, |seen| {
            let is_due = now >= seen.again_at;
            if is_due {
                // Rarer and rarer: 50 ms, 100 ms, 200 ms, …
                seen.again_at = step.began.at + age * 2;
            }
            (is_due, seen.waits)
        });
        known.unwrap_or_else(|| {
            self.lock().sightings.push(Sighting {
                slot: Arc::clone(slot),
                owner: step.owner,
                started_at: step.began.at,
                began: step.began,
                is_pending: true,
                first: None,
                latest: None,
                waits: Waits::default(),
                cause: Cause::BlockingCall,
                looks: 0,
                again_at: step.began.at + age * 2,
            });
            (true, Waits::default())
        })
    }

    fn note<T>(
        &self,
        slot: &Arc<Slot>,
        step: RunningStep,
        change: impl FnOnce(&mut Sighting) -> T,
    ) -> Option<T> {
        let mut state = self.lock();
        let is_it = |seen: &&mut Sighting| {
            seen.started_at == step.began.at && Arc::ptr_eq(&seen.slot, slot)
        };
        let noted = state.sightings.iter_mut().find(is_it).map(change);
        self.bell.notify_all();
        noted
    }

    /// Turns steps that have ended into findings.
    fn account_for_ended(&self, state: &mut State) {
        let State { slots, sightings, findings, .. } = state;
        for slot in slots {
            let of_step = |seen: &Sighting, ended: &EndedStep| {
                seen.started_at == ended.started_at && Arc::ptr_eq(&seen.slot, slot)
            };
            let is_ready = |ended: &EndedStep| {
                !sightings.iter().any(|seen| seen.is_pending && of_step(seen, ended))
            };
            for ended in slot.take_ended(is_ready) {
                let place = sightings.iter().position(|seen| of_step(seen, &ended));
                let sighting = place.map(|place| sightings.swap_remove(place));
                self.account_for(ended, sighting, findings);
            }
            // A step whose end was lost, because the thread had too many at once.
            sightings.retain(|seen| {
                !Arc::ptr_eq(&seen.slot, slot) || seen.is_pending || seen.is_alive()
            });
        }
    }

    fn account_for(&self, ended: EndedStep, seen: Option<Sighting>, findings: &mut Findings) {
        let waits = seen.as_ref().map_or_else(Waits::default, |seen| seen.waits);
        let cause = cause(ended.time, self.threshold_ns, waits);
        if cause == Cause::StarvedHost {
            findings.acquit(ended.time.wall);
            return;
        }
        let owner = seen.as_ref().map_or(ended.owner, |seen| seen.owner);
        // A stack that was taken too late shows what came after the step.
        let ended_at = ended.started_at + ended.time.wall;
        let stack = seen.and_then(|seen| seen.first).filter(|stack| stack.taken_at <= ended_at);
        findings.add(found(owner, (ended.started_at, ended.time.wall), cause, stack));
    }
}

/// A step that began then and took so long, as a finding.
fn found(
    owner: Owner,
    (started_at, wall_ns): (u64, u64),
    cause: Cause,
    stack: Option<Stack>,
) -> Finding {
    let taken_at = stack.as_ref().map(|stack| stack.taken_at);
    Finding {
        label: owner.label,
        key: owner.key,
        cause,
        count: 1,
        longest_ns: wall_ns,
        total_ns: wall_ns,
        taken_after_ns: taken_at.map(|taken_at| taken_at.saturating_sub(started_at)),
        frames: stack.map(|stack| stack.frames).unwrap_or_default(),
    }
}

impl Sighting {
    /// Whether its step runs, or has ended without having been accounted for.
    fn is_alive(&self) -> bool {
        self.slot.is_in(self.started_at) || self.slot.has_ended(self.started_at)
    }
}
