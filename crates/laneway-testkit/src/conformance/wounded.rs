//! Jobs of which a part is broken that need not keep them from running.

use laneway_core::clock::Timestamp;
use laneway_core::id::JobId;
use laneway_core::job::State;
use laneway_core::store::{
    ClaimedJob, Due, NewJob, Outcome, Prune, Requeued, Settle, Settled, Store,
};

use super::trial::{Trial, failure, ids, payload, rate, seconds};
use super::{COUNTERS_FULL, Harness, JOB_GONE, LIMIT_GONE, LIMIT_SPENT};

/// The least that a full counter is, whatever the width of a store's column.
const FULL: u32 = i32::MAX.unsigned_abs();

/// What lives in one process cannot be reached from outside.
fn can_be_broken<H: Harness>() -> bool {
    !H::DAMAGES.is_empty()
}

/// Claims until nothing more is to be had, ends what came, and tells which jobs that were.
async fn run_all<H: Harness>(t: &Trial<H>) -> Vec<JobId> {
    let mut all = Vec::new();
    for _ in 0..20 {
        let claimed = t.claim(10).await;
        if claimed.is_empty() {
            all.sort_unstable();
            return all;
        }
        for job in &claimed {
            t.end(job, Outcome::Succeed(payload("ok"))).await;
        }
        all.extend(ids(&claimed));
    }
    panic!("the claims never end");
}

/// Adds so many jobs of one limit and tells their ids.
async fn limited<H: Harness>(t: &Trial<H>, count: usize) -> Vec<JobId> {
    let jobs = (0..count).map(|_| t.job_limited("api", rate(10, 10))).collect();
    t.enqueue(jobs).await.into_iter().map(|answer| answer.id).collect()
}

pub async fn jobs_whose_limit_was_deleted_run_all_the_same<H: Harness>(t: Trial<H>) {
    if !can_be_broken::<H>() {
        return;
    }
    let mut waiting = limited(&t, 5).await;
    let later = Due::After(seconds(5));
    let due = t.add(NewJob { due: later, ..t.job_limited("api", rate(10, 10)) }).await;
    let held = t.claim(2).await;
    assert_eq!(held.len(), 2);
    t.damage(waiting[2], LIMIT_GONE);
    t.end(&held[0], Outcome::Release).await;
    t.end(&held[1], Outcome::Fail(failure("no"))).await;
    assert_eq!(t.requeue(held[1].id).await, Requeued::Done);
    waiting.push(t.add(t.job()).await);
    assert_eq!(run_all(&t).await, waiting);
    t.advance(seconds(6));
    assert_eq!(run_all(&t).await, [due]);
    assert_eq!(t.take(t.claim_of(10)).await.next_due_at, None, "nobody waits");
    t.advance(seconds(60));
    let prune = Prune { older_than: seconds(30), jobs_max: 100 };
    assert_eq!(t.store.prune(prune).await.expect("prune"), 7);
}

pub async fn a_job_whose_limit_was_deleted_says_so<H: Harness>(t: Trial<H>) {
    if !can_be_broken::<H>() {
        return;
    }
    let job = limited(&t, 1).await[0];
    assert_eq!(t.record(job).await.unreadable, None);
    t.damage(job, LIMIT_GONE);
    let record = t.record(job).await;
    assert!(record.limit.is_none() && record.unreadable.is_some(), "{record:?}");
}

pub async fn a_limit_that_was_deleted_is_made_anew<H: Harness>(t: Trial<H>) {
    if !can_be_broken::<H>() {
        return;
    }
    let old = limited(&t, 3).await;
    t.damage(old[0], LIMIT_GONE);
    let slow = (0..3).map(|_| t.job_limited("api", rate(1, 1))).collect();
    let new: Vec<_> = t.enqueue(slow).await.into_iter().map(|answer| answer.id).collect();
    let mut run = run_all(&t).await;
    assert!(run.iter().filter(|id| new.contains(id)).count() <= 1, "the new rate counts");
    for _ in 0..6 {
        t.advance(seconds(1));
        run.extend(run_all(&t).await);
    }
    run.sort_unstable();
    assert_eq!(run, [old, new].concat());
    t.advance(seconds(60));
    let prune = Prune { older_than: seconds(30), jobs_max: 100 };
    assert_eq!(t.store.prune(prune).await.expect("prune"), 6);
}

