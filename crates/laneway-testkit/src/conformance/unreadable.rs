//! Jobs that their store cannot read.

use laneway_core::error::Code;
use laneway_core::id::JobId;
use laneway_core::job::State;
use laneway_core::store::{
    Cancelled, ClaimedJob, Due, Durability, ListJobs, NewJob, Outcome, Prune, Settle, Settled,
    Store,
};

use super::Harness;
use super::trial::{Trial, ids, payload, queue, rate, seconds};

/// A job that will be broken, and one on each side of it.
struct Three {
    before: JobId,
    broken: JobId,
    after: JobId,
}

/// Adds three jobs like this one.
async fn add<H: Harness>(t: &Trial<H>, like: &NewJob) -> Three {
    let jobs: Vec<_> = (0..3).map(|_| NewJob { id: t.job().id, ..like.clone() }).collect();
    let added: Vec<_> = t.enqueue(jobs).await.into_iter().map(|answer| answer.id).collect();
    Three { before: added[0], broken: added[1], after: added[2] }
}

/// Adds three jobs like this one and breaks the second.
async fn add_broken<H: Harness>(t: &Trial<H>, like: &NewJob, way: &str) -> Three {
    let three = add(t, like).await;
    t.damage(three.broken, way);
    three
}

fn sound(jobs: &[ClaimedJob], three: &Three) -> Vec<JobId> {
    let wanted = [three.before, three.after];
    ids(jobs).into_iter().filter(|id| wanted.contains(id)).collect()
}

/// Claims until nothing more is to be had, and ends what came.
async fn run_all<H: Harness>(t: &Trial<H>) -> Vec<ClaimedJob> {
    let mut all = Vec::new();
    for _ in 0..20 {
        let claimed = t.claim(10).await;
        if claimed.is_empty() {
            return all;
        }
        for job in &claimed {
            t.end(job, Outcome::Succeed(payload("ok"))).await;
        }
        all.extend(claimed);
    }
    panic!("the claims never end");
}

/// The job has failed, says why, and nobody holds it.
async fn has_failed<H: Harness>(t: &Trial<H>, id: JobId, way: &str) {
    let record = t.record(id).await;
    assert_eq!(record.state, State::Failed, "{way}");
    let failure = record.failure.unwrap_or_else(|| panic!("{way}: it says why"));
    assert_eq!(failure.code, Code::JobUnreadable.to_string(), "{way}");
    assert!(!failure.message.is_empty());
    assert_eq!(record.session, None, "{way}");
    let ends = t.store.finished(vec![id]).await.expect("finished");
    assert_eq!((ends.len(), ends[0].state), (1, State::Failed), "{way}");
}

pub async fn a_durable_store_can_be_damaged<H: Harness>(t: Trial<H>) {
    let is_durable = t.store.capabilities().durability > Durability::Memory;
    assert_eq!(is_durable, !H::DAMAGES.is_empty(), "what outlives a process can be damaged");
}

pub async fn an_unreadable_job_fails_at_its_claim_and_the_others_run<H: Harness>(t: Trial<H>) {
    for way in H::DAMAGES {
        let three = add_broken(&t, &t.job(), way).await;
        let claimed = t.take(t.claim_of(10)).await;
        assert_eq!(sound(&claimed.jobs, &three), [three.before, three.after], "{way}");
        assert_eq!(claimed.jobs.len(), 2, "{way}: only the others are delivered");
        assert!(
            claimed.next_due_at.is_some_and(|at| at <= claimed.now),
            "{way}: there may be more"
        );
        has_failed(&t, three.broken, way).await;
        assert_eq!(t.store.sessions().await.expect("sessions")[0].running, 2, "{way}");
        for job in &claimed.jobs {
            t.end(job, Outcome::Succeed(payload("ok"))).await;
        }
        assert!(t.claim(10).await.is_empty(), "{way}: it does not come again");
    }
}

pub async fn an_unreadable_job_that_was_scheduled_fails_when_it_is_due<H: Harness>(t: Trial<H>) {
    for way in H::DAMAGES {
        let three = add_broken(&t, &t.job_due(Due::After(seconds(5))), way).await;
        assert!(t.claim(10).await.is_empty(), "{way}");
        t.advance(seconds(6));
        let claimed = run_all(&t).await;
        assert_eq!(sound(&claimed, &three), [three.before, three.after], "{way}");
        assert_eq!(claimed.len(), 2, "{way}");
        t.sweep().await;
        has_failed(&t, three.broken, way).await;
        assert_eq!(t.take(t.claim_of(10)).await.next_due_at, None, "{way}: nothing is due");
    }
}

pub async fn an_unreadable_job_with_a_limit_fails_and_its_limit_serves_others<H: Harness>(
    t: Trial<H>,
) {
    for way in H::DAMAGES {
        let three = add_broken(&t, &t.job_limited(way, rate(10, 10)), way).await;
        let claimed = run_all(&t).await;
        assert_eq!(sound(&claimed, &three), [three.before, three.after], "{way}");
        has_failed(&t, three.broken, way).await;
        assert_eq!(t.take(t.claim_of(10)).await.next_due_at, None, "{way}: nobody waits");
    }
}

