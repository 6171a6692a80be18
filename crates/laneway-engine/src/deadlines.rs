//! What shall happen at which moment.

use std::collections::BTreeSet;

use crate::clock::Moment;
use crate::fleet::RunnerId;

/// Something that becomes due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// An attempt has used up its time.
    Timeout(u64),
    /// An attempt that was asked to stop has used up its grace.
    Force(u64),
    /// A runner should be ready by now.
    Ready(RunnerId),
    /// A runner that was told to end should be gone by now.
    Gone(RunnerId),
    /// A runner that is to be killed has had the time to tell what it measured.
    LastWords(RunnerId),
    /// Jobs wait in the socket of a process runner: for how long has it been busy?
    LookAhead(RunnerId),
    /// What still runs has had the whole drain timeout.
    DrainTimeout,
    /// The worker should have ended by now.
    GiveUp,
}

/// Everything that becomes due, in order.
///
/// Entries are removed when they no longer matter, so that many short attempts with long timeouts
/// do not pile up.
#[derive(Debug, Default)]
pub(crate) struct Deadlines(BTreeSet<(Moment, Due)>);

impl Deadlines {
    pub(crate) fn add(&mut self, at: Moment, due: Due) {
        self.0.insert((at, due));
    }

    pub(crate) fn remove(&mut self, at: Moment, due: Due) {
        self.0.remove(&(at, due));
    }

    pub(crate) fn first(&self) -> Option<Moment> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes the first entry that is due.
    pub(crate) fn pop(&mut self, now: Moment) -> Option<Due> {
        if self.first()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, due)| due)
    }
}
