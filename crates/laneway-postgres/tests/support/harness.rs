//! How the suite gets at a store on a real server.

use std::sync::Arc;

use laneway_core::id::JobId;
use laneway_core::store::Durability;
use laneway_postgres::PostgresStore;
use laneway_testkit::clock::SimClock;
use laneway_testkit::conformance::{
    COUNTERS_FULL, Harness, JOB_GONE, LIMIT_GONE, LIMIT_SPENT, WOUNDS,
};

use crate::server::{RUNTIME, Schema, plain_client};

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

    /// Runs SQL in the schema, past the store.
    fn run(&self, sql: &str) {
        let sql = format!("SET search_path = {}; {sql}", self.schema.0);
        RUNTIME.block_on(async { plain_client().await.batch_execute(&sql).await }).unwrap();
    }
}

impl<const IS_SYNCHRONOUS: bool> Harness for OnServer<IS_SYNCHRONOUS> {
    type Store = PostgresStore;

    const EXCEPTIONS: &'static [&'static str] = &["the_end_of_a_job_is_named_in_another_process"];

    const DAMAGES: &'static [&'static str] = &[
        "task's name",
        "missing task",
        "policy that is not JSON",
        "policy with a negative timeout",
        "missing policy",
    ];

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

    /// The rows of tasks and policies are shared, so the job gets one of its own first.
    fn damage(&self, job: JobId, way: &str) {
        let policy = |body: &str| {
            format!(
                "INSERT INTO policy (digest, body, parks_on_interrupt, interrupts_max)
                 VALUES (sha256('{job}'), '{body}', false, 3) RETURNING id"
            )
        };
        let id = format!("{:032x}", job.bits());
        if WOUNDS.contains(&way) {
            self.run(&wound(way).replace("{id}", &id));
            return;
        }
        let (column, row) = match way {
            "task's name" => {
                ("task", format!("INSERT INTO task (name) VALUES (' {job}') RETURNING id"))
            }
            "policy that is not JSON" => ("policy", policy("not JSON")),
            "policy with a negative timeout" => ("policy", policy(NEGATIVE)),
            "missing task" => ("task", String::from("SELECT 2147483647 AS id")),
            "missing policy" => ("policy", String::from("SELECT 2147483647 AS id")),
            other => panic!("there is no way `{other}`"),
        };
        self.run(&format!(
            "WITH made AS ({row}) UPDATE job SET {column} = made.id FROM made
             WHERE job.id = '{id}'"
        ));
    }
}

/// What leaves a job readable.
fn wound(way: &str) -> &'static str {
    match way {
        LIMIT_GONE => "DELETE FROM gate USING job WHERE gate.id = job.gate AND job.id = '{id}'",
        LIMIT_SPENT => {
            "UPDATE gate SET tat = 2000000000000000 FROM job
             WHERE gate.id = job.gate AND job.id = '{id}'"
        }
        JOB_GONE => "DELETE FROM job WHERE id = '{id}'",
        COUNTERS_FULL => {
            "UPDATE running SET failures = 2147483647, interrupts = 2147483647,
             handbacks = 2147483647 WHERE id = '{id}'"
        }
        other => panic!("there is no way `{other}`"),
    }
}

const NEGATIVE: &str = r#"{"retry": {"attempts_max": 1, "first": {"secs": 1, "nanos": 0},
    "factor": 2.0, "cap": {"secs": 600, "nanos": 0}, "jitter": 0.5},
    "timeout": {"secs": -5, "nanos": 0}, "grace": {"secs": 5, "nanos": 0},
    "on_interrupt": "retry", "interrupts_max": 3}"#;
