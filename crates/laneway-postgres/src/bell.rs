//! Wake-ups between processes.
//!
//! A notification is sent in a transaction of its own, a few milliseconds after the changes of this
//! process that others may wait for, and one for all of them: a transaction that notifies holds a
//! lock of the whole database while it commits, so none that adds or ends jobs ever does. A
//! notification may get lost, or the way to the server may be a pooler that passes none on: so
//! watchers are asked to look anew every now and then. That is the guarantee; the bell only makes
//! it quick.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use laneway_core::store::Wake;
use tokio::sync::{Notify, mpsc};
use tokio_postgres::AsyncMessage;

use crate::link::{self, Ear, Link};
use crate::watch::Hub;

/// The shortest time between two notifications of one process.
const RING_EVERY: Duration = Duration::from_millis(10);

/// How often watchers look for new jobs while notifications arrive: those that SQL added come
/// without one.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// After so many looks for new jobs, they look for everything.
const LOOKS_FOR_JOBS: u32 = 6;

/// How often they look where none arrive.
const LOOK_OFTEN_EVERY: Duration = Duration::from_millis(150);

/// How long it may take to get a connection that listens.
const EAR_WAIT: Duration = Duration::from_secs(10);

/// How long a listener waits for a first notification before it relies on looking alone.
const PROBE_WAIT: Duration = Duration::from_secs(2);

/// After so many looks, a minute of them, it tries again whether notifications arrive. Each further
/// try comes after twice as many.
const LOOKS_OF_SILENCE: u32 = 400;

/// The most looks between two tries, half an hour of them.
const LOOKS_OF_SILENCE_MAX: u32 = 12_000;

/// A connection that has lasted for so long works; what ends it then is something new.
const LASTS_AFTER: Duration = Duration::from_secs(5);

/// The longest wait before the listener connects again: a server that is back is soon noticed.
const RECONNECT_WAIT_MAX: Duration = Duration::from_secs(1);

const READY: u8 = 1;
const CONTROL: u8 = 2;
const FINISHED: u8 = 4;

/// The sending side: what others shall hear of soon.
#[derive(Debug, Default)]
pub(crate) struct Ringer {
    pending: AtomicU8,
    rung: Notify,
}

impl Ringer {
    /// Has others told of what this process has changed.
    pub(crate) fn ring(&self, news: &Wake) {
        let has_finished = !news.finished.is_empty() || news.finished_others;
        let facts = [(news.ready, READY), (news.control, CONTROL), (has_finished, FINISHED)];
        let bits = facts.iter().filter(|(is_true, _)| *is_true).fold(0, |bits, fact| bits | fact.1);
        if bits & !self.pending.fetch_or(bits, Ordering::AcqRel) != 0 {
            self.rung.notify_one();
        }
    }

    /// Sends notifications for as long as the store is open.
    pub(crate) async fn serve(self: Arc<Self>, link: Weak<Link>) {
        loop {
            self.rung.notified().await;
            let Some(link) = link.upgrade() else {
                return;
            };
            let bits = self.pending.swap(0, Ordering::AcqRel);
            if bits != 0 && link.notify(&payload(bits, link.origin())).await.is_err() {
                // Whoever missed it looks anew before long.
            }
            drop(link);
            link::wait(RING_EVERY).await;
        }
    }

    /// Lets [`Ringer::serve`] see that the store is closed.
    pub(crate) fn close(&self) {
        self.rung.notify_one();
    }
}

fn payload(bits: u8, origin: u64) -> String {
    format!("{bits}:{origin:016x}")
}

/// What a notification says; `None` when it comes from this very process.
fn parse(payload: &str, origin: u64) -> Option<Wake> {
    let (bits, from) = payload.split_once(':').unwrap_or((payload, ""));
    if u64::from_str_radix(from, 16) == Ok(origin) {
        return None;
    }
    // Whoever notifies by hand need not say what has changed.
    let bits: u8 = bits.parse().unwrap_or(READY | CONTROL | FINISHED);
    Some(Wake {
        ready: bits & READY != 0,
        control: bits & CONTROL != 0,
        finished: Vec::new(),
        finished_others: bits & FINISHED != 0,
    })
}