/// A session whose end met an unreadable job and failed would hold all its jobs for ever.
pub async fn an_unreadable_job_keeps_no_session_from_its_end<H: Harness>(t: Trial<H>) {
    for way in H::DAMAGES {
        let three = add(&t, &t.job()).await;
        let lost = t.open_another(seconds(30)).await;
        assert_eq!(t.claim_for(lost, 10).await.len(), 3);
        t.damage(three.broken, way);
        t.store.cancel(vec![three.broken]).await.expect("cancel");
        t.renew(lost, seconds(30)).await.unwrap_or_else(|code| panic!("{way}: {code}"));
        t.advance(seconds(60));
        for _ in 0..10 {
            if !t.sweep().await.more {
                break;
            }
        }
        let claimed = run_all(&t).await;
        assert_eq!(sound(&claimed, &three), [three.before, three.after], "{way}");
        assert_eq!(claimed.len(), 2, "{way}");
        assert!(t.record(three.broken).await.state.is_terminal(), "{way}");
        assert_eq!(t.store.sessions().await.expect("sessions").len(), 1, "{way}");
    }
}

pub async fn an_unreadable_job_keeps_no_attempt_from_its_end<H: Harness>(t: Trial<H>) {
    for way in H::DAMAGES {
        let three = add(&t, &t.job()).await;
        let claimed = t.claim(10).await;
        t.damage(three.broken, way);
        let fail = |job| t.settlement(job, Outcome::Release);
        let settle = Settle { session: t.session, entries: claimed.iter().map(fail).collect() };
        let answers = t.store.settle(settle).await.expect("settle");
        assert_eq!((answers[0], answers[2]), (Settled::Accepted, Settled::Accepted), "{way}");
        let claimed = run_all(&t).await;
        assert_eq!(sound(&claimed, &three), [three.before, three.after], "{way}");
        assert_eq!(claimed.len(), 2, "{way}");
        has_failed(&t, three.broken, way).await;
    }
}

pub async fn unreadable_jobs_are_listed_and_counted_beside_the_others<H: Harness>(t: Trial<H>) {
    let name = queue("mail");
    for (index, way) in H::DAMAGES.iter().enumerate() {
        let three = add_broken(&t, &t.job_in("mail"), way).await;
        let page = t.store.list_jobs(ListJobs { jobs_max: 3, ..ListJobs::default() }).await;
        let jobs = page.unwrap_or_else(|error| panic!("{way}: {error}")).jobs;
        let mut listed: Vec<_> = jobs.iter().map(|job| job.id).collect();
        listed.sort_unstable();
        assert_eq!(listed, [three.before, three.broken, three.after], "{way}");
        let flawed = |id| jobs.iter().find(|job| job.id == id).map(|job| job.unreadable.is_some());
        assert_eq!(flawed(three.broken), Some(true), "{way}");
        assert_eq!(flawed(three.after), Some(false), "{way}");
        assert!(t.record(three.broken).await.unreadable.is_some(), "{way}");
        let queues = t.store.queues().await.unwrap_or_else(|error| panic!("{way}: {error}"));
        let mail = queues.iter().find(|record| record.name == name).expect("the queue");
        assert_eq!(mail.counts.ready, 3 * (index as u64 + 1), "{way}");
        assert!(mail.oldest_ready.is_some(), "{way}");
    }
}

pub async fn an_unreadable_job_is_decided_upon_beside_others<H: Harness>(t: Trial<H>) {
    for way in H::DAMAGES {
        let three = add_broken(&t, &t.job(), way).await;
        let jobs = vec![three.before, three.broken, three.after];
        let answers = t.store.cancel(jobs.clone()).await;
        let answers = answers.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert_eq!((answers[0], answers[2]), (Cancelled::Done, Cancelled::Done), "{way}");
        let requeued = t.store.requeue(jobs).await;
        requeued.unwrap_or_else(|error| panic!("{way}: {error}"));
        let claimed = run_all(&t).await;
        assert_eq!(sound(&claimed, &three), [three.before, three.after], "{way}");
        assert!(t.record(three.broken).await.state.is_terminal(), "{way}");
    }
}

pub async fn an_unreadable_job_is_pruned_after_its_end<H: Harness>(t: Trial<H>) {
    for way in H::DAMAGES {
        add_broken(&t, &t.job(), way).await;
        run_all(&t).await;
        t.advance(seconds(60));
        let prune = Prune { older_than: seconds(30), jobs_max: 100 };
        assert_eq!(t.store.prune(prune).await.expect("prune"), 3, "{way}");
        let counts = t.counts("default").await;
        assert_eq!(counts.total(), 0, "{way}: {counts:?}");
    }
}
