//! Keeps the worker's session alive, in a task of its own that nothing delays.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use laneway_core::error::{Code, Error};
use laneway_core::id::SessionId;
use laneway_core::store::{OpenSession, RenewSession, Store};
use tokio::sync::{Notify, mpsc, watch};

use crate::clock::{sleep, wall_time};
use crate::supervisor::Event;

/// Renewals in one lease: three may fail before it runs out.
const RENEWALS: u32 = 4;

/// The pause after a call that failed.
const PAUSE: Duration = Duration::from_millis(250);

/// What the keeper listens to and speaks to.
#[derive(Debug)]
pub(crate) struct Wires {
    /// How the worker is.
    pub(crate) condition: watch::Receiver<String>,
    /// Rings when somebody may have asked for a cancellation.
    pub(crate) renew_now: Arc<Notify>,
    /// Sessions that are of no use any more.
    pub(crate) replace: mpsc::UnboundedReceiver<SessionId>,
    /// To the supervisor.
    pub(crate) events: mpsc::UnboundedSender<Event>,
}

/// Opens sessions and renews them.
#[derive(Debug)]
pub(crate) struct SessionKeeper<S> {
    store: S,
    worker: String,
    lease: Duration,
    rng: Rng,
}

impl<S: Store> SessionKeeper<S> {
    pub(crate) const fn new(store: S, worker: String, lease: Duration, rng: Rng) -> Self {
        Self { store, worker, lease, rng }
    }

    /// Opens a new session.
    pub(crate) async fn open(&mut self) -> Result<SessionId, Error> {
        let session = SessionId::new(wall_time(), self.rng.u128(..));
        let open = OpenSession { session, worker: self.worker.clone(), lease: self.lease };
        self.store.open_session(open).await?;
        Ok(session)
    }

    /// Renews the session, and opens another one whenever one is of no use any more.
    pub(crate) async fn keep(mut self, mut session: SessionId, mut wires: Wires) {
        let beat = self.lease / RENEWALS;
        let mut pause = beat;
        loop {
            let replaced = tokio::select! {
                biased;
                replaced = wires.replace.recv() => replaced,
                () = wires.renew_now.notified() => None,
                () = sleep(pause) => None,
            };
            if replaced == Some(session) {
                let Some(opened) = self.open_at_last(&wires.events).await else {
                    return;
                };
                session = opened;
                // The first renewal tells how the worker is.
                pause = Duration::ZERO;
                continue;
            }
            let condition = wires.condition.borrow_and_update().clone();
            let renewal = RenewSession { session, lease: self.lease, condition };
            let event = match self.store.renew_session(renewal).await {
                Ok(renewed) => {
                    let outdated = renewed.outdated.map(Event::StoreOutdated);
                    if outdated.is_some_and(|event| wires.events.send(event).is_err()) {
                        return;
                    }
                    Event::Renewed(Ok(renewed.cancel))
                }
                Err(error) if error.code() == Code::SessionLost => Event::SessionLost(session),
                Err(error) => Event::Renewed(Err(error)),
            };
            pause = if matches!(event, Event::Renewed(Ok(_))) { beat } else { PAUSE.min(beat) };
            if wires.events.send(event).is_err() {
                return;
            }
        }
    }

    /// Opens a session, however long it takes; `None` when the worker has ended meanwhile.
    async fn open_at_last(&mut self, events: &mpsc::UnboundedSender<Event>) -> Option<SessionId> {
        loop {
            match self.open().await {
                Ok(session) => {
                    events.send(Event::Renewed(Ok(Vec::new()))).ok()?;
                    events.send(Event::SessionOpened(session)).ok()?;
                    return Some(session);
                }
                Err(error) => events.send(Event::Renewed(Err(error))).ok()?,
            }
            sleep(PAUSE).await;
        }
    }
}
