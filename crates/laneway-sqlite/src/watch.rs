//! Subscriptions to changes.
//!
//! What this process changes is told to its watchers by the writer, with names, right after the
//! commit. What other processes change is found by a thread ([`crate::bell`]) that compares the row
//! `bell` with what was seen. The two must not tell the same thing twice, so the writer says before
//! each commit which rows of `finished` will be its own.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use laneway_core::error::Error;
use laneway_core::id::JobId;
use laneway_core::store::{Wake, Watch};
use tokio::sync::Notify;

use crate::store::SqliteStore;
use crate::transaction::{Bell, Rung};

/// Finished jobs that a watcher which does not look may have to remember; beyond this it is told
/// that there were others.
const FINISHED_MAX: usize = 100_000;

/// A subscription to the changes of a store. It keeps the store open.
#[derive(Debug)]
pub struct SqliteWatch {
    mailbox: Arc<Mailbox>,
    _store: SqliteStore,
}

impl SqliteWatch {
    pub(crate) const fn new(mailbox: Arc<Mailbox>, store: SqliteStore) -> Self {
        Self { mailbox, _store: store }
    }
}

/// Where the news for one watcher waits until it looks.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    pending: Mutex<Wake>,
    arrived: Notify,
}

impl Watch for SqliteWatch {
    async fn next(&mut self) -> Result<Wake, Error> {
        loop {
            let arrived = self.mailbox.arrived.notified();
            let wake = std::mem::take(&mut *self.mailbox.lock());
            if wake != Wake::default() {
                return Ok(wake);
            }
            arrived.await;
        }
    }
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Wake> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, news: &Wake) {
        let mut pending = self.lock();
        pending.ready |= news.ready;
        pending.control |= news.control;
        pending.finished_others |= news.finished_others;
        if pending.finished.len() + news.finished.len() <= FINISHED_MAX {
            pending.finished.extend_from_slice(&news.finished);
        } else {
            pending.finished.clear();
            pending.finished_others = true;
        }
        drop(pending);
        self.arrived.notify_one();
    }
}

/// The watchers of one open store, and what they have been told.
#[derive(Debug, Default)]
pub(crate) struct Hub(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    mailboxes: Vec<Weak<Mailbox>>,
    /// Whether a thread looks for the changes of other processes.
    is_listening: bool,
    is_closed: bool,
    /// Up to where changes have been told.
    seen: Bell,
    /// Rows of `finished` that this process adds and tells of by itself.
    own: Vec<RangeInclusive<i64>>,
}

/// The promise that rows of `finished` will be this process's own. Dropped without a commit, it is
/// taken back: another process may use the numbers then.
#[derive(Debug)]
pub(crate) struct Expected<'h> {
    hub: &'h Hub,
    numbers: RangeInclusive<i64>,
    is_kept: bool,
}

impl Expected<'_> {
    /// The transaction has committed.
    pub(crate) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.hub.lock().own.retain(|numbers| *numbers != self.numbers);
        }
    }
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subscribes. The second answer says that a thread must be started to listen to other
    /// processes; what they change after `bell` was read will be told.
    pub(crate) fn subscribe(&self, bell: Bell) -> (Arc<Mailbox>, bool) {
        let mailbox = Arc::new(Mailbox::default());
        let mut state = self.lock();
        state.mailboxes.push(Arc::downgrade(&mailbox));
        let must_listen = !state.is_listening;
        if must_listen {
            state.is_listening = true;
            state.seen = bell;
            state.own.clear();
        }
        (mailbox, must_listen)
    }

    /// Ends the listening at its next turn.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
    }

    /// The listening could not begin.
    pub(crate) fn listening_failed(&self) {
        self.lock().is_listening = false;
    }

    /// Whether anybody still watches. When nobody does, the listening thread ends, and the next
    /// subscription starts another.
    pub(crate) fn goes_on(&self) -> bool {
        let mut state = self.lock();
        state.mailboxes.retain(|mailbox| mailbox.strong_count() > 0);
        state.is_listening = !state.mailboxes.is_empty() && !state.is_closed;
        state.is_listening
    }

    /// Says, before a commit, which rows of `finished` it adds.
    pub(crate) fn expect(&self, numbers: RangeInclusive<i64>) -> Expected<'_> {
        let mut state = self.lock();
        if state.is_listening && !numbers.is_empty() {
            state.own.push(numbers.clone());
        }
        Expected { hub: self, numbers, is_kept: false }
    }

    /// Tells what a committed transaction of this process changed.
    pub(crate) fn announce(&self, rung: Rung) {
        let mut state = self.lock();
        let (before, after) = (rung.before, rung.after);
        if state.is_listening {
            // Where nothing of others lies in between, the listener need not look at it at all.
            if state.seen.ready == before.ready {
                state.seen.ready = after.ready;
            }
            if state.seen.control == before.control {
                state.seen.control = after.control;
            }
            if state.seen.finished == before.finished {
                state.seen.finished = after.finished;
                let seen = after.finished;
                state.own.retain(|numbers| *numbers.end() > seen);
            }
        }
        state.tell(&Wake {
            ready: after.ready > before.ready,
            control: after.control > before.control,
            finished: rung.finished,
            finished_others: false,
        });
    }

    /// Up to where the changes of others have been told.
    pub(crate) fn seen(&self) -> Bell {
        self.lock().seen
    }

    /// Tells what other processes changed: the bell as it was read, and the rows of `finished` from
    /// `seen` up to it.
    pub(crate) fn tell_foreign(&self, bell: Bell, finished: &[(i64, JobId)]) {
        let mut state = self.lock();
        let seen = state.seen;
        let foreign: Vec<JobId> = finished
            .iter()
            .filter(|(number, _)| *number > seen.finished)
            .filter(|(number, _)| !state.own.iter().any(|own| own.contains(number)))
            .map(|(_, id)| *id)
            .collect();
        let news = Wake {
            ready: bell.ready > seen.ready,
            control: bell.control > seen.control,
            finished: foreign,
            finished_others: false,
        };
        state.seen = Bell {
            ready: seen.ready.max(bell.ready),
            control: seen.control.max(bell.control),
            finished: seen.finished.max(bell.finished),
        };
        let told = state.seen.finished;
        state.own.retain(|numbers| *numbers.end() > told);
        if news != Wake::default() {
            state.tell(&news);
        }
    }

    /// Tells that anything may have changed.
    pub(crate) fn tell_unknown(&self) {
        let anything =
            Wake { ready: true, control: true, finished: Vec::new(), finished_others: true };
        self.lock().tell(&anything);
    }
}

impl State {
    fn tell(&mut self, news: &Wake) {
        self.mailboxes.retain(|mailbox| {
            let Some(mailbox) = mailbox.upgrade() else {
                return false;
            };
            mailbox.add(news);
            true
        });
    }
}