/// Listens for as long as somebody watches.
pub(crate) async fn listen(hub: Arc<Hub>, link: Weak<Link>, by_notifications: bool) {
    let mut failures: u32 = 0;
    let mut silence = if by_notifications { 0 } else { u32::MAX };
    let mut looks: u32 = 0;
    while hub.goes_on() {
        if looks < silence {
            looks = looks.saturating_add(u32::from(by_notifications));
            link::wait(jittered(LOOK_OFTEN_EVERY)).await;
            hub.tell_unknown();
            continue;
        }
        let heard = match link.upgrade() {
            None => return,
            Some(link) => match Listener::new(&hub, link).await {
                Ok(listener) => {
                    silence = 0;
                    let mut serving = pin!(listener.serve(&hub));
                    if let Some(heard) = link::within(LASTS_AFTER, serving.as_mut()).await {
                        heard
                    } else {
                        failures = 0;
                        serving.await
                    }
                }
                Err(heard) => heard,
            },
        };
        match heard {
            Heard::Silence => {
                looks = 0;
                silence = silence.saturating_mul(2).clamp(LOOKS_OF_SILENCE, LOOKS_OF_SILENCE_MAX);
            }
            Heard::Enough => return,
            Heard::Cut => {
                failures += 1;
                let wait = Duration::from_millis(50).saturating_mul(1 << failures.min(8));
                link::wait(jittered(wait.min(RECONNECT_WAIT_MAX))).await;
                hub.tell_unknown();
            }
        }
    }
}

/// Between half of a duration and one and a half of it, so that processes that started together do
/// not look together.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(0.5 + fastrand::f64())
}

/// Why the listening on one connection ended.
enum Heard {
    /// The connection broke.
    Cut,
    /// Nothing arrives, not even what another connection of this process has sent.
    Silence,
    /// Nobody watches any more.
    Enough,
}

/// A connection that hears notifications.
struct Listener {
    _ear: Ear,
    messages: mpsc::UnboundedReceiver<String>,
    origin: u64,
}

impl Listener {
    /// Gets a connection and tries whether it hears anything. Until that is known, watchers look
    /// for themselves: a server that takes connections may take its time to answer.
    async fn new(hub: &Hub, link: Arc<Link>) -> Result<Self, Heard> {
        let mut trying = pin!(Self::tried(link));
        loop {
            match link::within(jittered(LOOK_EVERY), trying.as_mut()).await {
                Some(tried) => return tried,
                None if hub.goes_on() => hub.tell_unknown(),
                None => return Err(Heard::Enough),
            }
        }
    }

    async fn tried(link: Arc<Link>) -> Result<Self, Heard> {
        let connected = link::within(EAR_WAIT, link.dedicated()).await;
        let Some(Ok((ear, mut messages))) = connected else {
            return Err(Heard::Cut);
        };
        let origin = link.origin();
        // Another connection notifies: what a pooler does with a notification of this very one
        // tells nothing.
        if link.notify(&payload(0, origin)).await.is_err() {
            return Err(Heard::Cut);
        }
        match link::within(PROBE_WAIT, messages.recv()).await {
            None => Err(Heard::Silence),
            Some(None) => Err(Heard::Cut),
            // Of what others have told meanwhile, the first look that follows finds all.
            Some(Some(_)) => Ok(Self { _ear: ear, messages, origin }),
        }
    }

    async fn serve(mut self, hub: &Hub) -> Heard {
        hub.tell_unknown();
        let mut looks: u32 = 0;
        while hub.goes_on() {
            match link::within(jittered(LOOK_EVERY), self.messages.recv()).await {
                None => {
                    looks += 1;
                    if looks.is_multiple_of(LOOKS_FOR_JOBS) {
                        hub.tell_unknown();
                    } else {
                        hub.tell(&Wake { ready: true, ..Wake::default() });
                    }
                }
                Some(None) => return Heard::Cut,
                Some(Some(message)) => self.tell(hub, &message),
            }
        }
        Heard::Enough
    }

    fn tell(&self, hub: &Hub, message: &str) {
        if let Some(news) = parse(message, self.origin).filter(|news| *news != Wake::default()) {
            hub.tell(&news);
        }
    }
}

/// Drives a connection, and passes on the payloads of its notifications until it ends.
pub(crate) async fn hear<S, T>(
    mut connection: tokio_postgres::Connection<S, T>,
    heard: mpsc::UnboundedSender<String>,
) where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notification(notification) = message
            && heard.send(notification.payload().to_owned()).is_err()
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_does_not_hear_itself_and_understands_others() {
        assert_eq!(parse(&payload(READY, 7), 7), None);
        let news = parse(&payload(READY | FINISHED, 7), 8).unwrap();
        assert!(news.ready && news.finished_others && !news.control);
    }

    #[test]
    fn a_notification_by_hand_means_that_anything_may_have_changed() {
        let news = parse("", 8).unwrap();
        assert!(news.ready && news.control && news.finished_others);
    }
}
