//! Which calls break, and how.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

/// A verb of a store, to say which calls break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the verb of `Store` with the same name")]
pub enum Verb {
    Enqueue,
    Restore,
    RegisterTasks,
    OpenSession,
    RenewSession,
    CloseSession,
    Claim,
    Settle,
    ReportProgress,
    Sweep,
    Prune,
    Cancel,
    Requeue,
    PauseQueue,
    ResumeQueue,
    Watch,
    Finished,
    Job,
    ListJobs,
    Queues,
    Sessions,
    Registry,
    AddProfiles,
    Profiles,
    Health,
}

/// Says which calls of a [`FaultyStore`](super::FaultyStore) break. Clones are the same plan.
#[derive(Debug, Clone, Default)]
pub struct FaultPlan(Arc<Mutex<BTreeMap<Verb, Calls>>>);

/// The calls of one verb.
#[derive(Debug, Default)]
struct Calls {
    begun: u64,
    faults: BTreeMap<u64, Fault>,
}

/// What happens to one call.
#[derive(Debug, Default)]
pub(super) struct Fault {
    pub(super) barrier: Option<Barrier>,
    pub(super) failure: Option<Moment>,
}

/// When a call fails.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    /// Nothing happened.
    Before,
    /// It happened, but nobody hears of it.
    After,
}

impl FaultPlan {
    /// A plan without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the `nth` call of a verb from now on fail before it happens; 1 is the next one.
    pub fn fail(&self, verb: Verb, nth: u64) {
        self.at(verb, nth, |fault| fault.failure = Some(Moment::Before));
    }

    /// Lets the `nth` call of a verb from now on happen, but its reply be lost; 1 is the next one.
    pub fn lose_reply(&self, verb: Verb, nth: u64) {
        self.at(verb, nth, |fault| fault.failure = Some(Moment::After));
    }

    /// Holds the `nth` call of a verb from now on until the gate is opened; 1 is the next one. A
    /// held call may besides be told to fail.
    pub fn hold(&self, verb: Verb, nth: u64) -> Gate {
        let (reached, is_reached) = watch::channel(false);
        let (opened, is_opened) = watch::channel(false);
        let barrier = Barrier { reached, is_opened };
        self.at(verb, nth, |fault| fault.barrier = Some(barrier));
        Gate { is_reached, opened }
    }

    /// How many calls of a verb have begun.
    pub fn calls(&self, verb: Verb) -> u64 {
        self.lock().get(&verb).map_or(0, |calls| calls.begun)
    }

    /// Counts a call and tells what shall happen to it.
    pub(super) fn begin(&self, verb: Verb) -> Fault {
        let mut plan = self.lock();
        let calls = plan.entry(verb).or_default();
        calls.begun += 1;
        calls.faults.remove(&calls.begun).unwrap_or_default()
    }

    fn at(&self, verb: Verb, nth: u64, change: impl FnOnce(&mut Fault)) {
        let mut plan = self.lock();
        let calls = plan.entry(verb).or_default();
        change(calls.faults.entry(calls.begun + nth).or_default());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Verb, Calls>> {
        self.0.lock().expect("no call panics while it reads the plan")
    }
}

/// Holds one call until it is opened. Dropping it opens it.
#[derive(Debug)]
pub struct Gate {
    is_reached: watch::Receiver<bool>,
    opened: watch::Sender<bool>,
}

impl Gate {
    /// Waits until the call stands before the gate.
    pub async fn reached(&mut self) {
        let reached = self.is_reached.wait_for(|is_reached| *is_reached).await;
        reached.expect("the plan keeps the call's end of the gate");
    }

    /// Lets the call go on.
    pub fn open(self) {
        self.opened.send_replace(true);
    }
}

/// The call's side of a [`Gate`].
#[derive(Debug)]
pub(super) struct Barrier {
    reached: watch::Sender<bool>,
    is_opened: watch::Receiver<bool>,
}

impl Barrier {
    pub(super) async fn pass(mut self) {
        self.reached.send_replace(true);
        // An error says that the gate was dropped, which opens it.
        drop(self.is_opened.wait_for(|is_opened| *is_opened).await);
    }
}
