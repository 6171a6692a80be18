//! Calls that are repeated because their answers were lost.

use std::collections::BTreeSet;

use laneway_core::error::Error;
use laneway_core::job::State;
use laneway_core::store::{
    Cancelled, Claim, ClaimedJob, OpenSession, Outcome, Requeued, Settle, Settled, Store, Sweep,
    Swept,
};

use super::Harness;
use super::trial::{Trial, failure, ids, payload, queue, seconds};
use crate::faulty::{FaultPlan, FaultyStore, Verb};

/// Makes a call whose answer is lost, and makes it again.
async fn twice<S: Store, T, F: Future<Output = Result<T, Error>>>(
    store: &S,
    verb: Verb,
    call: impl Fn(FaultyStore<S>) -> F,
) -> T {
    let plan = FaultPlan::new();
    plan.lose_reply(verb, 1);
    let faulty = FaultyStore::new(store.clone(), plan);
    assert!(call(faulty.clone()).await.is_err(), "the first answer is lost");
    call(faulty).await.unwrap_or_else(|error| panic!("the repeated call: {error}"))
}

fn of(jobs: &[ClaimedJob]) -> Vec<(laneway_core::id::JobId, laneway_core::id::Token)> {
    jobs.iter().map(|job| (job.id, job.token)).collect()
}

pub async fn a_repeated_enqueue_adds_nothing<H: Harness>(t: Trial<H>) {
    let jobs: Vec<_> = (0..10).map(|_| t.job()).collect();
    let answers = twice(&t.store, Verb::Enqueue, |store| {
        let jobs = jobs.clone();
        async move { store.enqueue(jobs).await }
    })
    .await;
    assert!(answers.iter().zip(&jobs).all(|(answer, job)| answer.id == job.id && !answer.created));
    assert_eq!(t.counts("default").await.total(), 10);
}

pub async fn a_repeated_claim_brings_the_same_jobs<H: Harness>(t: Trial<H>) {
    let added = t.add_many(10).await;
    let claim = t.claim_of(4);
    let answer = twice(&t.store, Verb::Claim, |store| {
        let claim = claim.clone();
        async move { store.claim(claim).await }
    })
    .await;
    assert_eq!(ids(&answer.jobs), added[..4]);
    assert!(answer.jobs.iter().all(|job| job.token.0 == 1), "no token was used up");
    assert_eq!(t.counts("default").await.ready, 6);
    assert_eq!(ids(&t.claim(10).await), added[4..]);
}

pub async fn a_repeated_claim_takes_no_second_permit<H: Harness>(t: Trial<H>) {
    t.enqueue((0..6).map(|_| t.job_limited("api", super::rate(1, 3))).collect()).await;
    let claim = t.claim_of(2);
    let first = t.take(claim.clone()).await.jobs;
    let again = t.take(claim).await.jobs;
    assert_eq!(of(&first), of(&again));
    assert_eq!(t.claim(10).await.len(), 1);
}

pub async fn a_repeated_claim_leaves_out_what_was_settled_since<H: Harness>(t: Trial<H>) {
    t.add_many(5).await;
    let claim = t.claim_of(3);
    let jobs = t.take(claim.clone()).await.jobs;
    t.end(&jobs[1], Outcome::Succeed(payload("ok"))).await;
    let again = t.take(claim.clone()).await.jobs;
    assert_eq!(ids(&again), [jobs[0].id, jobs[2].id]);
    for job in &again {
        t.end(job, Outcome::Succeed(payload("ok"))).await;
    }
    assert!(t.take(claim).await.jobs.is_empty());
    assert_eq!(t.counts("default").await.ready, 2);
}

