//! The model store keeps the contract that it is the oracle of.

use laneway_testkit::clock::SimClock;
use laneway_testkit::conformance::{BEYOND_ONE_PROCESS, Harness};
use laneway_testkit::model::ModelStore;

struct Model(ModelStore);

impl Harness for Model {
    type Store = ModelStore;

    const EXCEPTIONS: &'static [&'static str] = BEYOND_ONE_PROCESS;

    fn open(clock: SimClock) -> Self {
        Self(ModelStore::new(clock))
    }

    fn store(&self) -> ModelStore {
        self.0.clone()
    }
}

laneway_testkit::conformance_suite!(Model);
