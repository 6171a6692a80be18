//! Looks for dead workers and old jobs, for all workers of the store.

use std::time::Duration;

use fastrand::Rng;
use laneway_core::store::{BATCH_MAX, Prune, Store, Sweep};
use tokio::sync::mpsc;

use crate::clock::sleep;
use crate::supervisor::Event;

const PRUNE_EVERY: Duration = Duration::from_secs(3_600);

/// A worker that lives for less than an hour prunes as well, but not while it begins.
const FIRST_PRUNE: Duration = Duration::from_secs(60);

/// The time after a sweep that failed: the store is said to be back when all that failed works.
const SWEEP_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// The share of the time between two sweeps that is random, so that workers do not sweep together.
const JITTER: f64 = 0.2;

/// Sweeps and prunes.
#[derive(Debug)]
pub(crate) struct Sweeper<S> {
    pub(crate) store: S,
    pub(crate) every: Duration,
    pub(crate) retention: Duration,
    pub(crate) rng: Rng,
    pub(crate) events: mpsc::UnboundedSender<Event>,
}

impl<S: Store> Sweeper<S> {
    /// Sweeps at once, because the worker before this one may have died, and then again and again.
    pub(crate) async fn run(mut self) {
        let mut since_prune = PRUNE_EVERY.saturating_sub(FIRST_PRUNE);
        while let Some(has_failed) = self.sweep().await {
            let every = if has_failed { SWEEP_AGAIN_AFTER.min(self.every) } else { self.every };
            let pause = every.mul_f64(1.0 - JITTER * self.rng.f64());
            sleep(pause).await;
            since_prune += pause;
            if since_prune >= PRUNE_EVERY {
                since_prune = Duration::ZERO;
                if self.prune().await.is_none() {
                    return;
                }
            }
        }
    }

    /// One sweep, in slices, and whether it failed; `None` when the worker has ended.
    async fn sweep(&self) -> Option<bool> {
        loop {
            let answer = self.store.sweep(Sweep { jobs_max: BATCH_MAX }).await;
            let has_failed = answer.is_err();
            let has_more = answer.as_ref().is_ok_and(|swept| swept.more);
            self.events.send(Event::Swept(answer)).ok()?;
            if !has_more {
                return Some(has_failed);
            }
        }
    }

    async fn prune(&self) -> Option<()> {
        let prune = Prune { older_than: self.retention, jobs_max: BATCH_MAX };
        let mut jobs = 0;
        while let Ok(pruned) = self.store.prune(prune).await {
            jobs += pruned;
            if pruned < BATCH_MAX {
                break;
            }
        }
        if jobs > 0 {
            self.events.send(Event::Pruned(jobs)).ok()?;
        }
        Some(())
    }
}