pub async fn what_waits_for_a_deleted_limit_takes_nothing_of_another<H: Harness>(t: Trial<H>) {
    if !can_be_broken::<H>() {
        return;
    }
    let orphan = limited(&t, 1).await[0];
    t.damage(orphan, LIMIT_GONE);
    let other = t.add(t.job_limited("other", rate(1, 1))).await;
    assert_eq!(run_all(&t).await, [orphan, other]);
}

/// Breaks jobs of more limits than a claim has places for, sees the jobs of another limit run, and
/// tells when a claim finds something next.
async fn run_beside_broken<H: Harness>(t: &Trial<H>, way: &str) -> Option<Timestamp> {
    let jobs = ["a", "b", "c", "d", "e"].map(|key| t.job_limited(key, rate(10, 10)));
    let broken = t.enqueue(jobs.to_vec()).await;
    let jobs = (0..3).map(|_| t.job_limited("other", rate(10, 10))).collect();
    let others: Vec<_> = t.enqueue(jobs).await.into_iter().map(|answer| answer.id).collect();
    for job in broken {
        t.damage(job.id, way);
    }
    let mut run = Vec::new();
    for _ in 0..10 {
        let claimed = t.claim(1).await;
        for job in &claimed {
            t.end(job, Outcome::Succeed(payload("ok"))).await;
        }
        run.extend(ids(&claimed));
    }
    assert_eq!(run, others);
    t.take(t.claim_of(1)).await.next_due_at
}

pub async fn a_limit_whose_job_was_deleted_keeps_no_other_from_its_jobs<H: Harness>(t: Trial<H>) {
    if !can_be_broken::<H>() {
        return;
    }
    assert_eq!(run_beside_broken(&t, JOB_GONE).await, None, "nobody waits");
    let again = t.add(t.job_limited("a", rate(10, 10))).await;
    assert_eq!(ids(&t.claim(1).await), [again]);
}

pub async fn a_limit_that_was_spent_by_hand_keeps_no_other_from_its_jobs<H: Harness>(t: Trial<H>) {
    if !can_be_broken::<H>() {
        return;
    }
    let next_due_at = run_beside_broken(&t, LIMIT_SPENT).await;
    assert!(next_due_at.is_some_and(|at| at > t.now()), "{next_due_at:?}");
}

/// Adds three jobs, claims them, and breaks the second.
async fn three_held<H: Harness>(t: &Trial<H>) -> Vec<ClaimedJob> {
    t.add_many(3).await;
    let held = t.claim(10).await;
    assert_eq!(held.len(), 3);
    t.damage(held[1].id, COUNTERS_FULL);
    held
}

pub async fn full_counters_keep_no_attempt_from_its_end<H: Harness>(t: Trial<H>) {
    if !can_be_broken::<H>() {
        return;
    }
    for (outcome, state) in [
        (Outcome::Retry { after: seconds(1), failure: failure("no") }, State::Scheduled),
        (Outcome::HandBack { after: seconds(1) }, State::Scheduled),
        (Outcome::Release, State::Ready),
        (Outcome::Fail(failure("no")), State::Failed),
        (Outcome::Interrupt(failure("gone")), State::Failed),
    ] {
        let held = three_held(&t).await;
        let entries = [Outcome::Release, outcome.clone(), Outcome::Release];
        let entries = held.iter().zip(entries).map(|(job, outcome)| t.settlement(job, outcome));
        let settle = Settle { session: t.session, entries: entries.collect() };
        let answers = t.store.settle(settle).await.expect("settle");
        assert_eq!(answers, [Settled::Accepted; 3], "{outcome:?}");
        let record = t.record(held[1].id).await;
        assert_eq!(record.state, state, "{outcome:?}");
        let counters = [record.failures, record.interrupts, record.handbacks];
        assert!(counters.iter().all(|counter| *counter >= FULL), "{outcome:?}: {record:?}");
        if state == State::Failed {
            assert_eq!(t.requeue(held[1].id).await, Requeued::Done);
        }
        t.advance(seconds(2));
        assert_eq!(run_all(&t).await, ids(&held), "{outcome:?}");
    }
}

pub async fn full_counters_keep_no_session_from_its_end<H: Harness>(t: Trial<H>) {
    if !can_be_broken::<H>() {
        return;
    }
    let lost = t.open_another(seconds(30)).await;
    t.add_many(3).await;
    let held = t.claim_for(lost, 10).await;
    t.damage(held[1].id, COUNTERS_FULL);
    t.advance(seconds(60));
    assert_eq!(t.sweep().await.failed, 1);
    assert_eq!(t.state(held[1].id).await, State::Failed);
    assert_eq!(run_all(&t).await, [held[0].id, held[2].id]);
}
