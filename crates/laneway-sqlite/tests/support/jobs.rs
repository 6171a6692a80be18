//! Jobs for tests.

use std::sync::Arc;

use laneway_core::clock::Clock;
use laneway_core::id::JobId;
use laneway_core::job::{Lane, Payload, Priority, QueueName, TaskName};
use laneway_core::policy::Policy;
use laneway_core::store::{Due, NewJob};
use laneway_sqlite::SystemClock;

/// So many jobs that can run at once.
pub(crate) fn plain(count: usize) -> Vec<NewJob> {
    with_args(count, 100)
}

/// So many jobs with arguments of so many bytes.
pub(crate) fn with_args(count: usize, bytes: usize) -> Vec<NewJob> {
    let policy = Arc::new(Policy::default());
    let job = |_| NewJob {
        id: JobId::new(SystemClock.now(), fastrand::u128(..)),
        task: TaskName::new("app.task").unwrap(),
        queue: QueueName::default_queue(),
        lane: Lane::Async,
        priority: Priority::default(),
        due: Due::Now,
        unique: None,
        policy: policy.clone(),
        limit: None,
        args: Payload(vec![7; bytes]),
    };
    (0..count).map(job).collect()
}
