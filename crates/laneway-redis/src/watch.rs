//! Subscriptions to changes.
//!
//! A script that changes something publishes one message on the namespace's channel. One connection
//! listens for the whole process. A message can be lost only with its connection, so whoever
//! watches is told that anything may have changed whenever the connection was made anew; and now
//! and then without a reason, for the case that the network has swallowed it without a word.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::StreamExt;
use laneway_core::error::Error;
use laneway_core::store::{Wake, Watch};
use redis::aio::PubSub;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::link::{Link, instant_now, wait_after};
use crate::store::RedisStore;
use crate::value::{ID_BYTES, job_id};

/// Finished jobs that a watcher which does not look may have to remember; beyond this it is told
/// that there were others.
const FINISHED_MAX: usize = 100_000;

/// The shortest and the longest time between two looks without a reason.
const LOOK_AFTER: std::ops::Range<u64> = 2_000..4_000;

/// The shortest life of a connection that was worth to be made.
const HELD_MIN: Duration = Duration::from_secs(2);

/// The most time that the server takes to say that the connection lives.
const PING_MAX: Duration = Duration::from_secs(2);

/// A subscription to the changes of a store. It keeps the store open.
#[derive(Debug)]
pub struct RedisWatch {
    mailbox: Arc<Mailbox>,
    _store: RedisStore,
}

impl RedisWatch {
    pub(crate) const fn new(mailbox: Arc<Mailbox>, store: RedisStore) -> Self {
        Self { mailbox, _store: store }
    }
}

impl Watch for RedisWatch {
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
pub(crate) struct Hub {
    mailboxes: Mutex<Vec<Weak<Mailbox>>>,
    /// Whether a connection listens.
    is_listening: tokio::sync::Mutex<bool>,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Mailbox>>> {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subscribes, and listens from then on. What happens after this has returned is told.
    pub(crate) async fn subscribe(
        self: Arc<Self>,
        link: Arc<Link>,
        channel: String,
    ) -> Result<Arc<Mailbox>, Error> {
        let mut is_listening = self.is_listening.lock().await;
        if !*is_listening {
            let listener = link.listen(&channel).await?;
            *is_listening = true;
            drop(tokio::spawn(listen(self.clone(), link, channel, listener)));
        }
        let mailbox = Arc::new(Mailbox::default());
        self.lock().push(Arc::downgrade(&mailbox));
        Ok(mailbox)
    }

    fn tell(&self, news: &Wake) {
        self.lock().retain(|mailbox| {
            let Some(mailbox) = mailbox.upgrade() else {
                return false;
            };
            mailbox.add(news);
            true
        });
    }

    fn tell_anything(&self) {
        let anything =
            Wake { ready: true, control: true, finished: Vec::new(), finished_others: true };
        self.tell(&anything);
    }

    /// Whether nobody watches any more; then the next subscription listens anew.
    async fn is_deserted(&self) -> bool {
        let mut is_listening = self.is_listening.lock().await;
        let mut mailboxes = self.lock();
        mailboxes.retain(|mailbox| mailbox.strong_count() > 0);
        *is_listening = !mailboxes.is_empty();
        !*is_listening
    }
}

/// Tells the watchers what the server publishes, until nobody watches any more.
async fn listen(hub: Arc<Hub>, link: Arc<Link>, channel: String, first: PubSub) {
    let mut listener = first;
    // Those since a connection has held: one that is made and lost at once must not be made again
    // and again without a wait.
    let mut attempts = 0;
    loop {
        let began = instant_now();
        if attend(&hub, listener).await {
            return;
        }
        if began.elapsed() >= HELD_MIN {
            attempts = 0;
        }
        listener = loop {
            attempts += 1;
            pause(wait_after(attempts)).await;
            if hub.is_deserted().await {
                return;
            }
            if let Ok(listener) = link.listen(&channel).await {
                break listener;
            }
        };
        hub.tell_anything();
    }
}

/// Passes on what comes over one connection. Tells whether nobody watches any more; else the
/// connection is lost.
async fn attend(hub: &Hub, listener: PubSub) -> bool {
    let (mut sink, mut messages) = listener.split();
    loop {
        let silence = Duration::from_millis(fastrand::u64(LOOK_AFTER));
        match timeout(silence, messages.next()).await {
            Ok(Some(message)) => hub.tell(&news(message.get_payload_bytes())),
            Ok(None) => return false,
            Err(_) => {
                if hub.is_deserted().await {
                    return true;
                }
                let pong = timeout(PING_MAX, sink.ping::<redis::Value>()).await;
                if !matches!(pong, Ok(Ok(_))) {
                    return false;
                }
                hub.tell_anything();
            }
        }
    }
}

/// A message: a byte of flags, then the ids of the jobs that ended.
fn news(payload: &[u8]) -> Wake {
    let Some((flags, ids)) = payload.split_first() else {
        return Wake::default();
    };
    let (mut finished, mut finished_others) = (Vec::with_capacity(ids.len() / ID_BYTES), false);
    for id in ids.chunks(ID_BYTES) {
        match job_id(id) {
            Ok(id) => finished.push(id),
            Err(_) => finished_others = true,
        }
    }
    Wake { ready: flags & 1 != 0, control: flags & 2 != 0, finished, finished_others }
}

#[expect(
    clippy::disallowed_methods,
    reason = "waits on the network are by the machine's clock, whatever time the store has"
)]
async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}

#[cfg(test)]
mod tests {
    use laneway_core::id::JobId;

    use super::*;

    #[test]
    fn a_message_says_what_changed() {
        let id = JobId::from_bits(77);
        let wake = news(format!("\u{3}{id}{id}").as_bytes());
        assert_eq!(
            wake,
            Wake { ready: true, control: true, finished: vec![id, id], finished_others: false }
        );
        assert_eq!(news(b""), Wake::default());
        assert!(news(b"\0garbage").finished_others, "what cannot be read is somebody's end");
    }
}
