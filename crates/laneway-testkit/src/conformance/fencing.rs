//! Reports of attempts that are no longer the job's own.

use laneway_core::id::{JobId, Token};
use laneway_core::job::State;
use laneway_core::store::{BATCH_MAX, Outcome, Settle, Settled, Settlement, Store};

use super::Harness;
use super::trial::{Trial, failure, payload, seconds};

fn every_outcome() -> [Outcome; 8] {
    [
        Outcome::Succeed(payload("late")),
        Outcome::Retry { after: seconds(1), failure: failure("late") },
        Outcome::Fail(failure("late")),
        Outcome::Cancel(failure("late")),
        Outcome::Release,
        Outcome::HandBack { after: seconds(1) },
        Outcome::Interrupt(failure("late")),
        Outcome::Park(failure("late")),
    ]
}

pub async fn a_second_settlement_is_stale<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Succeed(payload("first"))).await;
    for outcome in every_outcome() {
        assert_eq!(t.settle(&job, outcome).await, Settled::Stale);
    }
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.result), (State::Succeeded, Some(payload("first"))));
}

pub async fn a_stale_settlement_changes_nothing<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Release).await;
    let again = t.claim_one().await;
    let before = t.record(job.id).await;
    t.advance(seconds(3));
    for outcome in every_outcome() {
        assert_eq!(t.settle(&job, outcome).await, Settled::Stale);
        assert_eq!(t.record(job.id).await, before);
    }
    t.end(&again, Outcome::Succeed(payload("ok"))).await;
}

pub async fn a_token_of_the_future_is_stale<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    let outcome = Outcome::Succeed(payload("x"));
    let settled = t.settle_as(t.session, job.id, job.token.next(), outcome).await;
    assert_eq!(settled, Settled::Stale);
    assert_eq!(t.state(job.id).await, State::Running);
}

pub async fn the_token_of_another_session_is_stale<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    let other = t.open_another(seconds(60)).await;
    let outcome = Outcome::Succeed(payload("x"));
    assert_eq!(t.settle_as(other, job.id, job.token, outcome).await, Settled::Stale);
    assert_eq!(t.state(job.id).await, State::Running);
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
}

pub async fn an_unknown_job_is_stale<H: Harness>(t: Trial<H>) {
    let outcome = Outcome::Succeed(payload("x"));
    let settled = t.settle_as(t.session, JobId::from_bits(5), Token(1), outcome).await;
    assert_eq!(settled, Settled::Stale);
}

pub async fn a_job_that_was_never_claimed_cannot_be_settled<H: Harness>(t: Trial<H>) {
    let id = t.add(t.job()).await;
    for outcome in every_outcome() {
        let settled = t.settle_as(t.session, id, Token(0), outcome).await;
        assert_eq!(settled, Settled::Stale);
    }
    assert_eq!(t.state(id).await, State::Ready);
}

pub async fn an_entry_twice_in_one_batch_is_recorded_once<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    let entries = vec![
        t.settlement(&job, Outcome::Succeed(payload("first"))),
        t.settlement(&job, Outcome::Fail(failure("second"))),
    ];
    let answers = t.store.settle(Settle { session: t.session, entries }).await.expect("settle");
    assert_eq!(answers, [Settled::Accepted, Settled::Stale]);
    assert_eq!(t.state(job.id).await, State::Succeeded);
}

/// One lost job must not cost the others their results.
pub async fn one_stale_entry_does_not_harm_the_other_999<H: Harness>(t: Trial<H>) {
    t.add_many(BATCH_MAX).await;
    let jobs = t.claim(BATCH_MAX).await;
    t.end(&jobs[500], Outcome::Succeed(payload("before"))).await;
    let entries = jobs.iter().map(|job| t.settlement(job, Outcome::Succeed(payload("batch"))));
    let settle = Settle { session: t.session, entries: entries.collect() };
    let answers = t.store.settle(settle).await.expect("settle");
    for (i, answer) in answers.iter().enumerate() {
        let expected = if i == 500 { Settled::Stale } else { Settled::Accepted };
        assert_eq!(*answer, expected, "entry {i}");
    }
    assert_eq!(t.counts("default").await.succeeded, BATCH_MAX as u64);
    assert_eq!(t.record(jobs[500].id).await.result, Some(payload("before")));
}

pub async fn stale_entries_of_every_kind_do_not_harm_their_batch<H: Harness>(t: Trial<H>) {
    t.add_many(3).await;
    let jobs = t.claim(3).await;
    let good = |i: usize| t.settlement(&jobs[i], Outcome::Succeed(payload("ok")));
    let wrong_token = Settlement { token: Token(99), ..good(1) };
    let unknown = Settlement { job: JobId::from_bits(5), ..good(1) };
    let entries = vec![wrong_token, good(0), unknown, good(1), good(0), good(2)];
    let answers = t.store.settle(Settle { session: t.session, entries }).await.expect("settle");
    let (yes, no) = (Settled::Accepted, Settled::Stale);
    assert_eq!(answers, [no, yes, no, yes, no, yes]);
    assert_eq!(t.counts("default").await.succeeded, 3);
}

/// A worker that stalled, lost its lease and wakes up again meets a job that somebody else runs.
pub async fn after_a_sweep_the_old_attempt_can_report_nothing<H: Harness>(t: Trial<H>) {
    t.add(t.job()).await;
    let stalled = t.open_another(seconds(10)).await;
    let old = t.claim_for(stalled, 1).await.remove(0);
    t.advance(seconds(11));
    t.sweep().await;
    let new = t.claim_one().await;
    for outcome in every_outcome() {
        assert_eq!(t.settle_as(stalled, old.id, old.token, outcome).await, Settled::Stale);
    }
    assert_eq!(t.record(old.id).await.session, Some(t.session));
    t.end(&new, Outcome::Succeed(payload("ok"))).await;
}

/// The same worker takes its own job again: job and session are the same, only the token differs.
pub async fn an_old_token_is_refused_although_the_same_worker_has_the_job_again<H: Harness>(
    t: Trial<H>,
) {
    let old = t.running(t.job()).await;
    t.end(&old, Outcome::Release).await;
    let new = t.claim_one().await;
    assert_eq!((new.id, new.token), (old.id, old.token.next()));
    assert_eq!(t.settle(&old, Outcome::Succeed(payload("old"))).await, Settled::Stale);
    assert_eq!(t.settle(&new, Outcome::Succeed(payload("new"))).await, Settled::Accepted);
    assert_eq!(t.record(new.id).await.result, Some(payload("new")));
}

pub async fn a_reopened_session_does_not_bring_its_old_tokens_back<H: Harness>(t: Trial<H>) {
    t.add(t.job()).await;
    let session = t.open_another(seconds(10)).await;
    let old = t.claim_for(session, 1).await.remove(0);
    t.advance(seconds(11));
    t.sweep().await;
    t.open(session, seconds(10)).await;
    let outcome = Outcome::Succeed(payload("old"));
    assert_eq!(t.settle_as(session, old.id, old.token, outcome).await, Settled::Stale);
    assert_eq!(t.state(old.id).await, State::Ready);
}

pub async fn a_requeued_job_refuses_the_token_of_its_former_life<H: Harness>(t: Trial<H>) {
    let old = t.running(t.job()).await;
    t.end(&old, Outcome::Fail(failure("x"))).await;
    t.requeue(old.id).await;
    let new = t.claim_one().await;
    assert_eq!(new.token, old.token.next());
    assert_eq!(t.settle(&old, Outcome::Succeed(payload("old"))).await, Settled::Stale);
}
