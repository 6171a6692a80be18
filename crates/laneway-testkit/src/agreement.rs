//! Random work on the model and on a real store gives the same answers.
//!
//! A sequence of random operations is made concrete step by step, each step is asked of both
//! stores, and the answers are compared; at the end everything that can be read is compared, too. A
//! sequence on which they disagree is shortened to the few steps that matter.
//!
//! Where the contract leaves a choice, the comparison leaves it, too: which of several open gates a
//! scarce claim serves first (here each lane has one limit key), the order of jobs of different
//! lanes in one answer, whether a due job is called ready before somebody claims or sweeps, and the
//! wording of what a store says of its own accord.

use laneway_core::clock::Clock;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use crate::block_on::block_on;
use crate::clock::SimClock;
use crate::conformance::Harness;
use crate::model::ModelStore;

mod answer;
mod history;
mod operation;

use answer::ask;
use history::{History, Request};
use operation::Operation;

/// Compares a store with the model on so many random sequences of operations, or on as many as
/// `PROPTEST_CASES` says.
///
/// # Panics
/// When they disagree, with the shortest sequence that was found.
pub fn run_agreement<H: Harness>(cases: u32) {
    let cases = asked_cases().unwrap_or(cases);
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let outcome = TestRunner::new(config).run(&operation::sequences(), |operations| {
        let clock = SimClock::new();
        let harness = H::open(clock.clone());
        block_on(compare::<H>(&harness, &clock, operations))
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, operations)) => panic!("{reason}\nafter {operations:#?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how many cases to try")]
fn asked_cases() -> Option<u32> {
    std::env::var("PROPTEST_CASES").ok()?.parse().ok()
}

async fn compare<H: Harness>(
    harness: &H,
    clock: &SimClock,
    operations: Vec<Operation>,
) -> Result<(), TestCaseError> {
    let model = ModelStore::new(clock.clone());
    let store = harness.store();
    let mut history = History::new(clock.now());
    let mut requests = history.opening();
    for operation in operations {
        if let Operation::Advance(by) = operation {
            clock.advance(by);
        }
        requests.extend(history.make_concrete(operation, clock.now()));
        for request in requests.drain(..) {
            agree(&mut history, &request, &model, &store).await?;
        }
    }
    agree(&mut history, &Request::Sweep { jobs_max: 3 }, &model, &store).await?;
    let everything = history.read();
    agree(&mut history, &everything, &model, &store).await
}

async fn agree(
    history: &mut History,
    request: &Request,
    model: &ModelStore,
    store: &impl laneway_core::store::Store,
) -> Result<(), TestCaseError> {
    let expected = ask(model, request).await;
    let answer = ask(store, request).await;
    if answer != expected {
        let reason = format!("{request:#?}\nmodel: {expected:#?}\nstore: {answer:#?}");
        return Err(TestCaseError::fail(reason));
    }
    history.learn(request, &expected);
    Ok(())
}