pub async fn a_repeated_claim_leaves_out_what_a_later_claim_took<H: Harness>(t: Trial<H>) {
    t.add_many(2).await;
    let claim = t.claim_of(2);
    let jobs = t.take(claim.clone()).await.jobs;
    t.end(&jobs[0], Outcome::Release).await;
    let before = t.store.job(jobs[0].id).await.expect("job").expect("it is kept");
    assert_eq!(before.state, State::Ready);
    assert_eq!(of(&t.take(claim).await.jobs), [(jobs[1].id, jobs[1].token)]);
    assert_eq!(t.claim_one().await.token, jobs[0].token.next());
}

pub async fn the_same_number_of_another_session_is_another_claim<H: Harness>(t: Trial<H>) {
    t.add_many(4).await;
    let claim = t.claim_of(2);
    let first = t.take(claim.clone()).await.jobs;
    let session = t.open_another(seconds(60)).await;
    let second = t.take(Claim { session, ..claim }).await.jobs;
    let distinct: BTreeSet<_> = ids(&first).into_iter().chain(ids(&second)).collect();
    assert_eq!(distinct.len(), 4);
}

/// The second answer says *stale*, which the caller reads as *already settled*.
pub async fn a_repeated_settlement_changes_nothing<H: Harness>(t: Trial<H>) {
    t.add_many(3).await;
    let jobs = t.claim(3).await;
    let outcomes =
        [Outcome::Succeed(payload("ok")), Outcome::Fail(failure("broken")), Outcome::Release];
    let entries = jobs.iter().zip(outcomes).map(|(job, outcome)| t.settlement(job, outcome));
    let settle = Settle { session: t.session, entries: entries.collect() };
    let answers = twice(&t.store, Verb::Settle, |store| {
        let settle = settle.clone();
        async move { store.settle(settle).await }
    })
    .await;
    assert_eq!(answers, [Settled::Stale; 3]);
    for (job, state) in jobs.iter().zip([State::Succeeded, State::Failed, State::Ready]) {
        assert_eq!(t.state(job.id).await, state);
    }
    assert_eq!(t.record(jobs[1].id).await.failures, 1);
}

pub async fn a_repeated_opening_opens_one_session<H: Harness>(t: Trial<H>) {
    let session = laneway_core::id::SessionId::new(t.now(), 9);
    let open = OpenSession { session, worker: String::from("w"), lease: seconds(60) };
    twice(&t.store, Verb::OpenSession, |store| {
        let open = open.clone();
        async move { store.open_session(open).await }
    })
    .await;
    assert_eq!(t.store.sessions().await.expect("sessions").len(), 2);
}

pub async fn a_repeated_closing_interrupts_once<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    let session = t.session;
    twice(&t.store, Verb::CloseSession, |store| async move { store.close_session(session).await })
        .await;
    assert_eq!(t.record(job.id).await.interrupts, 1);
}

pub async fn a_repeated_sweep_interrupts_once<H: Harness>(t: Trial<H>) {
    t.add(t.job()).await;
    let session = t.open_another(seconds(10)).await;
    let job = t.claim_for(session, 1).await.remove(0);
    t.advance(seconds(11));
    let swept =
        twice(
            &t.store,
            Verb::Sweep,
            |store| async move { store.sweep(Sweep { jobs_max: 10 }).await },
        )
        .await;
    assert_eq!(swept, Swept::default());
    assert_eq!(t.record(job.id).await.interrupts, 1);
}

pub async fn a_repeated_wish_of_a_person_is_one_wish<H: Harness>(t: Trial<H>) {
    let id = t.add(t.job()).await;
    let cancelled =
        twice(&t.store, Verb::Cancel, |store| async move { store.cancel(vec![id]).await }).await;
    assert_eq!(cancelled, [Cancelled::TooLate]);
    let requeued =
        twice(&t.store, Verb::Requeue, |store| async move { store.requeue(vec![id]).await }).await;
    assert_eq!(requeued, [Requeued::Refused(State::Ready)]);
    twice(
        &t.store,
        Verb::PauseQueue,
        |store| async move { store.pause_queue(queue("default")).await },
    )
    .await;
    assert!(t.claim(1).await.is_empty());
}
