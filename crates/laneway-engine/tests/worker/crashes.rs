//! Jobs that take their runner with them.

use laneway_core::error::Code;
use laneway_core::interrupt::OnInterrupt;
use laneway_core::job::{Lane, State};
use laneway_core::policy::Policy;
use laneway_engine::Happening;

use crate::bench::{Bench, options};

#[tokio::test]
async fn a_job_that_kills_its_process_three_times_is_poison_and_no_other_job_suffers() {
    let bench = Bench::start(options()).await;
    let poison = bench.enqueue(Lane::Process, "crash").await;
    let others = bench.enqueue_many(Lane::Process, "sleep 20", Policy::default(), 20).await;
    let record = bench.ended(poison).await;
    assert_eq!((record.state, record.interrupts), (State::Failed, 3));
    let failure = record.failure.unwrap();
    assert_eq!(failure.code, Code::JobPoisonous.to_string());
    assert!(failure.message.contains("SIGABRT"), "{}", failure.message);
    for job in others {
        let record = bench.ended(job).await;
        assert_eq!((record.state, record.interrupts), (State::Succeeded, 0));
    }
    assert_eq!(bench.drain().await.unwrap().runners_died, 3);
}

/// Whatever runs beside a crashing job in the main runner is interrupted with it. Blaming all of
/// them alike would fail innocent jobs as poison, so those that were hit twice run alone.
#[tokio::test]
async fn innocent_jobs_on_the_loop_of_a_crashing_one_are_not_taken_for_poison() {
    let bench = Bench::start(options()).await;
    let innocent = bench.enqueue_many(Lane::Async, "sleep 150", Policy::default(), 10).await;
    for job in &innocent {
        bench.running(*job).await;
    }
    let poison = bench.enqueue_many(Lane::Async, "crash", Policy::default(), 3).await;
    for job in poison {
        let record = bench.ended(job).await;
        assert_eq!(record.state, State::Failed);
        assert_eq!(record.failure.unwrap().code, Code::JobPoisonous.to_string());
    }
    for job in innocent {
        assert_eq!(bench.ended(job).await.state, State::Succeeded);
    }
}

#[tokio::test]
async fn an_interrupted_job_is_parked_when_its_policy_says_so() {
    let bench = Bench::start(options()).await;
    let policy = Policy { on_interrupt: OnInterrupt::Park, ..Policy::default() };
    for lane in Lane::ALL {
        let job = bench.enqueue_with(lane, "crash", policy.clone()).await;
        let record = bench.ended(job).await;
        assert_eq!(record.state, State::Parked, "{lane}");
        assert_eq!(record.failure.unwrap().code, Code::OutcomeUnknown.to_string());
    }
}

#[tokio::test]
async fn a_runner_that_takes_too_much_memory_is_killed_and_the_cause_is_told() {
    let mut options = options();
    options.memory_bytes_max = Some(100 << 20);
    let bench = Bench::start(options).await;
    let policy = Policy { interrupts_max: 1, ..Policy::default() };
    let job = bench.enqueue_with(Lane::Process, "grow 200", policy).await;
    let modest = bench.enqueue(Lane::Process, "sleep 300").await;
    let record = bench.ended(job).await;
    assert_eq!(record.state, State::Failed);
    let message = record.failure.unwrap().message;
    assert!(message.contains("more than 100 MiB"), "{message}");
    assert_eq!(bench.ended(modest).await.state, State::Succeeded);
}

#[tokio::test]
async fn a_runner_that_grew_is_replaced_after_its_job() {
    let mut options = options();
    options.recycle_memory_bytes = Some(100 << 20);
    let mut bench = Bench::start(options).await;
    let job = bench.enqueue(Lane::Process, "grow 200").await;
    bench.hears(|h| matches!(h, Happening::RunnerRetired { .. }).then_some(())).await;
    assert_eq!(bench.running(job).await.state, State::Running);
    bench.cancel(job).await;
    assert_eq!(bench.ended(job).await.state, State::Cancelled);
    assert_eq!(bench.drain().await.unwrap().runners_died, 0);
}

#[tokio::test]
async fn a_worker_whose_runners_do_not_start_again_gives_up_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options();
    options.app = format!("live-once:{}", folder.path().join("mark").display());
    let mut bench = Bench::start(options).await;
    let job = bench.enqueue(Lane::Async, "crash").await;
    bench.hears(|h| matches!(h, Happening::RunnerDied { .. }).then_some(())).await;
    let store = bench.store.clone();
    let error = bench.end().await.unwrap_err();
    assert_eq!(error.code(), Code::RunnerUnstable);
    let record = laneway_core::store::Store::job(&store, job).await.unwrap().unwrap();
    assert_eq!(record.state, State::Ready);
}
