//! What time has overtaken.

use laneway_core::error::Code;
use laneway_core::interrupt::OnInterrupt;
use laneway_core::job::State;
use laneway_core::policy::Policy;
use laneway_core::store::{
    Cancelled, ClaimedJob, Due, NewJob, Outcome, Settled, Store, Sweep, Swept,
};

use super::Harness;
use super::trial::{Trial, payload, rate, seconds};

/// Adds jobs and lets a session take them whose lease then runs out.
async fn abandoned<H: Harness>(t: &Trial<H>, jobs: Vec<NewJob>) -> Vec<ClaimedJob> {
    let count = jobs.len();
    t.enqueue(jobs).await;
    let session = t.open_another(seconds(10)).await;
    let claimed = t.claim_for(session, count).await;
    assert_eq!(claimed.len(), count);
    t.advance(seconds(11));
    claimed
}

pub async fn a_store_where_nothing_is_late_has_nothing_to_sweep<H: Harness>(t: Trial<H>) {
    t.running(t.job()).await;
    t.add(t.job_due(Due::After(seconds(60)))).await;
    assert_eq!(t.sweep().await, Swept::default());
}

pub async fn the_jobs_of_a_dead_worker_are_ready_again<H: Harness>(t: Trial<H>) {
    let job = abandoned(&t, vec![t.job()]).await.remove(0);
    let swept = t.sweep().await;
    assert_eq!(swept, Swept { sessions_expired: 1, released: 1, ..Swept::default() });
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.interrupts, record.session), (State::Ready, 1, None));
    assert_eq!(t.claim_one().await.token, job.token.next());
}

pub async fn a_swept_job_says_which_worker_was_lost<H: Harness>(t: Trial<H>) {
    let job = abandoned(&t, vec![t.job()]).await.remove(0);
    let session = t.record(job.id).await.session.expect("it runs");
    t.sweep().await;
    let failure = t.record(job.id).await.failure.expect("an interrupted job says why");
    assert_eq!(failure.code, Code::RunnerDied.to_string());
    let expected = format!("the worker `worker {session}` stopped renewing its lease");
    assert_eq!(failure.message, expected);
}

pub async fn a_job_of_a_dead_worker_is_parked_when_its_policy_forbids_to_guess<H: Harness>(
    t: Trial<H>,
) {
    let policy = Policy { on_interrupt: OnInterrupt::Park, ..Policy::default() };
    let job = abandoned(&t, vec![t.job_under(policy)]).await.remove(0);
    assert_eq!(t.sweep().await.parked, 1);
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.finished_at), (State::Parked, Some(t.now())));
    let failure = record.failure.expect("a parked job says why");
    assert_eq!(failure.code, Code::OutcomeUnknown.to_string());
}

pub async fn a_job_that_loses_too_many_workers_fails_as_poison<H: Harness>(t: Trial<H>) {
    let policy = Policy { interrupts_max: 1, ..Policy::default() };
    let job = abandoned(&t, vec![t.job_under(policy)]).await.remove(0);
    assert_eq!(t.sweep().await.failed, 1);
    let record = t.record(job.id).await;
    assert_eq!(record.state, State::Failed);
    let failure = record.failure.expect("a failed job says why");
    assert_eq!(failure.code, Code::JobPoisonous.to_string());
    assert!(failure.message.contains("stopped renewing its lease"), "{failure:?}");
}

pub async fn a_job_that_shall_be_cancelled_ends_with_its_worker<H: Harness>(t: Trial<H>) {
    let job = abandoned(&t, vec![t.job()]).await.remove(0);
    assert_eq!(t.cancel(job.id).await, Cancelled::Asked);
    t.sweep().await;
    assert_eq!(t.state(job.id).await, State::Cancelled);
}

pub async fn a_second_sweep_finds_nothing<H: Harness>(t: Trial<H>) {
    abandoned(&t, vec![t.job(), t.job()]).await;
    t.sweep().await;
    assert_eq!(t.sweep().await, Swept::default());
}

pub async fn a_living_session_keeps_its_jobs<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    abandoned(&t, vec![t.job()]).await;
    t.sweep().await;
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
}

pub async fn an_expired_session_without_jobs_is_gone<H: Harness>(t: Trial<H>) {
    t.open_another(seconds(10)).await;
    t.advance(seconds(11));
    assert_eq!(t.sweep().await, Swept { sessions_expired: 1, ..Swept::default() });
}

/// A handler may hang although its worker lives and renews its session.
pub async fn a_job_beyond_its_deadline_is_interrupted_although_its_session_lives<H: Harness>(
    t: Trial<H>,
) {
    let policy = Policy { timeout: Some(seconds(30)), grace: seconds(5), ..Policy::default() };
    let job = t.running(t.job_under(policy)).await;
    t.advance(seconds(30 + 5 + 60 - 1));
    assert_eq!(t.sweep().await, Swept::default());
    t.advance(seconds(2));
    assert_eq!(t.sweep().await, Swept { released: 1, ..Swept::default() });
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.interrupts), (State::Ready, 1));
    let code = record.failure.map(|failure| failure.code);
    assert_eq!(code, Some(Code::AttemptTimedOut.to_string()));
    assert_eq!(t.settle(&job, Outcome::Release).await, Settled::Stale);
}

