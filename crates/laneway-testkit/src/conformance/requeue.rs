//! The wish to run ended jobs again.

use laneway_core::id::JobId;
use laneway_core::interrupt::OnInterrupt;
use laneway_core::job::State;
use laneway_core::policy::Policy;
use laneway_core::store::{Due, Outcome, Requeued, Store};

use super::Harness;
use super::trial::{Trial, failure, payload, seconds};

pub async fn a_failed_cancelled_or_parked_job_is_ready_again<H: Harness>(t: Trial<H>) {
    for outcome in [
        Outcome::Fail(failure("broken")),
        Outcome::Cancel(failure("stopped")),
        Outcome::Park(failure("unknown")),
    ] {
        let job = t.running(t.job()).await;
        t.end(&job, outcome).await;
        assert_eq!(t.requeue(job.id).await, Requeued::Done);
        let record = t.record(job.id).await;
        assert_eq!((record.state, record.finished_at), (State::Ready, None));
        let again = t.claim_one().await;
        assert_eq!((again.id, again.token), (job.id, job.token.next()));
        t.end(&again, Outcome::Succeed(payload("ok"))).await;
    }
}

pub async fn its_counts_begin_at_zero<H: Harness>(t: Trial<H>) {
    let policy = Policy { interrupts_max: 2, ..Policy::default() };
    let id = t.add(t.job_under(policy)).await;
    for outcome in [
        Outcome::Retry { after: seconds(0), failure: failure("busy") },
        Outcome::HandBack { after: seconds(0) },
        Outcome::Interrupt(failure("killed")),
        Outcome::Interrupt(failure("killed")),
    ] {
        let job = t.claim_one().await;
        t.end(&job, outcome).await;
    }
    assert_eq!(t.state(id).await, State::Failed);
    assert_eq!(t.requeue(id).await, Requeued::Done);
    let job = t.claim_one().await;
    assert_eq!((job.failures, job.interrupts, job.handbacks), (0, 0, 0));
    t.end(&job, Outcome::Interrupt(failure("killed"))).await;
    assert_eq!(t.state(id).await, State::Ready);
}

pub async fn a_succeeded_job_never_runs_again<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
    assert_eq!(t.requeue(job.id).await, Requeued::Refused(State::Succeeded));
    assert_eq!(t.record(job.id).await.result, Some(payload("ok")));
}

pub async fn a_job_that_has_not_ended_is_refused<H: Harness>(t: Trial<H>) {
    let running = t.running(t.job()).await.id;
    let ready = t.add(t.job()).await;
    let scheduled = t.add(t.job_due(Due::After(seconds(60)))).await;
    for (id, state) in
        [(running, State::Running), (ready, State::Ready), (scheduled, State::Scheduled)]
    {
        let before = t.record(id).await;
        assert_eq!(t.requeue(id).await, Requeued::Refused(state));
        assert_eq!(t.record(id).await, before);
    }
}

pub async fn an_unknown_job_cannot_be_requeued<H: Harness>(t: Trial<H>) {
    assert_eq!(t.requeue(JobId::from_bits(5)).await, Requeued::Unknown);
}

pub async fn a_cancelled_job_that_never_ran_can_be_requeued<H: Harness>(t: Trial<H>) {
    let id = t.add(t.job_due(Due::After(seconds(3_600)))).await;
    t.cancel(id).await;
    assert_eq!(t.requeue(id).await, Requeued::Done);
    assert_eq!(t.claim_one().await.id, id);
}

pub async fn a_parked_job_can_be_interrupted_and_parked_again<H: Harness>(t: Trial<H>) {
    let policy = Policy { on_interrupt: OnInterrupt::Park, ..Policy::default() };
    let id = t.add(t.job_under(policy)).await;
    for _ in 0..3 {
        let job = t.claim_one().await;
        t.end(&job, Outcome::Interrupt(failure("killed"))).await;
        assert_eq!(t.state(id).await, State::Parked);
        assert_eq!(t.requeue(id).await, Requeued::Done);
    }
}

pub async fn a_batch_answers_for_each_job<H: Harness>(t: Trial<H>) {
    let failed = t.running(t.job()).await;
    t.end(&failed, Outcome::Fail(failure("broken"))).await;
    let ready = t.add(t.job()).await;
    let ids = vec![JobId::from_bits(5), failed.id, ready, failed.id];
    let expected = [
        Requeued::Unknown,
        Requeued::Done,
        Requeued::Refused(State::Ready),
        Requeued::Refused(State::Ready),
    ];
    assert_eq!(t.store.requeue(ids).await.expect("requeue"), expected);
}
