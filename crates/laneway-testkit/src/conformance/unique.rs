//! Keys that at most one job has.

use laneway_core::id::JobId;
use laneway_core::job::{State, TaskName};
use laneway_core::store::{
    Cancelled, Enqueued, NewJob, Outcome, Prune, Requeued, Store, UniqueKey, UniqueScope,
};

use super::Harness;
use super::trial::{Trial, failure, payload, rate, seconds};

const UNFINISHED: UniqueScope = UniqueScope::Unfinished;
const KEPT: UniqueScope = UniqueScope::Kept;

fn keyed<H: Harness>(t: &Trial<H>, scope: UniqueScope, text: &str) -> NewJob {
    NewJob { unique: Some(UniqueKey { scope, text: text.to_owned() }), ..t.job() }
}

/// Tries to add a job with the key; tells who has the key, unless the new job got it.
async fn holder<H: Harness>(t: &Trial<H>, scope: UniqueScope, text: &str) -> Option<JobId> {
    let answer = t.enqueue(vec![keyed(t, scope, text)]).await[0];
    (!answer.created).then_some(answer.id)
}

pub async fn a_taken_key_answers_with_its_holder<H: Harness>(t: Trial<H>) {
    for scope in [UNFINISHED, KEPT] {
        let id = t.add(keyed(&t, scope, "order 42")).await;
        assert_eq!(holder(&t, scope, "order 42").await, Some(id));
    }
    assert_eq!(t.counts("default").await.ready, 2);
}

pub async fn a_key_twice_in_one_batch_is_taken_once<H: Harness>(t: Trial<H>) {
    for scope in [UNFINISHED, KEPT] {
        let (first, second) = (keyed(&t, scope, "k"), keyed(&t, scope, "k"));
        let id = first.id;
        let answers = t.enqueue(vec![first, second]).await;
        let expected = [true, false].map(|created| Enqueued { id, created });
        assert_eq!(answers, expected);
    }
}

pub async fn the_first_of_a_batch_takes_the_key_whatever_its_limit<H: Harness>(t: Trial<H>) {
    let limited = |limit_key: &str| NewJob {
        unique: Some(UniqueKey { scope: UNFINISHED, text: "k".to_owned() }),
        ..t.job_limited(limit_key, rate(1, 1))
    };
    let (first, second) = (limited("b"), limited("a"));
    let id = first.id;
    let answers = t.enqueue(vec![first, second]).await;
    assert_eq!(answers, [true, false].map(|created| Enqueued { id, created }));
}

pub async fn other_keys_are_free<H: Harness>(t: Trial<H>) {
    t.add(keyed(&t, UNFINISHED, "a")).await;
    t.add(keyed(&t, UNFINISHED, "b")).await;
    t.add(keyed(&t, UNFINISHED, "")).await;
    t.add(t.job()).await;
}

pub async fn the_same_key_of_another_task_is_free<H: Harness>(t: Trial<H>) {
    t.add(keyed(&t, UNFINISHED, "k")).await;
    let task = TaskName::new("app.other").expect("a good name");
    t.add(NewJob { task, ..keyed(&t, UNFINISHED, "k") }).await;
}

pub async fn the_same_key_in_the_other_scope_is_free<H: Harness>(t: Trial<H>) {
    t.add(keyed(&t, UNFINISHED, "k")).await;
    t.add(keyed(&t, KEPT, "k")).await;
}

pub async fn a_key_holds_across_queues<H: Harness>(t: Trial<H>) {
    let id = t.add(keyed(&t, UNFINISHED, "k")).await;
    let queue = super::queue("other");
    let answers = t.enqueue(vec![NewJob { queue, ..keyed(&t, UNFINISHED, "k") }]).await;
    assert_eq!(answers, [Enqueued { id, created: false }]);
}

