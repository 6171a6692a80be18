//! How tests get at a store on a Redis server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use laneway_core::id::JobId;
use laneway_redis::{RedisOptions, RedisStore};
use laneway_testkit::block_on::block_on;
use laneway_testkit::clock::SimClock;
use laneway_testkit::conformance::{COUNTERS_FULL, Harness, JOB_GONE, LIMIT_GONE, LIMIT_SPENT};
use redis::Commands;

use crate::audit::audit;
use crate::place::{Namespace, connection, url};

/// A store in a namespace of its own, which is audited and deleted in the end.
pub(crate) struct OnServer {
    store: RedisStore,
    clock: SimClock,
    namespace: Audited,
}

/// A namespace in which only Laneway has written, until a test has damaged it.
struct Audited {
    namespace: Namespace,
    is_damaged: AtomicBool,
}

impl Audited {
    fn new() -> Self {
        Self { namespace: Namespace::new(), is_damaged: AtomicBool::new(false) }
    }
}

impl Drop for Audited {
    fn drop(&mut self) {
        if !std::thread::panicking() && !self.is_damaged.load(Ordering::SeqCst) {
            audit(&self.namespace);
        }
    }
}

impl OnServer {
    fn at(namespace: Audited, clock: SimClock) -> Self {
        Self { store: open(&namespace.namespace, &clock), clock, namespace }
    }
}

impl Harness for OnServer {
    type Store = RedisStore;

    const DAMAGES: &'static [&'static str] = &[
        "body",
        "missing body",
        "short body",
        "head",
        "task's name",
        "standing",
        "short standing",
        "missing policy",
        "lane",
        "priority",
    ];

    fn open(clock: SimClock) -> Self {
        Self::at(Audited::new(), clock)
    }

    fn store(&self) -> RedisStore {
        self.store.clone()
    }

    fn open_second(&self) -> Option<RedisStore> {
        Some(open(&self.namespace.namespace, &self.clock))
    }

    fn reopen(self) -> Option<Self> {
        drop(self.store);
        Some(Self::at(self.namespace, self.clock))
    }

    fn damage(&self, job: JobId, way: &str) {
        let namespace = &self.namespace.namespace;
        self.namespace.is_damaged.store(true, Ordering::SeqCst);
        let (body_key, state_key) = (namespace.key("body"), namespace.key("state"));
        let id = job.to_string();
        let mut connection = connection();
        let body: Vec<u8> = connection.hget(&body_key, &id).unwrap();
        let head = |head: &[u8]| {
            let mut broken = body[..25].to_vec();
            broken.extend(u16::try_from(head.len()).unwrap().to_be_bytes());
            [broken.as_slice(), head, b"args"].concat()
        };
        let placed = |task: &str, (lane, priority): (f64, f64), policy: &str| {
            rmp_serde::to_vec(&(task, "default", lane, priority, policy)).unwrap()
        };
        let packed = |task: &str, policy: &str| placed(task, (0.0, 0.0), policy);
        match way {
            "body" => connection.hset(&body_key, &id, "garbage").unwrap(),
            "missing body" => connection.hdel(&body_key, &id).unwrap(),
            "short body" => connection.hset(&body_key, &id, &body[..30]).unwrap(),
            "head" => connection.hset(&body_key, &id, head(b"\xff\xff")).unwrap(),
            "task's name" => connection.hset(&body_key, &id, head(&packed(" x", ""))).unwrap(),
            "lane" => connection.hset(&body_key, &id, head(&placed("x", (7.0, 0.0), ""))).unwrap(),
            "priority" => {
                let broken = head(&placed("x", (0.0, -1e17), ""));
                let _: () = connection.hset(&body_key, &id, broken).unwrap();
            }
            "missing policy" => connection.hset(&body_key, &id, head(&packed("x", "p"))).unwrap(),
            "standing" => connection.hset(&state_key, &id, [b'x'; 60].as_slice()).unwrap(),
            "short standing" => connection.hset(&state_key, &id, b"\x01\x00".as_slice()).unwrap(),
            // Cases that break a limit have no other one.
            LIMIT_GONE => connection.del(namespace.key("gate")).unwrap(),
            LIMIT_SPENT => {
                let line = line_of_limit(namespace, job);
                let limit = line.rsplit(':').next().unwrap();
                let mut gate: Vec<u8> = connection.hget(namespace.key("gate"), limit).unwrap();
                gate[16..].copy_from_slice(&2_000_000_000_000_000_u64.to_be_bytes());
                let _: () = connection.hset(namespace.key("gate"), limit, gate).unwrap();
            }
            JOB_GONE => {
                let _: () = connection.hdel(&body_key, &id).unwrap();
                let line = line_of_limit(namespace, job);
                let _: () = connection.zrem(line, &id).unwrap();
            }
            COUNTERS_FULL => {
                let mut standing: Vec<u8> = connection.hget(&state_key, &id).unwrap();
                standing[2..14].fill(0xff);
                let _: () = connection.hset(&state_key, &id, standing).unwrap();
            }
            other => panic!("there is no way `{other}`"),
        }
    }
}

/// The key of the line in which a job waits for its limit.
fn line_of_limit(namespace: &Namespace, job: JobId) -> String {
    let mut connection = connection();
    let lines: Vec<String> = connection.keys(namespace.key("limited:*")).unwrap();
    let holds = |line: &String| {
        let place: Option<f64> = connection.zscore(line, job.to_string()).unwrap();
        place.is_some()
    };
    lines.into_iter().find(holds).unwrap()
}

fn open(namespace: &Namespace, clock: &SimClock) -> RedisStore {
    let mut options = RedisOptions::parse(&url(namespace)).unwrap();
    options.clock = Some(Arc::new(clock.clone()));
    block_on(RedisStore::open(options)).unwrap()
}
