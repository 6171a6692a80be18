//! Stores that fail, lose replies, and take sessions away.

use laneway_core::job::{Lane, State};
use laneway_core::policy::Policy;
use laneway_core::store::Store;
use laneway_engine::{Ending, Happening, WorkerOptions};
use laneway_testkit::faulty::Verb;

use crate::bench::{Bench, PATIENCE, options};

#[tokio::test]
async fn settlements_that_fail_are_kept_and_the_trouble_is_told_once() {
    let mut bench = Bench::start(options()).await;
    for nth in 1..=3 {
        bench.plan.fail(Verb::Settle, nth);
    }
    let job = bench.enqueue(Lane::Async, "").await;
    assert_eq!(bench.ended(job).await.state, State::Succeeded);
    let mut troubles = 0;
    bench
        .hears(|happening| {
            troubles += usize::from(matches!(happening, Happening::StoreTroubled { .. }));
            matches!(happening, Happening::StoreRecovered { .. }).then_some(())
        })
        .await;
    assert_eq!(troubles, 1);
    assert_eq!(bench.drain().await.unwrap().succeeded, 1);
}

/// Sweeps are far apart. If the one that failed were the next to be made only then, a store that is
/// back would be called unusable for that long.
#[tokio::test]
async fn a_sweep_that_failed_is_made_again_soon() {
    let plan = laneway_testkit::faulty::FaultPlan::default();
    plan.fail(Verb::Sweep, 1);
    let far_apart = WorkerOptions { sweep_every: 10 * PATIENCE, ..options() };
    let mut bench = Bench::start_with(far_apart, plan).await;
    let recovered = bench.hears(|happening| match happening {
        Happening::StoreRecovered { .. } => Some(()),
        _ => None,
    });
    recovered.await;
}

#[tokio::test]
async fn replies_that_are_lost_cost_no_job_and_run_none_twice() {
    let bench = Bench::start(options()).await;
    for nth in [1, 2, 4, 7] {
        bench.plan.lose_reply(Verb::Claim, nth);
        bench.plan.lose_reply(Verb::Settle, nth);
    }
    let jobs = bench.enqueue_many(Lane::Async, "sleep 1", Policy::default(), 2_000).await;
    for job in jobs {
        let record = bench.ended(job).await;
        assert_eq!((record.state, record.token.0), (State::Succeeded, 1));
    }
    let report = bench.drain().await.unwrap();
    assert_eq!((report.succeeded, report.total(), report.stale), (2_000, 2_000, 0));
}

#[tokio::test]
async fn a_worker_whose_session_is_lost_stops_its_attempts_and_begins_anew() {
    let mut bench = Bench::start(options()).await;
    let first = bench.hears(|happening| match happening {
        Happening::Ready { session, .. } => Some(*session),
        _ => None,
    });
    let first = first.await;
    let mut jobs = Vec::new();
    for lane in Lane::ALL {
        let job = bench.enqueue(lane, "sleep 4000").await;
        bench.running(job).await;
        jobs.push(job);
    }
    bench.store.close_session(first).await.unwrap();
    let second = bench.hears(|happening| match happening {
        Happening::SessionOpened { session } => Some(*session),
        _ => None,
    });
    assert_ne!(second.await, first);
    for _ in 0..3 {
        bench
            .hears(|happening| match happening {
                Happening::AttemptEnded(ended) => Some(ended.ending),
                _ => None,
            })
            .await;
    }
    for job in jobs {
        let record = bench.ended(job).await;
        assert_eq!((record.state, record.token.0, record.interrupts), (State::Succeeded, 2, 1));
    }
    let report = bench.drain().await.unwrap();
    assert_eq!((report.fenced, report.succeeded, report.stale), (3, 3, 0));
    assert_eq!(report.total(), 6, "{:?}", Ending::Fenced);
}

#[tokio::test]
async fn a_store_that_hangs_delays_no_renewal_and_no_attempt() {
    let bench = Bench::start(options()).await;
    let mut gate = bench.plan.hold(Verb::Settle, 1);
    let first = bench.enqueue(Lane::Async, "").await;
    gate.reached().await;
    let second = bench.enqueue(Lane::Async, "sleep 10").await;
    let renewals = bench.plan.calls(Verb::RenewSession);
    bench.running(second).await;
    while bench.plan.calls(Verb::RenewSession) == renewals {
        tokio::task::yield_now().await;
    }
    gate.open();
    for job in [first, second] {
        assert_eq!(bench.ended(job).await.state, State::Succeeded);
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_at_the_start_is_an_error() {
    let plan = laneway_testkit::faulty::FaultPlan::default();
    plan.fail(Verb::OpenSession, 1);
    let error = Bench::start_with(options(), plan).await.end().await.unwrap_err();
    assert!(error.is_retryable());
}
