//! Ends of attempts.

use laneway_core::error::Code;
use laneway_core::interrupt::OnInterrupt;
use laneway_core::job::{Payload, State};
use laneway_core::policy::Policy;
use laneway_core::store::{
    BATCH_MAX, Cancelled, Outcome, Settle, Settled, Settlement, Store, Timing,
};

use super::Harness;
use super::trial::{Trial, failure, ids, payload, seconds, timing};

pub async fn a_result_ends_the_job_and_is_kept<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.advance(seconds(2));
    t.end(&job, Outcome::Succeed(payload("42"))).await;
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.result), (State::Succeeded, Some(payload("42"))));
    assert_eq!((record.finished_at, record.session), (Some(t.now()), None));
    assert_eq!((record.failure, record.failures), (None, 0));
}

pub async fn an_empty_result_is_a_result<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Succeed(Payload(Vec::new()))).await;
    assert_eq!(t.record(job.id).await.result, Some(Payload(Vec::new())));
}

pub async fn a_retry_waits_and_counts_as_a_failure<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Retry { after: seconds(30), failure: failure("busy") }).await;
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.failures), (State::Scheduled, 1));
    assert_eq!(record.due_at, Some(t.now().plus(seconds(30))));
    assert_eq!((record.failure, record.finished_at), (Some(failure("busy")), None));
    t.advance(seconds(29));
    assert!(t.claim(1).await.is_empty());
    t.advance(seconds(1));
    assert_eq!(t.claim_one().await.failures, 1);
}

pub async fn a_failure_for_good_ends_the_job<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Fail(failure("broken"))).await;
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.failures), (State::Failed, 1));
    assert_eq!((record.failure, record.finished_at), (Some(failure("broken")), Some(t.now())));
}

pub async fn a_cancelled_attempt_ends_the_job<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Cancel(failure("stopped"))).await;
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.failures), (State::Cancelled, 0));
    assert_eq!((record.failure, record.finished_at), (Some(failure("stopped")), Some(t.now())));
}

pub async fn a_released_job_is_ready_and_counts_nothing<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Release).await;
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.session), (State::Ready, None));
    assert_eq!((record.failures, record.interrupts, record.failure), (0, 0, None));
}

pub async fn a_released_job_has_its_old_place<H: Harness>(t: Trial<H>) {
    let added = t.add_many(3).await;
    let job = t.claim(1).await.remove(0);
    t.end(&job, Outcome::Release).await;
    assert_eq!(ids(&t.claim(3).await), added);
}

pub async fn a_job_that_is_handed_back_waits<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::HandBack { after: seconds(4) }).await;
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.failures), (State::Scheduled, 0));
    assert_eq!(record.due_at, Some(t.now().plus(seconds(4))));
    t.advance(seconds(4));
    let job = t.claim_one().await;
    assert_eq!((job.handbacks, job.failures, job.interrupts), (1, 0, 0));
}

pub async fn a_parked_job_waits_for_a_person<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Park(failure("nobody knows it"))).await;
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.session), (State::Parked, None));
    assert_eq!(record.failure, Some(failure("nobody knows it")));
    assert_eq!(record.finished_at, Some(t.now()));
    t.advance(seconds(100_000));
    t.sweep().await;
    assert_eq!(t.state(job.id).await, State::Parked);
}

pub async fn an_interrupted_job_is_ready_again<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Interrupt(failure("killed by signal 9"))).await;
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.interrupts, record.failures), (State::Ready, 1, 0));
    assert_eq!(record.failure, Some(failure("killed by signal 9")));
}

pub async fn an_interrupted_job_is_parked_when_its_policy_forbids_to_guess<H: Harness>(
    t: Trial<H>,
) {
    let policy = Policy { on_interrupt: OnInterrupt::Park, ..Policy::default() };
    let job = t.running(t.job_under(policy)).await;
    t.end(&job, Outcome::Interrupt(failure("killed by signal 9"))).await;
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.interrupts), (State::Parked, 1));
    let failure = record.failure.expect("a parked job says why");
    assert_eq!(failure.code, Code::OutcomeUnknown.to_string());
    assert!(failure.message.contains("killed by signal 9"), "{failure:?}");
}

