//! What somebody has changed by hand, beyond what every store must bear.

use std::sync::Arc;

use laneway_core::error::Code;
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::State;
use laneway_core::limit::{Limit, Rate};
use laneway_core::policy::Policy;
use laneway_core::store::{
    Claim, Claimed, ClaimedJob, Due, NewJob, OpenSession, Prune, Store, Sweep, UniqueKey,
    UniqueScope,
};
use laneway_redis::{RedisOptions, RedisStore};
use laneway_testkit::block_on::block_on;
use laneway_testkit::clock::SimClock;
use redis::Commands;
use std::time::Duration;

use crate::jobs;
use crate::place::{Namespace, connection, url};

fn open(namespace: &Namespace) -> (RedisStore, SessionId) {
    let store = block_on(RedisStore::open(RedisOptions::parse(&url(namespace)).unwrap())).unwrap();
    let session = open_session(&store);
    (store, session)
}

fn open_session(store: &RedisStore) -> SessionId {
    let session = SessionId::from_bits(fastrand::u128(..));
    let lease = Duration::from_secs(600);
    let open = OpenSession { session, worker: String::from("test"), lease };
    block_on(store.open_session(open)).unwrap();
    session
}

fn one() -> NewJob {
    jobs::plain(1).remove(0)
}

fn add(store: &RedisStore, new: NewJob) -> (JobId, bool) {
    let answer = block_on(store.enqueue(vec![new])).unwrap().remove(0);
    (answer.id, answer.created)
}

fn claim(store: &RedisStore, session: SessionId) -> Claimed {
    block_on(store.claim(jobs::claim(session, 10))).unwrap()
}

fn state(store: &RedisStore, id: JobId) -> State {
    block_on(store.job(id)).unwrap().unwrap().state
}

/// Makes what is stored of where a job stands unreadable.
fn break_standing(namespace: &Namespace, id: JobId) {
    let broken = [b'x'; 60].as_slice();
    let _: () = connection().hset(namespace.key("state"), id.to_string(), broken).unwrap();
}

/// A key that its job keeps was promised to be taken for as long as the job is there. A job that
/// fails because it cannot be read is still there.
#[test]
fn a_job_that_cannot_be_read_keeps_a_key_that_it_was_to_keep() {
    let namespace = Namespace::new();
    let (store, session) = open(&namespace);
    for (scope, is_free) in [(UniqueScope::Kept, false), (UniqueScope::Unfinished, true)] {
        let unique = UniqueKey { scope, text: String::from("order-7") };
        let of_key = || NewJob { unique: Some(unique.clone()), ..one() };
        let (first, _) = add(&store, of_key());
        break_standing(&namespace, first);
        assert!(claim(&store, session).jobs.is_empty());
        assert_eq!(state(&store, first), State::Failed);
        let (second, created) = add(&store, of_key());
        assert_eq!((second != first, created), (is_free, is_free), "{scope:?}");
    }
}

/// Where the key of policies is something else, nothing is known of a job's policy, and nothing is
/// wrong with the job: it must not fail, and neither it nor the worker must stop for ever.
#[test]
fn policies_that_cannot_be_looked_up_fail_no_job_and_end_no_worker() {
    let namespace = Namespace::new();
    let clock = SimClock::new();
    let mut options = RedisOptions::parse(&url(&namespace)).unwrap();
    options.clock = Some(Arc::new(clock.clone()));
    let store = block_on(RedisStore::open(options)).unwrap();
    let session = open_session(&store);
    add(&store, one());
    assert_eq!(claim(&store, session).jobs.len(), 1, "it knows the usual policy now");
    let policy = Policy { interrupts_max: 7, ..Policy::default() };
    let (id, _) = add(&store, NewJob { policy: Arc::new(policy), ..one() });
    let (other, _) = add(&store, one());
    let key = namespace.key("policy");
    let _: () = connection().rename(&key, namespace.key("aside")).unwrap();
    let _: () = connection().set(&key, "mine").unwrap();
    let request = jobs::claim(session, 10);
    let error = block_on(store.claim(request.clone())).unwrap_err();
    assert_eq!(error.code(), Code::StorePartForeign, "{error}");
    assert!(error.is_retryable(), "{error}");
    let (_, rest) = error.what().split_once(" at ").unwrap();
    let server = rest.strip_suffix(" is not Laneway's").unwrap();
    let shown = error.to_string().replace(&key, "{laneway}:policy");
    let page = include_str!("../../../../docs/errors/LW1058.md");
    assert!(page.contains(&shown.replace(server, "127.0.0.1:6379")), "{error}");
    let claimed = || block_on(store.claim(request.clone())).unwrap().jobs;
    let ids = |jobs: Vec<ClaimedJob>| jobs.iter().map(|job| job.id).collect::<Vec<_>>();
    assert_eq!(ids(claimed()), [other], "the repetition gets what can be handed out");
    assert_eq!(block_on(store.job(id)).unwrap().unwrap().state, State::Scheduled);
    let _: () = connection().rename(namespace.key("aside"), &key).unwrap();
    clock.advance(Duration::from_secs(10));
    let request = Claim { call: request.call + 1, ..request.clone() };
    assert_eq!(ids(block_on(store.claim(request)).unwrap().jobs), [id]);
}