pub async fn a_job_without_a_timeout_has_no_deadline<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.advance(seconds(5 * 24 * 3_600));
    assert_eq!(t.sweep().await, Swept::default());
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
}

pub async fn a_deadline_counts_from_the_present_claim<H: Harness>(t: Trial<H>) {
    let policy = Policy { timeout: Some(seconds(30)), grace: seconds(5), ..Policy::default() };
    let job = t.running(t.job_under(policy)).await;
    t.advance(seconds(90));
    t.end(&job, Outcome::Release).await;
    let job = t.claim_one().await;
    t.advance(seconds(90));
    assert_eq!(t.sweep().await, Swept::default());
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
}

pub async fn a_bounded_sweep_says_that_there_is_more<H: Harness>(t: Trial<H>) {
    let jobs = (0..25).map(|_| t.job()).collect();
    abandoned(&t, jobs).await;
    let mut total = Swept::default();
    for round in 0.. {
        let swept = t.store.sweep(Sweep { jobs_max: 10 }).await.expect("sweep");
        assert!(swept.released <= 10);
        total.sessions_expired += swept.sessions_expired;
        total.released += swept.released;
        if !swept.more {
            break;
        }
        assert!(round < 5, "it never ends");
    }
    assert_eq!(total, Swept { sessions_expired: 1, released: 25, ..Swept::default() });
    assert_eq!(t.claim(100).await.len(), 25);
}

/// Its other jobs are to be interrupted by the next round; it must not slip back in between.
pub async fn a_session_that_is_swept_in_part_is_lost_wholly<H: Harness>(t: Trial<H>) {
    let jobs = abandoned(&t, (0..5).map(|_| t.job()).collect()).await;
    let session = t.record(jobs[0].id).await.session.expect("it runs");
    t.store.sweep(Sweep { jobs_max: 2 }).await.expect("sweep");
    assert_eq!(t.renew(session, seconds(10)).await, Err(Code::SessionLost));
    for job in &jobs {
        let outcome = Outcome::Succeed(payload("late"));
        assert_eq!(t.settle_as(session, job.id, job.token, outcome).await, Settled::Stale);
    }
    for _ in 0..5 {
        t.store.sweep(Sweep { jobs_max: 2 }).await.expect("sweep");
    }
    assert_eq!(t.counts("default").await.ready, 5);
}

pub async fn the_last_round_of_a_sweep_still_knows_the_lost_worker<H: Harness>(t: Trial<H>) {
    let jobs = abandoned(&t, (0..5).map(|_| t.job()).collect()).await;
    let session = t.record(jobs[0].id).await.session.expect("it runs");
    for _ in 0..5 {
        t.store.sweep(Sweep { jobs_max: 2 }).await.expect("sweep");
    }
    for job in &jobs {
        let failure = t.record(job.id).await.failure;
        let failure = failure.expect("an interrupted job says why");
        let worker = format!("`worker {session}`");
        assert!(failure.message.contains(&worker), "{failure:?}");
    }
}

pub async fn due_jobs_are_made_ready<H: Harness>(t: Trial<H>) {
    let id = t.add(t.job_due(Due::After(seconds(5)))).await;
    let later = t.add(t.job_due(Due::After(seconds(50)))).await;
    t.advance(seconds(6));
    assert_eq!(t.sweep().await, Swept { promoted: 1, ..Swept::default() });
    assert_eq!(t.state(id).await, State::Ready);
    assert_eq!(t.state(later).await, State::Scheduled);
}

pub async fn due_jobs_are_made_ready_within_the_bound<H: Harness>(t: Trial<H>) {
    t.enqueue((0..25).map(|_| t.job_due(Due::After(seconds(5)))).collect()).await;
    t.advance(seconds(6));
    let swept = t.store.sweep(Sweep { jobs_max: 10 }).await.expect("sweep");
    assert_eq!((swept.promoted, swept.more), (10, true));
    assert_eq!(t.counts("default").await.ready, 10);
}

pub async fn a_swept_job_with_a_limit_waits_for_its_next_permit<H: Harness>(t: Trial<H>) {
    let one_a_minute = laneway_core::limit::Rate::new(1, seconds(60), 1).expect("a rate");
    abandoned(&t, vec![t.job_limited("smtp", one_a_minute)]).await;
    t.sweep().await;
    assert!(t.claim(1).await.is_empty(), "the permit of the lost attempt is spent");
    t.advance(seconds(60));
    t.claim_one().await;
    t.add(t.job_limited("other", rate(1, 1))).await;
    t.claim_one().await;
}
