//! Listens to a store's changes and rings those whom they concern; many changes ring once.

use std::sync::Arc;
use std::time::Duration;

use laneway_core::error::Error;
use laneway_core::store::{Store, Watch};
use tokio::sync::Notify;

use crate::clock::sleep;

/// The pause before a broken subscription is replaced. The worker claims once a second anyway.
const PAUSE: Duration = Duration::from_secs(1);

/// Whom a change concerns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bells {
    /// There may be jobs to claim.
    pub(crate) ready: Arc<Notify>,
    /// There may be jobs to cancel.
    pub(crate) control: Arc<Notify>,
}

/// A subscription that is renewed when it breaks.
#[derive(Debug)]
pub(crate) struct Wakes<S: Store> {
    store: S,
    watch: S::Watch,
    bells: Bells,
}

impl<S: Store> Wakes<S> {
    pub(crate) async fn subscribe(store: S, bells: Bells) -> Result<Self, Error> {
        let watch = store.watch().await?;
        Ok(Self { store, watch, bells })
    }

    pub(crate) async fn run(mut self) {
        loop {
            match self.watch.next().await {
                Ok(wake) => {
                    if wake.control {
                        self.bells.control.notify_one();
                    }
                    if wake.ready || wake.control {
                        self.bells.ready.notify_one();
                    }
                }
                Err(_) => self.subscribe_again().await,
            }
        }
    }

    async fn subscribe_again(&mut self) {
        loop {
            sleep(PAUSE).await;
            if let Ok(watch) = self.store.watch().await {
                self.watch = watch;
                self.bells.control.notify_one();
                self.bells.ready.notify_one();
                return;
            }
        }
    }
}
