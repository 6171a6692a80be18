//! Jobs that are asked, and made, to stop.

use std::time::Duration;

use laneway_core::error::Code;
use laneway_core::job::{Lane, State};
use laneway_core::policy::Policy;
use laneway_engine::Happening;

use crate::bench::{Bench, options};

fn timeout(millis: u64) -> Policy {
    let timeout = Some(Duration::from_millis(millis));
    Policy { timeout, grace: Duration::from_millis(200), ..Policy::default() }
}

#[tokio::test]
async fn an_attempt_that_obeys_its_timeout_fails_in_every_lane() {
    let bench = Bench::start(options()).await;
    for lane in Lane::ALL {
        let job = bench.enqueue_with(lane, "sleep 20000", timeout(50)).await;
        let record = bench.ended(job).await;
        assert_eq!(record.state, State::Failed, "{lane}");
        let failure = record.failure.unwrap();
        assert_eq!(failure.code, Code::AttemptTimedOut.to_string());
        assert!(failure.message.contains("50ms"), "{}", failure.message);
    }
    assert_eq!(bench.drain().await.unwrap().runners_died, 0);
}

#[tokio::test]
async fn an_attempt_that_ignores_its_timeout_is_ended_by_force_and_its_runner_replaced() {
    let mut bench = Bench::start(options()).await;
    for lane in Lane::ALL {
        let job = bench.enqueue_with(lane, "deaf 20000", timeout(50)).await;
        let record = bench.ended(job).await;
        assert_eq!(record.state, State::Failed, "{lane}");
        assert_eq!(record.failure.unwrap().code, Code::AttemptTimedOut.to_string());
        bench.hears(|h| matches!(h, Happening::RunnerReady { .. }).then_some(())).await;
        let next = bench.enqueue(lane, "").await;
        assert_eq!(bench.ended(next).await.state, State::Succeeded, "{lane}");
    }
    let report = bench.drain().await.unwrap();
    assert_eq!((report.failed, report.succeeded, report.runners_died), (3, 3, 0));
}

#[tokio::test]
async fn a_running_job_is_cancelled_in_every_lane_whether_it_obeys_or_not() {
    let bench = Bench::start(options()).await;
    for script in ["sleep 20000", "deaf 20000"] {
        for lane in Lane::ALL {
            let policy = Policy { grace: Duration::from_millis(100), ..Policy::default() };
            let job = bench.enqueue_with(lane, script, policy).await;
            bench.running(job).await;
            bench.cancel(job).await;
            assert_eq!(bench.ended(job).await.state, State::Cancelled, "{script} {lane}");
        }
    }
}

#[tokio::test]
async fn a_blocked_loop_keeps_its_own_jobs_only() {
    let mut bench = Bench::start(options()).await;
    let blocking = bench.enqueue(Lane::Async, "block 6000").await;
    bench.running(blocking).await;
    let others = bench.enqueue_many(Lane::Async, "sleep 10", Policy::default(), 100).await;
    for job in &others {
        assert_eq!(bench.ended(*job).await.state, State::Succeeded);
    }
    assert_eq!(bench.running(blocking).await.state, State::Running);
    let since = bench.hears(|happening| match happening {
        Happening::LoopBlocked { since, waiting: 100, .. } => Some(*since),
        _ => None,
    });
    assert!(since.await < Duration::from_secs(3));
    assert_eq!(bench.ended(blocking).await.state, State::Succeeded);
    let report = bench.drain().await.unwrap();
    assert_eq!((report.succeeded, report.total(), report.runners_died), (101, 101, 0));
}
