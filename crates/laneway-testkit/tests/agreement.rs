//! The comparison with the model finds no difference where there is none, and one where there is.

use laneway_testkit::agreement::run_agreement;
use laneway_testkit::clock::SimClock;
use laneway_testkit::conformance::Harness;
use laneway_testkit::model::ModelStore;

struct Model(ModelStore);

impl Harness for Model {
    type Store = ModelStore;

    fn open(clock: SimClock) -> Self {
        Self(ModelStore::new(clock))
    }

    fn store(&self) -> ModelStore {
        self.0.clone()
    }
}

struct Stopped(ModelStore);

impl Harness for Stopped {
    type Store = ModelStore;

    fn open(_: SimClock) -> Self {
        Self(ModelStore::new(SimClock::new()))
    }

    fn store(&self) -> ModelStore {
        self.0.clone()
    }
}

#[test]
fn the_model_agrees_with_itself() {
    run_agreement::<Model>(200);
}

#[test]
#[should_panic(expected = "model: ")]
fn a_store_whose_clock_stands_still_disagrees() {
    run_agreement::<Stopped>(200);
}
