//! Random operations. They name jobs, sessions and queues by small numbers, so that they meet each
//! other often and stay readable when a failing sequence is shortened.

use std::time::Duration;

use proptest::prelude::*;

/// One step of a random sequence.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    /// Adds jobs.
    Enqueue(Vec<Wish>),
    /// Adds a job anew that was enqueued before.
    EnqueueAgain(usize),
    /// Claims from the queues in this order, so many for each lane.
    Claim { session: usize, queues: Vec<usize>, counts: [usize; 3] },
    /// Makes a session's last claim again, as if its answer had been lost.
    ClaimAgain(usize),
    /// Ends attempts; each is named by how many claimed jobs came after it.
    Settle(Vec<(usize, End)>),
    /// Reports how far attempts are.
    Progress(Vec<(usize, u8)>),
    /// Moves the clock by whole seconds.
    Advance(Duration),
    /// Sweeps in rounds of so many jobs.
    Sweep { jobs_max: usize },
    /// Cancels jobs.
    Cancel(Vec<usize>),
    /// Requeues jobs.
    Requeue(Vec<usize>),
    /// Pauses a queue.
    Pause(usize),
    /// Resumes a queue.
    Resume(usize),
    /// Deletes what ended so many seconds ago.
    Prune(u64),
    /// Opens a session, or renews it.
    Open(usize),
    /// Renews a session.
    Renew(usize),
    /// Closes a session.
    Close(usize),
    /// Registers tasks for an application.
    Register { application: usize, tasks: Vec<usize>, take_over: bool },
    /// Adds what a session measured, or repeats the number of the last call.
    AddProfiles { session: usize, lane: usize, repeats: bool },
    /// Reads everything.
    Read,
}

/// What a new job is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) queue: usize,
    pub(super) lane: usize,
    pub(super) priority: i64,
    /// Seconds until it is due.
    pub(super) delay: Option<u64>,
    /// Which rate it asks for under its lane's limit key.
    pub(super) rate: Option<usize>,
    /// Whether the key is kept, and which of the keys.
    pub(super) unique: Option<(bool, usize)>,
    pub(super) policy: usize,
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Succeed,
    Retry(u64),
    Fail,
    Cancel,
    Release,
    HandBack(u64),
    Interrupt,
    Park,
}

/// Sequences of operations.
pub(super) fn sequences() -> impl Strategy<Value = Vec<Operation>> {
    prop::collection::vec(operation(), 1..60)
}

fn operation() -> impl Strategy<Value = Operation> {
    let jobs = || prop::collection::vec(0_usize..30, 1..4);
    let counts = prop_oneof![
        2 => [0_usize..4, 0_usize..4, 0_usize..4],
        1 => Just([50_usize; 3]),
    ];
    let queues = prop_oneof![
        Just(vec![0]),
        Just(vec![1]),
        Just(vec![0, 1]),
        Just(vec![1, 0]),
        Just(vec![2, 1, 0]),
    ];
    prop_oneof![
        6 => prop::collection::vec(wish(), 1..6).prop_map(Operation::Enqueue),
        1 => (0_usize..30).prop_map(Operation::EnqueueAgain),
        6 => (0_usize..3, queues, counts)
            .prop_map(|(session, queues, counts)| Operation::Claim { session, queues, counts }),
        1 => (0_usize..3).prop_map(Operation::ClaimAgain),
        6 => prop::collection::vec((0_usize..12, end()), 1..6).prop_map(Operation::Settle),
        1 => prop::collection::vec((0_usize..12, any::<u8>()), 1..3).prop_map(Operation::Progress),
        4 => (1_u64..8).prop_map(|count| Operation::Advance(Duration::from_secs(count))),
        1 => (30_u64..90).prop_map(|count| Operation::Advance(Duration::from_secs(count))),
        2 => (1_usize..20).prop_map(|jobs_max| Operation::Sweep { jobs_max }),
        2 => jobs().prop_map(Operation::Cancel),
        2 => jobs().prop_map(Operation::Requeue),
        1 => (0_usize..3).prop_map(Operation::Pause),
        1 => (0_usize..3).prop_map(Operation::Resume),
        1 => (0_u64..30).prop_map(Operation::Prune),
        2 => (0_usize..3).prop_map(Operation::Open),
        2 => (0_usize..3).prop_map(Operation::Renew),
        1 => (0_usize..3).prop_map(Operation::Close),
        1 => (0_usize..3, prop::collection::vec(0_usize..4, 0..4), prop::bool::weighted(0.3))
            .prop_map(|(application, tasks, take_over)| Operation::Register {
                application,
                tasks,
                take_over,
            }),
        1 => (0_usize..3, 0_usize..3, prop::bool::weighted(0.3)).prop_map(
            |(session, lane, repeats)| Operation::AddProfiles { session, lane, repeats }
        ),
        1 => Just(Operation::Read),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    let sometimes = |count| prop::option::weighted(0.25, 0_usize..count);
    let parts = (
        0_usize..3,
        0_usize..3,
        -1_i64..2,
        prop::option::weighted(0.25, 0_u64..12),
        sometimes(3),
        prop::option::weighted(0.25, (any::<bool>(), 0_usize..2)),
        0_usize..4,
    );
    parts.prop_map(|(queue, lane, priority, delay, rate, unique, policy)| Wish {
        queue,
        lane,
        priority,
        delay,
        rate,
        unique,
        policy,
    })
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        4 => Just(End::Succeed),
        1 => (0_u64..5).prop_map(End::Retry),
        1 => Just(End::Fail),
        1 => Just(End::Cancel),
        1 => Just(End::Release),
        1 => (0_u64..5).prop_map(End::HandBack),
        1 => Just(End::Interrupt),
        1 => Just(End::Park),
    ]
}
