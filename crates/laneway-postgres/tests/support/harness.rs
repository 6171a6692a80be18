//! How the suite gets at a store on a real server.

use std::sync::Arc;

use laneway_core::store::Durability;
use laneway_postgres::PostgresStore;
use laneway_testkit::clock::SimClock;
use laneway_testkit::conformance::Harness;

use crate::server::{RUNTIME, Schema};

/// A store with the given durability.
pub(crate) struct OnServer<const IS_SYNCHRONOUS: bool> {
    store: PostgresStore,
    clock: SimClock,
    schema: Schema,
}

/// What an acknowledged write survives is the server's promise.
pub(crate) type Synchronous = OnServer<true>;

/// The last moments may be lost with the server.
pub(crate) type Asynchronous = OnServer<false>;

impl<const IS_SYNCHRONOUS: bool> OnServer<IS_SYNCHRONOUS> {
    fn at(schema: Schema, clock: SimClock) -> Self {
        let store = Self::connect(&schema, &clock);
        Self { store, clock, schema }
    }

    fn connect(schema: &Schema, clock: &SimClock) -> PostgresStore {
        let durability = if IS_SYNCHRONOUS { Durability::Fsync } else { Durability::Os };
        let options = schema.options().durability_of(durability).clock_of(Arc::new(clock.clone()));
        RUNTIME.block_on(PostgresStore::connect(options)).unwrap()
    }
}

impl<const IS_SYNCHRONOUS: bool> Harness for OnServer<IS_SYNCHRONOUS> {
    type Store = PostgresStore;

    const EXCEPTIONS: &'static [&'static str] = &["the_end_of_a_job_is_named_in_another_process"];

    fn open(clock: SimClock) -> Self {
        Self::at(Schema::new(), clock)
    }

    fn store(&self) -> PostgresStore {
        self.store.clone()
    }

    fn open_second(&self) -> Option<PostgresStore> {
        Some(Self::connect(&self.schema, &self.clock))
    }

    fn reopen(self) -> Option<Self> {
        let Self { store, clock, schema } = self;
        drop(store);
        Some(Self::at(schema, clock))
    }
}
