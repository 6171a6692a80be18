//! When attempts were handed to the event loop.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::meter::monotonic_ns;

/// The moment from which on the attempts that were handed over last stand in line. They begin
/// before others are handed over: an event loop runs what waits before it looks for more.
#[derive(Debug)]
pub(crate) struct Handover(AtomicU64);

impl Handover {
    pub(super) fn now() -> Self {
        Self(AtomicU64::new(monotonic_ns()))
    }

    pub(super) fn renew(&self) {
        self.0.store(monotonic_ns(), Relaxed);
    }

    /// On the wall's clock, in nanoseconds.
    pub(crate) fn at(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// How long ago it was.
    pub(crate) fn ago_ns(&self) -> u64 {
        monotonic_ns().saturating_sub(self.at())
    }
}
