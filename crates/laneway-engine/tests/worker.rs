//! A whole worker with real runner processes on a real store.

#[path = "support/bench.rs"]
mod bench;

use std::time::Duration;

use bench::{Bench, options};
use laneway_core::job::{Lane, State};

#[tokio::test]
async fn jobs_of_every_lane_run_and_are_settled() {
    let bench = Bench::start(options()).await;
    let mut jobs = Vec::new();
    for lane in Lane::ALL {
        for _ in 0..20 {
            jobs.push(bench.enqueue(lane, "sleep 5").await);
        }
    }
    for job in &jobs {
        assert_eq!(bench.ended(*job).await.state, State::Succeeded);
    }
    let report = bench.drain().await.unwrap();
    assert_eq!((report.succeeded, report.total(), report.runners_died), (60, 60, 0));
    let _ = Duration::ZERO;
}
