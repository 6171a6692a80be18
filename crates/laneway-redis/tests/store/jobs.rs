//! Jobs for tests.

use std::sync::Arc;

use laneway_core::clock::Timestamp;
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::{Lane, Payload, Priority, QueueName, TaskName};
use laneway_core::policy::Policy;
use laneway_core::store::{Claim, Due, LaneSlots, NewJob};

/// So many jobs that can run at once.
pub(crate) fn plain(count: usize) -> Vec<NewJob> {
    let policy = Arc::new(Policy::default());
    let job = |_| NewJob {
        id: JobId::new(Timestamp::from_micros(1_750_000_000_000_000), fastrand::u128(..)),
        task: TaskName::new("app.task").unwrap(),
        queue: QueueName::default_queue(),
        lane: Lane::Async,
        priority: Priority::default(),
        due: Due::Now,
        unique: None,
        policy: policy.clone(),
        limit: None,
        args: Payload(vec![7; 100]),
    };
    (0..count).map(job).collect()
}

/// A claim of so many jobs.
pub(crate) fn claim(session: SessionId, count: usize) -> Claim {
    Claim {
        session,
        call: fastrand::u64(..),
        queues: Arc::from([QueueName::default_queue()]),
        slots: vec![LaneSlots { lane: Lane::Async, count }],
    }
}
