//! What a call costs must not grow with what it does not concern.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::jobs;
use crate::place::{Namespace, connection, url};
use laneway_core::clock::Clock;
use laneway_core::id::SessionId;
use laneway_core::limit::{Limit, Rate};
use laneway_core::store::{Due, NewJob, OpenSession, Store, Sweep};
use laneway_redis::{RedisOptions, RedisStore};
use laneway_testkit::block_on::block_on;
use laneway_testkit::clock::SimClock;
use redis::Commands;

fn open(namespace: &Namespace, clock: &SimClock) -> RedisStore {
    let mut options = RedisOptions::parse(&url(namespace)).unwrap();
    options.clock = Some(Arc::new(clock.clone()));
    block_on(RedisStore::open(options)).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "these tests measure what a call costs a server")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    (work(), began.elapsed())
}

fn add(store: &RedisStore, count: usize, like: impl Fn(NewJob) -> NewJob) {
    for _ in 0..count.div_ceil(1_000) {
        let jobs = jobs::plain(count.min(1_000)).into_iter().map(&like).collect();
        block_on(store.enqueue(jobs)).unwrap();
    }
}

/// A hundred thousand jobs that were due, and so have a standing, stand before the first new one.
#[test]
fn a_census_stays_cheap_behind_many_jobs_that_came_back() {
    const JOBS: usize = 100_000;
    let (namespace, clock) = (Namespace::new(), SimClock::new());
    let store = open(&namespace, &clock);
    add(&store, JOBS, |job| NewJob { due: Due::After(Duration::from_secs(10)), ..job });
    clock.advance(Duration::from_secs(1));
    add(&store, 10, |job| job);
    clock.advance(Duration::from_secs(100));
    while block_on(store.sweep(Sweep { jobs_max: 1_000 })).unwrap().more {}
    let waited = |store: &RedisStore| block_on(store.queues()).unwrap()[0].oldest_ready;
    // The new ones have waited for longer than those that became due after them.
    assert_eq!(waited(&store), Some(Duration::from_secs(100)));
    let best = (0..5).map(|_| timed(|| waited(&store)).1).min().unwrap();
    assert!(best < Duration::from_millis(30), "a census takes {best:?}");
    let standings: usize = connection().hlen(namespace.key("state")).unwrap();
    assert_eq!(standings, JOBS);
}

#[test]
fn a_claim_looks_at_no_more_open_gates_than_it_has_room_for() {
    const GATES: usize = 20_000;
    let (namespace, clock) = (Namespace::new(), SimClock::new());
    let store = open(&namespace, &clock);
    let rate = Rate::new(1, Duration::from_secs(1), 1).unwrap();
    let number = std::cell::Cell::new(0);
    add(&store, GATES, |job| {
        number.set(number.get() + 1);
        let limit = Limit { key: format!("limit {}", number.get()), rate };
        NewJob { limit: Some(Arc::new(limit)), ..job }
    });
    let session = SessionId::new(clock.now(), 7);
    let lease = Duration::from_secs(600);
    let open = OpenSession { session, worker: String::from("w"), lease };
    block_on(store.open_session(open)).unwrap();
    let claim = || block_on(store.claim(jobs::claim(session, 5))).unwrap();
    let best = (0..5)
        .map(|_| {
            let (claimed, took) = timed(claim);
            assert_eq!(claimed.jobs.len(), 5);
            took
        })
        .min()
        .unwrap();
    assert!(best < Duration::from_millis(10), "a claim takes {best:?}");
}
