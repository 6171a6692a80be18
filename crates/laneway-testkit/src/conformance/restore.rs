//! Jobs that come from another store.

use laneway_core::error::Code;
use laneway_core::id::{JobId, Token};
use laneway_core::job::{Priority, State};
use laneway_core::store::{
    Due, Enqueued, JobRecord, NewJob, Outcome, Progress, Prune, Store, UniqueKey, UniqueScope,
    Watch,
};

use super::Harness;
use super::trial::{Trial, failure, ids, payload, rate, seconds};

/// The record of a job under another id, as if it came from another store.
async fn copy<H: Harness>(t: &Trial<H>, id: JobId) -> JobRecord {
    JobRecord { id: t.job().id, ..t.record(id).await }
}

async fn restore<H: Harness>(t: &Trial<H>, jobs: Vec<JobRecord>) -> Vec<Enqueued> {
    t.store.restore(jobs).await.expect("restore")
}

/// Restores one job, which nothing keeps out.
async fn bring<H: Harness>(t: &Trial<H>, job: JobRecord) -> JobId {
    assert_eq!(restore(t, vec![job.clone()]).await, [Enqueued { id: job.id, created: true }]);
    job.id
}

/// Jobs that have come to every state but `running`, by ways that leave something behind.
async fn jobs_of_every_state<H: Harness>(t: &Trial<H>) -> Vec<JobId> {
    let mut jobs = Vec::new();
    for outcome in [
        Outcome::Succeed(payload("ok")),
        Outcome::Retry { after: seconds(3_600), failure: failure("again") },
        Outcome::Fail(failure("broken")),
        Outcome::Cancel(failure("stopped")),
        Outcome::Release,
        Outcome::HandBack { after: seconds(3_600) },
        Outcome::Park(failure("unknown")),
    ] {
        let limited = NewJob { priority: priority(7), ..t.job_limited("api", rate(900, 900)) };
        let job = t.running(limited).await;
        let progress = Progress {
            job: job.id,
            token: job.token,
            done: 2.0,
            of: Some(5.5),
            note: String::from("page 2"),
        };
        t.store.report_progress(t.session, vec![progress]).await.expect("progress");
        t.advance(seconds(1));
        t.end(&job, outcome.clone()).await;
        if outcome == Outcome::Release {
            // Nothing else may be ready while the next one is claimed.
            t.cancel(job.id).await;
            t.requeue(job.id).await;
            let again = t.claim_one().await;
            t.end(&again, Outcome::HandBack { after: seconds(1_800) }).await;
        }
        jobs.push(job.id);
    }
    jobs.push(t.add(t.job_due(Due::After(seconds(60)))).await);
    jobs.push(t.add(t.job()).await);
    jobs
}

pub async fn a_job_of_every_state_comes_back_as_it_stood<H: Harness>(t: Trial<H>) {
    let mut copies = Vec::new();
    for id in jobs_of_every_state(&t).await {
        copies.push(copy(&t, id).await);
    }
    for state in State::ALL.into_iter().filter(|state| *state != State::Running) {
        assert!(copies.iter().any(|job| job.state == state), "{state:?} is missing");
    }
    t.advance(seconds(5));
    let answers = restore(&t, copies.clone()).await;
    assert!(answers.iter().all(|answer| answer.created));
    for copy in copies {
        assert_eq!(t.record(copy.id).await, copy);
    }
}

pub async fn a_restored_job_can_be_claimed_under_its_next_token<H: Harness>(t: Trial<H>) {
    let source = t.running(t.job()).await;
    t.end(&source, Outcome::Retry { after: seconds(1), failure: failure("again") }).await;
    let copy = copy(&t, source.id).await;
    t.cancel(source.id).await;
    let id = bring(&t, copy).await;
    t.advance(seconds(1));
    let job = t.claim_one().await;
    assert_eq!((job.id, job.token, job.failures), (id, Token(2), 1));
    assert_eq!(job.args, source.args);
    t.end(&job, Outcome::Succeed(payload("done"))).await;
    assert_eq!(t.state(id).await, State::Succeeded);
}

pub async fn restored_jobs_stand_in_line_in_the_order_of_the_batch<H: Harness>(t: Trial<H>) {
    let first = t.add(t.job()).await;
    let template = copy(&t, first).await;
    let mut copies: Vec<_> =
        (0..5).map(|_| JobRecord { id: t.job().id, ..template.clone() }).collect();
    copies.reverse();
    copies.push(JobRecord { id: t.job().id, priority: priority(1), ..template });
    restore(&t, copies.clone()).await;
    let mut expected: Vec<_> = copies.iter().map(|job| job.id).collect();
    expected.rotate_right(1);
    expected.insert(1, first);
    assert_eq!(ids(&t.claim(10).await), expected);
}

