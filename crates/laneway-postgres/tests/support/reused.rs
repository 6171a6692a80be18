//! A store for case after case: making a schema takes a hundred times as long as emptying one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use laneway_core::clock::{Clock, Timestamp};
use laneway_core::store::Durability;
use laneway_postgres::PostgresStore;
use laneway_testkit::clock::SimClock;
use laneway_testkit::conformance::Harness;
use tokio_postgres::Client;

use crate::server::{RUNTIME, Schema, plain_client};

/// A clock that shows the time of another one, which can be exchanged.
#[derive(Debug)]
struct Shown(Mutex<SimClock>);

impl Shown {
    fn clock(&self) -> MutexGuard<'_, SimClock> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for Shown {
    fn now(&self) -> Timestamp {
        self.clock().now()
    }
}

/// A store and its schema, used by one case at a time.
struct Kept {
    store: PostgresStore,
    clock: Arc<Shown>,
    client: Client,
    _schema: Schema,
}

/// Those that no case uses.
static IDLE_SYNCHRONOUS: Mutex<Vec<Kept>> = Mutex::new(Vec::new());
static IDLE_ASYNCHRONOUS: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

fn idle(is_synchronous: bool) -> MutexGuard<'static, Vec<Kept>> {
    let idle = if is_synchronous { &IDLE_SYNCHRONOUS } else { &IDLE_ASYNCHRONOUS };
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An empty store, whose schema has served other cases before.
pub(crate) struct Reused<const IS_SYNCHRONOUS: bool>(Option<Kept>);

impl<const IS_SYNCHRONOUS: bool> Reused<IS_SYNCHRONOUS> {
    fn new(clock: SimClock) -> Kept {
        let schema = Schema::new();
        let durability = if IS_SYNCHRONOUS { Durability::Fsync } else { Durability::Os };
        let clock = Arc::new(Shown(Mutex::new(clock)));
        let options = schema.options().durability_of(durability).clock_of(clock.clone());
        RUNTIME.block_on(async {
            let store = PostgresStore::connect(options).await.unwrap();
            let client = plain_client().await;
            client.batch_execute(&format!("SET search_path = {}", schema.0)).await.unwrap();
            Kept { store, clock, client, _schema: schema }
        })
    }

    /// Drops the schemas of all cases when it is dropped itself.
    pub(crate) const fn until_dropped() -> Dropping<IS_SYNCHRONOUS> {
        Dropping
    }
}

/// See [`Reused::until_dropped`].
pub(crate) struct Dropping<const IS_SYNCHRONOUS: bool>;

impl<const IS_SYNCHRONOUS: bool> Drop for Dropping<IS_SYNCHRONOUS> {
    fn drop(&mut self) {
        idle(IS_SYNCHRONOUS).clear();
    }
}

impl<const IS_SYNCHRONOUS: bool> Harness for Reused<IS_SYNCHRONOUS> {
    type Store = PostgresStore;

    fn open(clock: SimClock) -> Self {
        let kept = idle(IS_SYNCHRONOUS).pop();
        let kept = kept.unwrap_or_else(|| Self::new(clock.clone()));
        *kept.clock.clock() = clock;
        RUNTIME.block_on(kept.client.batch_execute(EMPTY)).unwrap();
        Self(Some(kept))
    }

    fn store(&self) -> PostgresStore {
        self.0.as_ref().unwrap().store.clone()
    }
}

impl<const IS_SYNCHRONOUS: bool> Drop for Reused<IS_SYNCHRONOUS> {
    fn drop(&mut self) {
        idle(IS_SYNCHRONOUS).extend(self.0.take());
    }
}

/// Empties the tables, row by row: these are few, and new files for all tables would take longer.
/// Tasks and policies stay, for stores remember their numbers; what applications said is forgotten.
const EMPTY: &str = "BEGIN;
    DELETE FROM ready; DELETE FROM limited; DELETE FROM scheduled; DELETE FROM running;
    DELETE FROM finished; DELETE FROM trace; DELETE FROM progress; DELETE FROM unique_key;
    DELETE FROM job; DELETE FROM gate_line; DELETE FROM gate; DELETE FROM mark; DELETE FROM line;
    DELETE FROM queue; DELETE FROM claim_call; DELETE FROM session; DELETE FROM calibration;
    DELETE FROM profile; UPDATE task SET application = NULL, facts = NULL, lane = NULL;
    COMMIT";
