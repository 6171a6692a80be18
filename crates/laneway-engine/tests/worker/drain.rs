//! Workers that are told to end.

use std::time::Duration;

use laneway_core::job::{Lane, State};
use laneway_core::policy::Policy;
use laneway_core::store::Store;
use laneway_engine::{Happening, Phase};

use crate::bench::{Bench, options};

#[tokio::test]
async fn a_draining_worker_finishes_what_runs_and_gives_back_what_does_not() {
    let mut options = options();
    options.concurrency.processes = 1;
    let mut bench = Bench::start(options).await;
    let warm = bench.enqueue_many(Lane::Process, "", Policy::default(), 50).await;
    for job in warm {
        bench.ended(job).await;
    }
    let running = bench.enqueue(Lane::Async, "sleep 500").await;
    let queued = bench.enqueue_many(Lane::Process, "sleep 400", Policy::default(), 5).await;
    bench.running(queued[0]).await;
    bench.running(running).await;
    bench.phase.send_replace(Phase::Drain);
    bench.hears(|h| matches!(h, Happening::Draining { .. }).then_some(())).await;
    let store = bench.store.clone();
    let report = bench.end().await.unwrap();
    assert_eq!((report.interrupted, report.unsettled), (0, 0));
    assert_eq!(store.job(running).await.unwrap().unwrap().state, State::Succeeded);
    let mut counts = (0, 0);
    for job in queued {
        let record = store.job(job).await.unwrap().unwrap();
        assert_eq!((record.interrupts, record.failures), (0, 0));
        match record.state {
            State::Succeeded => counts.0 += 1,
            State::Ready => counts.1 += 1,
            other => panic!("{other}"),
        }
    }
    assert!(counts.0 >= 1 && counts.1 >= 3, "{counts:?}");
    assert_eq!(store.sessions().await.unwrap(), []);
}

#[tokio::test]
async fn what_outlasts_the_drain_is_stopped_and_runs_again_elsewhere() {
    let mut options = options();
    options.drain_timeout = Duration::from_millis(100);
    let bench = Bench::start(options).await;
    let mut jobs = Vec::new();
    for lane in Lane::ALL {
        let job = bench.enqueue(lane, "sleep 20000").await;
        bench.running(job).await;
        jobs.push(job);
    }
    let store = bench.store.clone();
    let report = bench.drain().await.unwrap();
    assert_eq!((report.released, report.unsettled), (3, 0));
    for job in jobs {
        let record = store.job(job).await.unwrap().unwrap();
        assert_eq!((record.state, record.interrupts), (State::Ready, 0));
    }
}

#[tokio::test]
async fn what_ignores_the_end_of_the_drain_is_killed() {
    let mut options = options();
    options.drain_timeout = Duration::from_millis(100);
    let bench = Bench::start(options).await;
    let mut jobs = Vec::new();
    for lane in Lane::ALL {
        let job = bench.enqueue(lane, "deaf 60000").await;
        bench.running(job).await;
        jobs.push(job);
    }
    let store = bench.store.clone();
    let report = bench.drain().await.unwrap();
    assert_eq!((report.released, report.runners_died), (3, 0));
    for job in jobs {
        assert_eq!(store.job(job).await.unwrap().unwrap().state, State::Ready);
    }
}

#[tokio::test]
async fn a_worker_that_must_end_now_ends_now_and_leaves_its_jobs_to_the_lease() {
    let bench = Bench::start(options()).await;
    let job = bench.enqueue(Lane::Async, "sleep 20000").await;
    bench.running(job).await;
    let store = bench.store.clone();
    bench.phase.send_replace(Phase::Now);
    bench.end().await.unwrap();
    assert_eq!(store.job(job).await.unwrap().unwrap().state, State::Running);
    assert_eq!(store.sessions().await.unwrap().len(), 1);
}