/// A job that cannot be handed out for a while must not use its limit up, or others of the limit
/// never run, and it must not come nearer to what happens to jobs that nobody knows.
#[test]
fn jobs_whose_policies_cannot_be_looked_up_use_nothing_up() {
    let namespace = Namespace::new();
    let clock = SimClock::new();
    let mut options = RedisOptions::parse(&url(&namespace)).unwrap();
    options.clock = Some(Arc::new(clock.clone()));
    let store = block_on(RedisStore::open(options)).unwrap();
    let session = open_session(&store);
    add(&store, one());
    assert_eq!(claim(&store, session).jobs.len(), 1, "it knows the usual policy now");
    let slow = Rate::new(1, Duration::from_secs(11), 1).unwrap();
    let limit = Some(Arc::new(Limit { key: String::from("slow"), rate: slow }));
    let policy = Arc::new(Policy { interrupts_max: 7, ..Policy::default() });
    let (waiting, _) = add(&store, NewJob { policy, limit: limit.clone(), ..one() });
    let sound = [(); 3].map(|()| add(&store, NewJob { limit: limit.clone(), ..one() }).0);
    let _: () = connection().del(namespace.key("policy")).unwrap();
    let _: () = connection().set(namespace.key("policy"), "mine").unwrap();
    for id in sound {
        let error = block_on(store.claim(jobs::claim(session, 10))).unwrap_err();
        assert_eq!(error.code(), Code::StorePartForeign, "{error}");
        let record = block_on(store.job(waiting)).unwrap().unwrap();
        assert_eq!((record.state, record.handbacks), (State::Scheduled, 0));
        let claimed = claim(&store, session);
        assert_eq!(claimed.jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [id]);
        assert!(claim(&store, session).jobs.is_empty(), "the permit is spent");
        clock.advance(Duration::from_secs(11));
    }
}

/// What somebody does who has no backup of the policies: nobody claims while the key is empty.
#[test]
fn policies_that_are_gone_come_back_with_the_next_job_that_has_them() {
    let namespace = Namespace::new();
    let (producer, _) = open(&namespace);
    let own = || {
        let policy = Policy { interrupts_max: 7, ..Policy::default() };
        NewJob { policy: Arc::new(policy), ..one() }
    };
    let (old, _) = add(&producer, own());
    let key = namespace.key("policy");
    let _: () = connection().set(&key, "mine").unwrap();
    for new in [own(), one()] {
        let error = block_on(producer.enqueue(vec![new])).unwrap_err();
        assert_eq!(error.code(), Code::StoreCorrupt, "{error}");
    }
    let _: () = connection().rename(&key, namespace.key("policy:aside")).unwrap();
    let (new, _) = add(&producer, own());
    let (worker, session) = open(&namespace);
    let jobs = claim(&worker, session).jobs;
    assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [old, new]);
}

/// Members that are no jobs, where jobs should be: nothing becomes of them, and nobody else hears.
#[test]
fn what_cannot_be_a_job_is_dropped_where_it_is_met() {
    let namespace = Namespace::new();
    let (store, session) = open(&namespace);
    let (id, _) = add(&store, one());
    for line in ["due", "due:0:default", "ready:0:default"] {
        let _: () = connection().zadd(namespace.key(line), "nobody", 1).unwrap();
        let _: () =
            connection().hset(namespace.key("body"), "nobody", [7_u8; 60].as_slice()).unwrap();
    }
    let jobs = claim(&store, session).jobs;
    assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [id]);
    let claimed = claim(&store, session);
    assert_eq!((claimed.jobs.len(), claimed.next_due_at), (0, None));
    assert!(!connection().hexists::<_, _, bool>(namespace.key("state"), "nobody").unwrap());
    assert_eq!(connection().llen::<_, usize>(namespace.key("ended")).unwrap(), 0);
    let counts = block_on(store.queues()).unwrap()[0].counts;
    assert_eq!((counts.running, counts.total()), (1, 1), "{counts:?}");
}

