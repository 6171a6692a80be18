//! Jobs that end by themselves.

use std::time::Duration;

use laneway_core::backoff::Backoff;
use laneway_core::job::{Lane, State};
use laneway_core::policy::Policy;
use laneway_engine::{Ending, Happening};

use crate::bench::{Bench, options};

#[tokio::test]
async fn jobs_of_every_lane_run_and_are_settled() {
    let bench = Bench::start(options()).await;
    let mut jobs = Vec::new();
    for lane in Lane::ALL {
        jobs.extend(bench.enqueue_many(lane, "sleep 5", Policy::default(), 20).await);
    }
    for job in &jobs {
        let record = bench.ended(*job).await;
        assert_eq!(record.state, State::Succeeded);
        assert_eq!(record.result.unwrap().0, b"sleep 5");
    }
    let report = bench.drain().await.unwrap();
    assert_eq!((report.succeeded, report.unsettled, report.runners_died), (60, 0, 0));
}

#[tokio::test]
async fn thousands_of_short_jobs_run_once_each_in_every_lane() {
    let mut bench = Bench::start(options()).await;
    for (lane, count) in [(Lane::Async, 5_000), (Lane::Thread, 1_000), (Lane::Process, 1_000)] {
        bench.enqueue_many(lane, "", Policy::default(), count).await;
    }
    for _ in 0..7_000 {
        bench
            .hears(|happening| match happening {
                Happening::AttemptEnded(ended) if ended.ending == Ending::Succeeded => Some(()),
                _ => None,
            })
            .await;
    }
    let report = bench.drain().await.unwrap();
    assert_eq!((report.succeeded, report.unsettled, report.stale), (7_000, 0, 0));
}

#[tokio::test]
async fn an_exception_is_retried_as_often_as_the_policy_says() {
    let mut bench = Bench::start(options()).await;
    let retry = Backoff { attempts_max: 3, first: Duration::from_millis(10), ..Backoff::default() };
    let policy = Policy { retry, ..Policy::default() };
    let job = bench.enqueue_with(Lane::Thread, "fail", policy).await;
    let record = bench.ended(job).await;
    assert_eq!((record.state, record.failures), (State::Failed, 3));
    let failure = record.failure.unwrap();
    assert_eq!((failure.code.as_str(), failure.kind.as_str()), ("LW2010", "ValueError"));
    for expected in 1..=3 {
        let ended = bench.hears(|happening| match happening {
            Happening::AttemptEnded(ended) => Some(ended.clone()),
            _ => None,
        });
        let ended = ended.await;
        assert_eq!(ended.number, expected);
        assert!(ended.wait.is_some() && ended.wall.is_some());
        assert_eq!(matches!(ended.ending, Ending::Retried(_)), expected < 3);
    }
}

#[tokio::test]
async fn an_exception_that_is_final_is_not_retried() {
    let bench = Bench::start(options()).await;
    let retry = Backoff { attempts_max: 3, ..Backoff::default() };
    let policy = Policy { retry, ..Policy::default() };
    let job = bench.enqueue_with(Lane::Async, "fail final", policy).await;
    let record = bench.ended(job).await;
    assert_eq!((record.state, record.failures), (State::Failed, 1));
}

#[tokio::test]
async fn a_job_of_an_unknown_task_is_handed_back_and_never_dropped() {
    let mut bench = Bench::start(options()).await;
    let job = bench.enqueue_task("nobody.knows", Lane::Async, "").await;
    let record = bench.until(job, |record| record.state == State::Scheduled).await;
    assert!(record.due_at.is_some());
    bench
        .hears(|happening| match happening {
            Happening::AttemptEnded(ended) if ended.ending == Ending::HandedBack => Some(()),
            _ => None,
        })
        .await;
    assert_eq!(bench.drain().await.unwrap().handed_back, 1);
}

#[tokio::test]
async fn progress_reaches_the_store() {
    let bench = Bench::start(options()).await;
    let job = bench.enqueue(Lane::Async, "say 3").await;
    let record =
        bench.until(job, |record| record.progress.as_ref().is_some_and(|(done, ..)| *done >= 3.0));
    assert_eq!(record.await.progress, Some((3.0, Some(3.0), "step 3".to_owned())));
    bench.cancel(job).await;
    assert_eq!(bench.ended(job).await.state, State::Cancelled);
}

#[tokio::test]
async fn a_long_job_in_the_process_lane_keeps_no_short_ones_waiting() {
    let mut options = options();
    options.concurrency.processes = 2;
    let bench = Bench::start(options).await;
    let warm = bench.enqueue_many(Lane::Process, "", Policy::default(), 200).await;
    for job in warm {
        bench.ended(job).await;
    }
    let long = bench.enqueue(Lane::Process, "sleep 20000").await;
    let short = bench.enqueue_many(Lane::Process, "", Policy::default(), 100).await;
    for job in short {
        assert_eq!(bench.ended(job).await.state, State::Succeeded);
    }
    assert_eq!(bench.running(long).await.state, State::Running);
    bench.cancel(long).await;
    bench.ended(long).await;
}

#[tokio::test]
async fn a_process_runner_is_replaced_after_as_many_jobs_as_it_may_run() {
    let mut options = options();
    options.concurrency.processes = 1;
    options.recycle_jobs = Some(5);
    let mut bench = Bench::start(options).await;
    let jobs = bench.enqueue_many(Lane::Process, "sleep 1", Policy::default(), 11).await;
    for job in jobs {
        assert_eq!(bench.ended(job).await.state, State::Succeeded);
    }
    for _ in 0..2 {
        bench.hears(|h| matches!(h, Happening::RunnerRetired { .. }).then_some(())).await;
    }
    assert_eq!(bench.drain().await.unwrap().runners_died, 0);
}
