//! What outlives the process that wrote it.

use laneway_core::id::Token;
use laneway_core::job::{Priority, State};
use laneway_core::store::{Due, Enqueued, NewJob, Outcome, Settled, Store, UniqueKey, UniqueScope};

use super::Harness;
use super::trial::{Trial, failure, ids, payload, queue, rate, seconds};

pub async fn acknowledged_jobs_outlive_the_process_in_their_order<H: Harness>(t: Trial<H>) {
    let mut added = t.add_many(20).await;
    let priority = Priority::new(3).expect("a priority in range");
    let urgent = t.add(NewJob { priority, ..t.job() }).await;
    added.insert(0, urgent);
    let later = t.add(t.job_due(Due::After(seconds(30)))).await;
    let before = t.record(urgent).await;
    let t = t.reopen();
    assert_eq!(t.record(urgent).await, before);
    assert_eq!(t.state(later).await, State::Scheduled);
    added.push(t.add(t.job()).await);
    assert_eq!(ids(&t.claim(100).await), added);
    t.advance(seconds(30));
    assert_eq!(t.claim_one().await.id, later);
}

pub async fn ends_outlive_the_process<H: Harness>(t: Trial<H>) {
    let good = t.running(t.job()).await;
    t.end(&good, Outcome::Succeed(payload("42"))).await;
    let bad = t.running(t.job()).await;
    t.end(&bad, Outcome::Fail(failure("broken"))).await;
    let before = [t.record(good.id).await, t.record(bad.id).await];
    let t = t.reopen();
    assert_eq!([t.record(good.id).await, t.record(bad.id).await], before);
}

pub async fn a_session_and_its_jobs_outlive_the_process<H: Harness>(t: Trial<H>) {
    t.add_many(2).await;
    let claim = t.claim_of(2);
    let jobs = t.take(claim.clone()).await.jobs;
    let t = t.reopen();
    assert_eq!(ids(&t.take(claim).await.jobs), ids(&jobs));
    for job in &jobs {
        assert_eq!(t.settle(job, Outcome::Release).await, Settled::Accepted);
    }
    assert!(t.claim(2).await.iter().all(|job| job.token == Token(2)));
}

pub async fn budgets_keys_and_pauses_outlive_the_process<H: Harness>(t: Trial<H>) {
    t.enqueue((0..5).map(|_| t.job_limited("api", rate(1, 2))).collect()).await;
    assert_eq!(t.claim(5).await.len(), 2);
    let unique = Some(UniqueKey { scope: UniqueScope::Kept, text: String::from("k") });
    let keyed = t.add(NewJob { unique: unique.clone(), ..t.job_in("mail") }).await;
    t.store.pause_queue(queue("mail")).await.expect("pause");
    let t = t.reopen();
    assert!(t.claim_from(&["default", "mail"], 5).await.is_empty());
    let answers = t.enqueue(vec![NewJob { unique, ..t.job() }]).await;
    assert_eq!(answers, [Enqueued { id: keyed, created: false }]);
    t.advance(seconds(1));
    assert_eq!(t.claim(5).await.len(), 1);
}

pub async fn another_process_sees_and_takes_the_same_jobs<H: Harness>(t: Trial<H>) {
    let added = t.add_many(4).await;
    let second = t.second();
    let taken = second.claim(t.claim_of(2)).await.expect("claim").jobs;
    assert_eq!(ids(&taken), added[..2]);
    assert_eq!(ids(&t.claim(10).await), added[2..]);
    for job in &taken {
        t.end(job, Outcome::Succeed(payload("ok"))).await;
    }
    let found = second.finished(added).await.expect("finished");
    assert_eq!(found.len(), 2);
}
