//! How a worker is told to end.

/// What a worker is asked to do; it is told through a [`tokio::sync::watch`] channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Phase {
    /// Work.
    #[default]
    Running,
    /// Claim nothing more, hand back what has not started, give what runs the drain timeout, end.
    Drain,
    /// End at once. Nothing is lost: what is held comes back when the lease has run out.
    Now,
}