pub async fn an_unfinished_key_is_free_when_its_job_has_ended<H: Harness>(t: Trial<H>) {
    let ends = [
        Outcome::Succeed(payload("ok")),
        Outcome::Fail(failure("broken")),
        Outcome::Cancel(failure("stopped")),
    ];
    for outcome in ends {
        let job = t.running(keyed(&t, UNFINISHED, "k")).await;
        assert_eq!(holder(&t, UNFINISHED, "k").await, Some(job.id));
        t.end(&job, outcome).await;
    }
    let waiting = t.add(keyed(&t, UNFINISHED, "k")).await;
    assert_eq!(t.cancel(waiting).await, Cancelled::Done);
    assert_eq!(holder(&t, UNFINISHED, "k").await, None);
}

pub async fn an_unfinished_key_is_taken_while_its_job_comes_back<H: Harness>(t: Trial<H>) {
    let id = t.add(keyed(&t, UNFINISHED, "k")).await;
    for outcome in [
        Outcome::Release,
        Outcome::Interrupt(failure("killed")),
        Outcome::Retry { after: seconds(5), failure: failure("busy") },
    ] {
        let job = t.claim_one().await;
        t.end(&job, outcome).await;
        assert_eq!(holder(&t, UNFINISHED, "k").await, Some(id));
    }
}

pub async fn a_parked_job_keeps_its_key<H: Harness>(t: Trial<H>) {
    let job = t.running(keyed(&t, UNFINISHED, "k")).await;
    t.end(&job, Outcome::Park(failure("unknown"))).await;
    assert_eq!(holder(&t, UNFINISHED, "k").await, Some(job.id));
    assert_eq!(t.cancel(job.id).await, Cancelled::Done);
    assert_eq!(holder(&t, UNFINISHED, "k").await, None);
}

pub async fn a_kept_key_is_taken_although_its_job_has_ended<H: Harness>(t: Trial<H>) {
    let job = t.running(keyed(&t, KEPT, "k")).await;
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
    assert_eq!(holder(&t, KEPT, "k").await, Some(job.id));
    assert_eq!(t.state(job.id).await, State::Succeeded);
}

pub async fn a_kept_key_is_free_when_its_job_was_pruned<H: Harness>(t: Trial<H>) {
    let job = t.running(keyed(&t, KEPT, "k")).await;
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
    t.advance(seconds(10));
    let prune = Prune { older_than: seconds(5), jobs_max: 10 };
    assert_eq!(t.store.prune(prune).await.expect("prune"), 1);
    assert_eq!(holder(&t, KEPT, "k").await, None);
}

pub async fn a_requeued_job_takes_its_key_again<H: Harness>(t: Trial<H>) {
    let job = t.running(keyed(&t, UNFINISHED, "k")).await;
    t.end(&job, Outcome::Fail(failure("broken"))).await;
    assert_eq!(t.requeue(job.id).await, Requeued::Done);
    assert_eq!(holder(&t, UNFINISHED, "k").await, Some(job.id));
}

pub async fn a_job_whose_key_another_has_taken_cannot_be_requeued<H: Harness>(t: Trial<H>) {
    let job = t.running(keyed(&t, UNFINISHED, "k")).await;
    t.end(&job, Outcome::Fail(failure("broken"))).await;
    let other = t.add(keyed(&t, UNFINISHED, "k")).await;
    assert_eq!(t.requeue(job.id).await, Requeued::Refused(State::Failed));
    assert_eq!(t.state(job.id).await, State::Failed);
    assert_eq!(t.cancel(other).await, Cancelled::Done);
    assert_eq!(t.requeue(job.id).await, Requeued::Done);
}

/// Two failed jobs of one key cannot both come back, not even by one call.
pub async fn of_two_jobs_of_one_key_only_one_can_be_requeued<H: Harness>(t: Trial<H>) {
    let mut failed = Vec::new();
    for _ in 0..2 {
        let job = t.running(keyed(&t, UNFINISHED, "k")).await;
        t.end(&job, Outcome::Fail(failure("broken"))).await;
        failed.push(job.id);
    }
    let answers = t.store.requeue(failed).await.expect("requeue");
    assert_eq!(answers, [Requeued::Done, Requeued::Refused(State::Failed)]);
}
