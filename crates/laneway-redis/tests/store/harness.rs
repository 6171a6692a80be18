//! How tests get at a store on a Redis server.

use std::sync::Arc;

use laneway_redis::{RedisOptions, RedisStore};
use laneway_testkit::block_on::block_on;
use laneway_testkit::clock::SimClock;
use laneway_testkit::conformance::Harness;

use crate::audit::audit;
use crate::place::{Namespace, url};

/// A store in a namespace of its own, which is audited and deleted in the end.
pub(crate) struct OnServer {
    store: RedisStore,
    clock: SimClock,
    namespace: Audited,
}

/// A namespace in which only Laneway has written.
struct Audited(Namespace);

impl Drop for Audited {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            audit(&self.0);
        }
    }
}

impl OnServer {
    fn at(namespace: Audited, clock: SimClock) -> Self {
        Self { store: open(&namespace.0, &clock), clock, namespace }
    }
}

impl Harness for OnServer {
    type Store = RedisStore;

    fn open(clock: SimClock) -> Self {
        Self::at(Audited(Namespace::new()), clock)
    }

    fn store(&self) -> RedisStore {
        self.store.clone()
    }

    fn open_second(&self) -> Option<RedisStore> {
        Some(open(&self.namespace.0, &self.clock))
    }

    fn reopen(self) -> Option<Self> {
        drop(self.store);
        Some(Self::at(self.namespace, self.clock))
    }
}

fn open(namespace: &Namespace, clock: &SimClock) -> RedisStore {
    let mut options = RedisOptions::parse(&url(namespace)).unwrap();
    options.clock = Some(Arc::new(clock.clone()));
    block_on(RedisStore::open(options)).unwrap()
}
