//! The wish to end jobs.

use laneway_core::error::Code;
use laneway_core::id::JobId;
use laneway_core::job::State;
use laneway_core::store::{Cancelled, Due, Outcome, Store};

use super::Harness;
use super::trial::{Trial, failure, payload, seconds};

pub async fn a_waiting_job_is_cancelled_at_once<H: Harness>(t: Trial<H>) {
    let ready = t.add(t.job()).await;
    let scheduled = t.add(t.job_due(Due::After(seconds(60)))).await;
    for id in [ready, scheduled] {
        assert_eq!(t.cancel(id).await, Cancelled::Done);
        let record = t.record(id).await;
        assert_eq!((record.state, record.due_at), (State::Cancelled, None));
        assert_eq!(record.finished_at, Some(t.now()));
        let code = record.failure.map(|failure| failure.code);
        assert_eq!(code, Some(Code::JobCancelled.to_string()));
    }
    t.advance(seconds(100));
    t.sweep().await;
    assert!(t.claim(10).await.is_empty());
}

pub async fn the_worker_of_a_running_job_is_asked<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    for _ in 0..2 {
        assert_eq!(t.cancel(job.id).await, Cancelled::Asked);
        let record = t.record(job.id).await;
        assert_eq!((record.state, record.cancel_asked), (State::Running, true));
    }
    t.end(&job, Outcome::Cancel(failure("stopped"))).await;
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.cancel_asked), (State::Cancelled, false));
}

pub async fn a_parked_job_is_cancelled_at_once<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Park(failure("unknown"))).await;
    assert_eq!(t.cancel(job.id).await, Cancelled::Done);
    assert_eq!(t.state(job.id).await, State::Cancelled);
}

pub async fn a_job_that_has_ended_stays_as_it_is<H: Harness>(t: Trial<H>) {
    for outcome in [Outcome::Succeed(payload("ok")), Outcome::Fail(failure("broken"))] {
        let job = t.running(t.job()).await;
        t.end(&job, outcome).await;
        let before = t.record(job.id).await;
        assert_eq!(t.cancel(job.id).await, Cancelled::TooLate);
        assert_eq!(t.record(job.id).await, before);
    }
    let id = t.add(t.job()).await;
    assert_eq!(t.cancel(id).await, Cancelled::Done);
    assert_eq!(t.cancel(id).await, Cancelled::TooLate);
}

pub async fn an_unknown_job_cannot_be_cancelled<H: Harness>(t: Trial<H>) {
    assert_eq!(t.cancel(JobId::from_bits(5)).await, Cancelled::Unknown);
}

pub async fn the_answers_come_in_the_order_of_the_ids<H: Harness>(t: Trial<H>) {
    let running = t.running(t.job()).await.id;
    let ready = t.add(t.job()).await;
    let unknown = JobId::from_bits(5);
    let answers = t.store.cancel(vec![unknown, ready, running, ready]).await.expect("cancel");
    let expected = [Cancelled::Unknown, Cancelled::Done, Cancelled::Asked, Cancelled::TooLate];
    assert_eq!(answers, expected);
}

pub async fn only_the_named_jobs_are_cancelled<H: Harness>(t: Trial<H>) {
    let added = t.add_many(5).await;
    t.store.cancel(vec![added[1], added[3]]).await.expect("cancel");
    let counts = t.counts("default").await;
    assert_eq!((counts.ready, counts.cancelled), (3, 2));
    assert_eq!(t.claim(10).await.len(), 3);
}