/// A due job of which nothing can be read has to be searched for in all lines. One script must not
/// do that for many of them, or nobody else is served meanwhile; they fail a few at a time.
#[test]
fn many_due_jobs_that_cannot_be_read_fail_in_slices() {
    const QUEUES: u32 = 400;
    let namespace = Namespace::new();
    let (store, session) = open(&namespace);
    let due = Due::After(Duration::from_millis(1));
    let broken: Vec<_> = jobs::plain(20).into_iter().map(|job| NewJob { due, ..job }).collect();
    let ids: Vec<_> = broken.iter().map(|job| job.id).collect();
    block_on(store.enqueue(broken)).unwrap();
    let (sound, _) = add(&store, one());
    let mut connection = connection();
    for number in 0..QUEUES {
        let name = format!("queue-{number}");
        let _: () = connection.hset(namespace.key("queues"), name, 0).unwrap();
    }
    for id in &ids {
        let _: () = connection.hset(namespace.key("body"), id.to_string(), "garbage").unwrap();
        let _: () = connection.zadd(namespace.key("due"), id.to_string(), 1).unwrap();
        let _: () = connection.zadd(namespace.key("due:0:default"), id.to_string(), 1).unwrap();
    }
    let claimed = claim(&store, session);
    assert_eq!(claimed.jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [sound]);
    assert!(claimed.next_due_at.is_some_and(|at| at <= claimed.now), "there are more");
    let failed = || ids.iter().filter(|id| state(&store, **id) == State::Failed).count();
    let first = failed();
    assert!((1..10).contains(&first), "{first} at once");
    let mut sweeps = 0;
    while block_on(store.sweep(Sweep { jobs_max: 1_000 })).unwrap().more {
        sweeps += 1;
        assert!(sweeps < 20, "{} have failed", failed());
    }
    assert_eq!(failed(), ids.len());
    assert_eq!(claim(&store, session).next_due_at, None);
}

/// A claim for two lanes looked at as many limits of each lane as there was room in it. Where the
/// first of them spent its permits on the other lane, a place stayed empty.
#[test]
fn a_claim_of_two_lanes_is_filled_when_their_limits_have_permits() {
    use laneway_core::job::Lane;
    use laneway_core::store::LaneSlots;
    let namespace = Namespace::new();
    let (store, session) = open(&namespace);
    let rate = Rate::new(1, Duration::from_secs(3_600), 1).unwrap();
    let of = |key: &str, lane| {
        let limit = Limit { key: key.to_owned(), rate };
        NewJob { limit: Some(Arc::new(limit)), lane, ..one() }
    };
    add(&store, of("first", Lane::Async));
    add(&store, of("first", Lane::Thread));
    add(&store, of("second", Lane::Thread));
    let mut request = jobs::claim(session, 1);
    request.slots.push(LaneSlots { lane: Lane::Thread, count: 1 });
    assert_eq!(block_on(store.claim(request)).unwrap().jobs.len(), 2);
}

/// Of a failed job that cannot be read, its queue is told by where it stands. One that came from
/// another store must say that, too, or the counts of its queue are never right again.
#[test]
fn a_failed_job_of_another_store_leaves_its_queue_when_it_is_pruned() {
    let namespace = Namespace::new();
    let (store, _) = open(&namespace);
    let (id, _) = add(&store, one());
    let mut record = block_on(store.job(id)).unwrap().unwrap();
    record.id = one().id;
    record.state = State::Failed;
    let (restored, queue) = (record.id, record.queue.clone());
    assert!(block_on(store.restore(vec![record])).unwrap()[0].created);
    let _: () = connection().hset(namespace.key("body"), restored.to_string(), "x").unwrap();
    let prune = Prune { older_than: Duration::ZERO, jobs_max: 10 };
    assert_eq!(block_on(store.prune(prune)).unwrap(), 1);
    let queues = block_on(store.queues()).unwrap();
    let counts = queues.iter().find(|record| record.name == queue).unwrap().counts;
    assert_eq!((counts.failed, counts.total()), (0, 1));
}
