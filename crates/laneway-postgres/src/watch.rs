//! Subscriptions to changes.
//!
//! What this process changes is told to its watchers as soon as the server has answered, with
//! names. Of what others change, `bell` hears by notifications, and asks to look again every now
//! and then.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use laneway_core::error::Error;
use laneway_core::store::{Wake, Watch};
use tokio::sync::Notify;

use crate::store::PostgresStore;

/// Finished jobs that a watcher which does not look may have to remember; beyond this it is told
/// that there were others.
const FINISHED_MAX: usize = 100_000;

/// A subscription to the changes of a store. It keeps the store open.
#[derive(Debug)]
pub struct PostgresWatch {
    mailbox: Arc<Mailbox>,
    _store: PostgresStore,
}

impl PostgresWatch {
    pub(crate) const fn new(mailbox: Arc<Mailbox>, store: PostgresStore) -> Self {
        Self { mailbox, _store: store }
    }
}

impl Watch for PostgresWatch {
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

/// Where the news for one watcher waits until it looks.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    pending: Mutex<Wake>,
    arrived: Notify,
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

/// The watchers of one open store.
#[derive(Debug, Default)]
pub(crate) struct Hub(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    mailboxes: Vec<Weak<Mailbox>>,
    is_listening: bool,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A mailbox for a new watcher, and whether somebody must begin to listen.
    pub(crate) fn subscribe(&self) -> (Arc<Mailbox>, bool) {
        let mailbox = Arc::new(Mailbox::default());
        let mut state = self.lock();
        state.mailboxes.push(Arc::downgrade(&mailbox));
        let must_listen = !state.is_listening;
        state.is_listening = true;
        (mailbox, must_listen)
    }

    /// Whether anybody still watches. When nobody does, the listening ends, and the next
    /// subscription starts it anew.
    pub(crate) fn goes_on(&self) -> bool {
        let mut state = self.lock();
        state.mailboxes.retain(|mailbox| mailbox.strong_count() > 0);
        state.is_listening = !state.mailboxes.is_empty();
        state.is_listening
    }

    /// Tells every watcher.
    pub(crate) fn tell(&self, news: &Wake) {
        self.lock().mailboxes.retain(|mailbox| {
            let Some(mailbox) = mailbox.upgrade() else {
                return false;
            };
            mailbox.add(news);
            true
        });
    }

    /// Tells that anything may have changed.
    pub(crate) fn tell_unknown(&self) {
        self.tell(&Wake {
            ready: true,
            control: true,
            finished: Vec::new(),
            finished_others: true,
        });
    }
}