pub async fn a_known_job_is_not_restored_again<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Retry { after: seconds(9), failure: failure("again") }).await;
    let before = t.record(job.id).await;
    let other = JobRecord { state: State::Ready, due_at: None, ..before.clone() };
    let twice = copy(&t, job.id).await;
    let answers = restore(&t, vec![other, twice.clone(), twice.clone()]).await;
    let created: Vec<_> = answers.iter().map(|answer| answer.created).collect();
    assert_eq!(created, [false, true, false]);
    assert_eq!(t.record(job.id).await, before);
    assert_eq!(t.counts("default").await.scheduled, 2);
}

pub async fn a_running_job_is_refused_and_nothing_is_restored<H: Harness>(t: Trial<H>) {
    let waiting = t.add(t.job_due(Due::After(seconds(9)))).await;
    let running = t.running(t.job()).await;
    let copies = vec![copy(&t, waiting).await, copy(&t, running.id).await];
    let error = t.store.restore(copies.clone()).await.expect_err("one of them is running");
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(t.store.job(copies[0].id).await.expect("job"), None);
}

pub async fn a_restored_job_holds_its_key_for_as_long_as_it_would_have<H: Harness>(t: Trial<H>) {
    for (scope, holds_when_ended) in [(UniqueScope::Unfinished, false), (UniqueScope::Kept, true)] {
        for state in [State::Ready, State::Cancelled] {
            let source = t.add(t.job()).await;
            let unique = UniqueKey { scope, text: format!("{state:?}") };
            t.cancel(source).await;
            let ended = JobRecord { unique: Some(unique.clone()), ..copy(&t, source).await };
            let waiting = JobRecord { state, failure: None, finished_at: None, ..ended.clone() };
            let job = if state == State::Ready { waiting } else { ended };
            let id = bring(&t, job).await;
            assert_eq!(t.record(id).await.unique, Some(unique.clone()));
            let new = NewJob { unique: Some(unique), ..t.job() };
            let answer = t.enqueue(vec![new]).await[0];
            assert_eq!(answer.id == id, state == State::Ready || holds_when_ended);
        }
    }
}

pub async fn a_job_whose_key_is_held_is_not_restored<H: Harness>(t: Trial<H>) {
    let unique = Some(UniqueKey { scope: UniqueScope::Unfinished, text: String::from("k") });
    let holder = t.add(NewJob { unique, ..t.job() }).await;
    let waiting = copy(&t, holder).await;
    let answers = restore(&t, vec![waiting.clone()]).await;
    assert_eq!(answers, [Enqueued { id: holder, created: false }]);
    assert_eq!(t.store.job(waiting.id).await.expect("job"), None);
}

pub async fn a_restored_job_waits_for_its_limit<H: Harness>(t: Trial<H>) {
    let source = t.add(t.job_limited("api", rate(1, 1))).await;
    let copies = vec![copy(&t, source).await, copy(&t, source).await];
    t.cancel(source).await;
    restore(&t, copies).await;
    assert_eq!(t.claim(10).await.len(), 1);
    assert!(t.claim(10).await.is_empty());
    t.advance(seconds(1));
    assert_eq!(t.claim(10).await.len(), 1);
}

pub async fn a_restored_job_that_is_due_is_made_ready<H: Harness>(t: Trial<H>) {
    let source = t.add(t.job_due(Due::After(seconds(5)))).await;
    let due = copy(&t, source).await;
    t.cancel(source).await;
    t.advance(seconds(60));
    let undated = JobRecord { id: t.job().id, due_at: None, ..due.clone() };
    let mut expected = vec![bring(&t, due).await, bring(&t, undated).await];
    let mut claimed = ids(&t.claim(10).await);
    expected.sort_unstable();
    claimed.sort_unstable();
    assert_eq!(claimed, expected);
}

pub async fn a_restored_end_is_forgotten_by_its_own_age<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
    let copy = copy(&t, job.id).await;
    t.advance(seconds(100));
    let id = bring(&t, copy).await;
    let older_than = seconds(99);
    let pruned = t.store.prune(Prune { older_than, jobs_max: 10 }).await.expect("prune");
    assert_eq!(pruned, 2);
    assert_eq!(t.store.job(id).await.expect("job"), None);
}

pub async fn restored_jobs_are_counted<H: Harness>(t: Trial<H>) {
    let jobs = jobs_of_every_state(&t).await;
    let before = t.counts("default").await;
    let mut copies = Vec::new();
    for id in jobs {
        copies.push(copy(&t, id).await);
    }
    restore(&t, copies).await;
    let after = t.counts("default").await;
    for state in State::ALL {
        assert_eq!(after.get(state), 2 * before.get(state), "{state:?}");
    }
}

pub async fn a_restored_job_rings<H: Harness>(t: Trial<H>) {
    let source = t.add(t.job()).await;
    let copy = copy(&t, source).await;
    let mut watch = t.store.watch().await.expect("watch");
    bring(&t, copy).await;
    while !watch.next().await.expect("wake").ready {}
}

fn priority(value: i64) -> Priority {
    Priority::new(value).expect("a priority in range")
}
