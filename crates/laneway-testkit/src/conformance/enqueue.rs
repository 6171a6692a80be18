//! Adding jobs.

use laneway_core::id::Token;
use laneway_core::job::{Lane, Payload, Priority, State, TaskName};
use laneway_core::policy::Policy;
use laneway_core::store::{BATCH_MAX, Enqueued, NewJob, Outcome, Store};

use super::Harness;
use super::trial::{Trial, payload, queue, seconds};

pub async fn a_job_is_ready_at_once<H: Harness>(t: Trial<H>) {
    let id = t.add(t.job()).await;
    assert_eq!(t.state(id).await, State::Ready);
}

pub async fn the_answers_come_in_the_order_of_the_jobs<H: Harness>(t: Trial<H>) {
    let mut jobs: Vec<_> = (0..20).map(|_| t.job()).collect();
    jobs.reverse();
    let expected: Vec<_> = jobs.iter().map(|job| Enqueued { id: job.id, created: true }).collect();
    assert_eq!(t.enqueue(jobs).await, expected);
}

pub async fn an_empty_batch_is_answered_with_nothing<H: Harness>(t: Trial<H>) {
    assert_eq!(t.enqueue(Vec::new()).await, []);
}

pub async fn a_known_id_is_not_added_again<H: Harness>(t: Trial<H>) {
    let job = t.job();
    t.add(job.clone()).await;
    let again = t.enqueue(vec![job.clone()]).await;
    assert_eq!(again, [Enqueued { id: job.id, created: false }]);
    assert_eq!(t.claim(10).await.len(), 1);
}

pub async fn an_id_twice_in_one_batch_is_added_once<H: Harness>(t: Trial<H>) {
    let job = t.job();
    let answers = t.enqueue(vec![job.clone(), job]).await;
    assert_eq!(answers.iter().map(|answer| answer.created).collect::<Vec<_>>(), [true, false]);
    assert_eq!(t.claim(10).await.len(), 1);
}

pub async fn known_jobs_do_not_keep_the_new_ones_of_their_batch_out<H: Harness>(t: Trial<H>) {
    let known = t.job();
    t.add(known.clone()).await;
    let answers = t.enqueue(vec![t.job(), known, t.job()]).await;
    let created: Vec<_> = answers.iter().map(|answer| answer.created).collect();
    assert_eq!(created, [true, false, true]);
    assert_eq!(t.claim(10).await.len(), 3);
}

pub async fn a_known_id_leaves_the_job_as_it_is<H: Harness>(t: Trial<H>) {
    let job = t.job();
    let claimed = t.running(job.clone()).await;
    let before = t.record(job.id).await;
    t.enqueue(vec![NewJob { args: payload("other"), priority: high(), ..job.clone() }]).await;
    assert_eq!(t.record(job.id).await, before);
    t.end(&claimed, Outcome::Succeed(payload("done"))).await;
    t.enqueue(vec![job.clone()]).await;
    assert_eq!(t.state(job.id).await, State::Succeeded);
}

pub async fn everything_that_was_enqueued_can_be_read_back<H: Harness>(t: Trial<H>) {
    let policy = Policy { timeout: Some(seconds(9)), interrupts_max: 7, ..Policy::default() };
    let new = NewJob {
        task: TaskName::new("billing.charge").unwrap_or_else(|error| panic!("{error}")),
        queue: queue("billing"),
        lane: Lane::Process,
        priority: high(),
        ..t.job_under(policy)
    };
    let record = t.record(t.add(new.clone()).await).await;
    assert_eq!((record.id, record.task, record.queue), (new.id, new.task, new.queue));
    assert_eq!((record.lane, record.priority), (new.lane, new.priority));
    assert_eq!((record.policy, record.args), (new.policy, new.args));
    assert_eq!((record.state, record.token), (State::Ready, Token(0)));
    assert_eq!((record.failures, record.interrupts), (0, 0));
    assert_eq!((record.enqueued_at, record.due_at), (t.now(), None));
    assert_eq!((record.claimed_at, record.finished_at, record.session), (None, None, None));
    assert_eq!((record.limit, record.unique, record.handbacks), (None, None, 0));
    assert_eq!((record.wall, record.cancel_asked), (None, false));
    assert_eq!((record.progress, record.failure, record.result), (None, None, None));
}

pub async fn names_may_hold_any_printable_character<H: Harness>(t: Trial<H>) {
    let name = "café; DROP \"x\" -- 'y' % _ {z} 日本:*?[]";
    let id = t.add(t.job_in(name)).await;
    assert_eq!(t.record(id).await.queue, queue(name));
    assert_eq!(t.claim_from(&[name], 1).await.len(), 1);
}

pub async fn arguments_are_kept_byte_by_byte<H: Harness>(t: Trial<H>) {
    let bytes: Vec<u8> = (0_u32..1 << 20).map(|i| (i % 251) as u8).collect();
    let large = NewJob { args: Payload(bytes.clone()), ..t.job() };
    let empty = NewJob { args: Payload(Vec::new()), ..t.job() };
    t.enqueue(vec![large, empty]).await;
    let claimed = t.claim(2).await;
    assert!(claimed[0].args.0 == bytes, "the large arguments came back changed");
    assert_eq!(claimed[1].args, Payload(Vec::new()));
}

pub async fn a_full_batch_is_added_whole<H: Harness>(t: Trial<H>) {
    let ids = t.add_many(BATCH_MAX).await;
    assert_eq!(ids.len(), BATCH_MAX);
    assert_eq!(t.counts("default").await.ready, BATCH_MAX as u64);
}

pub async fn jobs_of_one_batch_may_have_different_policies<H: Harness>(t: Trial<H>) {
    let policies = [1, 2, 3].map(|n| Policy { interrupts_max: n, ..Policy::default() });
    let jobs = policies.iter().map(|policy| t.job_under(policy.clone())).collect();
    t.enqueue(jobs).await;
    let claimed = t.claim(3).await;
    let found: Vec<_> = claimed.iter().map(|job| (*job.policy).clone()).collect();
    assert_eq!(found, policies);
}

pub async fn a_handle_is_a_handle_to_the_same_store<H: Harness>(t: Trial<H>) {
    let id = t.add(t.job()).await;
    let record = t.store.clone().job(id).await.expect("job");
    assert_eq!(record.map(|record| record.id), Some(id));
}

fn high() -> Priority {
    Priority::new(100).expect("a priority in range")
}