pub async fn a_job_that_breaks_its_runner_too_often_fails_as_poison<H: Harness>(t: Trial<H>) {
    let policy = Policy { interrupts_max: 3, ..Policy::default() };
    let id = t.add(t.job_under(policy)).await;
    for state in [State::Ready, State::Ready, State::Failed] {
        let job = t.claim_one().await;
        t.end(&job, Outcome::Interrupt(failure("killed by signal 11"))).await;
        assert_eq!(t.state(id).await, state);
    }
    let record = t.record(id).await;
    let failure = record.failure.expect("a failed job says why");
    assert_eq!((record.interrupts, record.failures), (3, 0));
    assert_eq!(failure.code, Code::JobPoisonous.to_string());
    assert!(failure.message.contains("killed by signal 11"), "{failure:?}");
}

pub async fn a_success_forgets_the_earlier_failure<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Retry { after: seconds(0), failure: failure("busy") }).await;
    let job = t.claim_one().await;
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
    let record = t.record(job.id).await;
    assert_eq!((record.failure, record.failures), (None, 1));
}

pub async fn the_time_an_attempt_took_is_kept<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
    assert_eq!(t.record(job.id).await.wall, Some(timing().wall));
}

pub async fn an_attempt_that_never_started_took_no_time<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    let entry = Settlement {
        job: job.id,
        token: job.token,
        outcome: Outcome::Release,
        timing: None::<Timing>,
    };
    let settle = Settle { session: t.session, entries: vec![entry] };
    assert_eq!(t.store.settle(settle).await.expect("settle"), [Settled::Accepted]);
    assert_eq!(t.record(job.id).await.wall, None);
}

pub async fn an_empty_settlement_is_answered_with_nothing<H: Harness>(t: Trial<H>) {
    let settle = Settle { session: t.session, entries: Vec::new() };
    assert_eq!(t.store.settle(settle).await.expect("settle"), []);
}

pub async fn a_batch_may_end_each_job_in_another_way<H: Harness>(t: Trial<H>) {
    t.add_many(4).await;
    let jobs = t.claim(4).await;
    let outcomes = [
        Outcome::Succeed(payload("1")),
        Outcome::Release,
        Outcome::Fail(failure("3")),
        Outcome::HandBack { after: seconds(1) },
    ];
    let entries = jobs.iter().zip(outcomes).map(|(job, outcome)| t.settlement(job, outcome));
    let settle = Settle { session: t.session, entries: entries.collect() };
    assert_eq!(t.store.settle(settle).await.expect("settle"), [Settled::Accepted; 4]);
    let expected = [State::Succeeded, State::Ready, State::Failed, State::Scheduled];
    for (job, state) in jobs.iter().zip(expected) {
        assert_eq!(t.state(job.id).await, state);
    }
}

pub async fn a_full_batch_is_settled_whole<H: Harness>(t: Trial<H>) {
    t.add_many(BATCH_MAX).await;
    let jobs = t.claim(BATCH_MAX).await;
    let entries = jobs.iter().map(|job| t.settlement(job, Outcome::Succeed(payload("ok"))));
    let settle = Settle { session: t.session, entries: entries.collect() };
    let answers = t.store.settle(settle).await.expect("settle");
    assert_eq!(answers, vec![Settled::Accepted; BATCH_MAX]);
    assert_eq!(t.counts("default").await.succeeded, BATCH_MAX as u64);
}

pub async fn a_result_that_comes_after_the_wish_to_cancel_counts<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    assert_eq!(t.cancel(job.id).await, Cancelled::Asked);
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.cancel_asked), (State::Succeeded, false));
}

/// Whoever asked for the cancellation was told that it would come; the job must not start anew
/// because its worker stopped first.
pub async fn a_job_that_shall_be_cancelled_does_not_come_back<H: Harness>(t: Trial<H>) {
    for outcome in [
        Outcome::Release,
        Outcome::Retry { after: seconds(1), failure: failure("busy") },
        Outcome::HandBack { after: seconds(1) },
        Outcome::Interrupt(failure("killed")),
    ] {
        let job = t.running(t.job()).await;
        assert_eq!(t.cancel(job.id).await, Cancelled::Asked);
        t.end(&job, outcome.clone()).await;
        let record = t.record(job.id).await;
        assert_eq!(record.state, State::Cancelled, "{outcome:?}");
        let code = record.failure.map(|failure| failure.code);
        assert_eq!(code, Some(Code::JobCancelled.to_string()), "{outcome:?}");
    }
}
