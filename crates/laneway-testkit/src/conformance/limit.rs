//! Jobs that need a permit of a shared budget.

use std::collections::BTreeMap;

use laneway_core::clock::Timestamp;
use laneway_core::job::{Lane, Priority, State};
use laneway_core::limit::{Limit, Rate};
use laneway_core::store::{
    BATCH_MAX, Cancelled, Claim, Due, LaneSlots, NewJob, Outcome, Requeued, Store,
};

use super::Harness;
use super::trial::{Trial, failure, ids, payload, queue, rate, seconds};

/// Adds so many jobs of one limit.
async fn limited<H: Harness>(t: &Trial<H>, count: usize, key: &str, rate: Rate) {
    t.enqueue((0..count).map(|_| t.job_limited(key, rate)).collect()).await;
}

/// So many starts a minute, one at a time: the next permit is far away.
fn slow(count: u32) -> Rate {
    Rate::new(count, seconds(60), count).expect("a usable rate")
}

pub async fn a_burst_and_then_the_pace<H: Harness>(t: Trial<H>) {
    limited(&t, 10, "api", rate(2, 3)).await;
    assert_eq!(t.claim(10).await.len(), 3);
    assert!(t.claim(10).await.is_empty());
    t.advance(std::time::Duration::from_millis(499));
    assert!(t.claim(10).await.is_empty());
    t.advance(std::time::Duration::from_millis(1));
    assert_eq!(t.claim(10).await.len(), 1);
    t.advance(seconds(60));
    assert_eq!(t.claim(10).await.len(), 3);
}

pub async fn an_uneven_interval_is_never_shortened<H: Harness>(t: Trial<H>) {
    // A start each 1.43 µs.
    let uneven = Rate::new(700_000, seconds(1), 1).expect("a usable rate");
    limited(&t, 3, "api", uneven).await;
    assert_eq!(t.claim(10).await.len(), 1);
    t.advance(std::time::Duration::from_micros(1));
    assert!(t.claim(10).await.is_empty());
    t.advance(std::time::Duration::from_micros(1));
    assert_eq!(t.claim(10).await.len(), 1);
}

pub async fn a_job_that_waits_for_its_limit_is_ready<H: Harness>(t: Trial<H>) {
    limited(&t, 1, "api", slow(1)).await;
    let waiting = t.add(t.job_limited("api", slow(1))).await;
    t.claim_one().await;
    let record = t.record(waiting).await;
    assert_eq!((record.state, record.due_at), (State::Ready, None));
    let limit = Limit { key: String::from("api"), rate: slow(1) };
    assert_eq!(record.limit, Some(limit));
}

pub async fn a_claim_tells_when_the_next_permit_can_be_had<H: Harness>(t: Trial<H>) {
    limited(&t, 3, "api", rate(1, 1)).await;
    let answer = t.take(t.claim_of(10)).await;
    assert_eq!(answer.jobs.len(), 1);
    let next = answer.next_due_at.expect("two jobs wait for their limit");
    assert_eq!(next, t.now().plus(seconds(1)));
    t.advance(next.since(t.now()));
    assert_eq!(t.claim(10).await.len(), 1);
}

pub async fn permits_that_no_job_used_are_not_spent<H: Harness>(t: Trial<H>) {
    limited(&t, 5, "api", slow(5)).await;
    for _ in 0..5 {
        assert_eq!(t.claim(1).await.len(), 1);
    }
    limited(&t, 1, "api", slow(5)).await;
    assert!(t.claim(1).await.is_empty());
}

pub async fn a_claim_that_takes_nothing_spends_no_permits<H: Harness>(t: Trial<H>) {
    limited(&t, 2, "api", slow(2)).await;
    for _ in 0..9 {
        assert!(t.claim(0).await.is_empty());
        assert!(t.claim_from(&["other"], 5).await.is_empty());
        let slots = vec![LaneSlots { lane: Lane::Process, count: 5 }];
        assert!(t.take(Claim { slots, ..t.claim_of(0) }).await.jobs.is_empty());
    }
    assert_eq!(t.claim(5).await.len(), 2);
}

pub async fn a_paused_queue_spends_no_permits<H: Harness>(t: Trial<H>) {
    limited(&t, 2, "api", slow(2)).await;
    t.store.pause_queue(queue("default")).await.expect("pause");
    assert!(t.claim(5).await.is_empty());
    let other = t.add(NewJob { queue: queue("other"), ..t.job_limited("api", slow(2)) }).await;
    assert_eq!(ids(&t.claim_from(&["default", "other"], 5).await), [other]);
    t.store.resume_queue(queue("default")).await.expect("resume");
    assert_eq!(t.claim(5).await.len(), 1);
}

pub async fn jobs_of_a_key_share_one_budget_across_queues_and_lanes<H: Harness>(t: Trial<H>) {
    for (name, lane) in [("a", Lane::Async), ("b", Lane::Thread), ("c", Lane::Process)] {
        let job = || NewJob { queue: queue(name), lane, ..t.job_limited("api", slow(4)) };
        t.enqueue(vec![job(), job(), job()]).await;
    }
    assert_eq!(t.claim_from(&["a"], 10).await.len(), 3);
    assert_eq!(t.claim_from(&["c", "b", "a"], 10).await.len(), 1);
    assert!(t.claim_from(&["a", "b", "c"], 10).await.is_empty());
}

pub async fn keys_have_budgets_of_their_own<H: Harness>(t: Trial<H>) {
    limited(&t, 5, "one", slow(2)).await;
    limited(&t, 5, "two", slow(3)).await;
    let jobs = t.claim(100).await;
    let mut per_key = BTreeMap::new();
    for job in &jobs {
        *per_key.entry(t.record(job.id).await.limit.map(|limit| limit.key)).or_insert(0) += 1;
    }
    assert_eq!(per_key.into_values().collect::<Vec<_>>(), [2, 3]);
}

pub async fn jobs_without_a_limit_pass_those_that_wait<H: Harness>(t: Trial<H>) {
    let priority = Priority::new(100).expect("a priority in range");
    let urgent = |_| NewJob { priority, ..t.job_limited("api", slow(1)) };
    t.enqueue((0..BATCH_MAX).map(urgent).collect()).await;
    t.claim_one().await;
    let plain = t.add(t.job()).await;
    assert_eq!(ids(&t.claim(10).await), [plain]);
}

pub async fn many_closed_gates_do_not_stand_in_the_way<H: Harness>(t: Trial<H>) {
    for _ in 0..2 {
        let jobs = (0..500).map(|i| t.job_limited(&format!("key {i}"), slow(1)));
        t.enqueue(jobs.collect()).await;
    }
    assert_eq!(t.claim(2_000).await.len(), 500);
    let plain = t.add(t.job()).await;
    assert_eq!(ids(&t.claim(2_000).await), [plain]);
}

pub async fn the_latest_rate_of_a_key_wins<H: Harness>(t: Trial<H>) {
    limited(&t, 1, "api", slow(1)).await;
    limited(&t, 9, "api", rate(5, 5)).await;
    assert_eq!(t.claim(100).await.len(), 5);
    t.advance(seconds(1));
    limited(&t, 1, "api", rate(1, 2)).await;
    assert_eq!(t.claim(100).await.len(), 2);
}

/// A producer whose answer was lost may repeat its call after a newer rate was deployed.
pub async fn a_job_that_is_not_added_does_not_bring_its_rate_back<H: Harness>(t: Trial<H>) {
    let old = t.job_limited("api", rate(5, 5));
    t.add(old.clone()).await;
    limited(&t, 5, "api", slow(1)).await;
    assert!(!t.enqueue(vec![old]).await[0].created);
    assert_eq!(t.claim(100).await.len(), 1);
}

/// A rate that became slower keeps what was spent under the old one.
pub async fn a_new_rate_does_not_give_spent_permits_back<H: Harness>(t: Trial<H>) {
    limited(&t, 3, "api", slow(2)).await;
    assert_eq!(t.claim(100).await.len(), 2);
    limited(&t, 1, "api", slow(2)).await;
    assert!(t.claim(100).await.is_empty());
}

pub async fn within_a_key_the_line_is_as_without_a_limit<H: Harness>(t: Trial<H>) {
    let with = |value| {
        let priority = Priority::new(value).expect("a priority in range");
        NewJob { priority, ..t.job_limited("api", slow(3)) }
    };
    let mut added = Vec::new();
    for value in [0, 5, 0, 9] {
        added.push(t.add(with(value)).await);
    }
    assert_eq!(ids(&t.claim(10).await), [added[3], added[1], added[0]]);
}

pub async fn a_limited_job_can_be_scheduled<H: Harness>(t: Trial<H>) {
    let due = Due::After(seconds(30));
    let later = t.add(NewJob { due, ..t.job_limited("api", slow(1)) }).await;
    assert!(t.claim(10).await.is_empty());
    t.advance(seconds(30));
    assert_eq!(t.claim_one().await.id, later);
}

pub async fn a_retry_needs_a_permit_of_its_own<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job_limited("api", rate(1, 1))).await;
    t.end(&job, Outcome::Retry { after: seconds(0), failure: failure("busy") }).await;
    assert!(t.claim(1).await.is_empty());
    t.advance(seconds(1));
    assert_eq!(t.claim_one().await.failures, 1);
}

pub async fn a_released_job_needs_a_permit_again<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job_limited("api", rate(1, 1))).await;
    t.end(&job, Outcome::Release).await;
    assert!(t.claim(1).await.is_empty());
    t.advance(seconds(1));
    t.claim_one().await;
}

pub async fn a_requeued_job_needs_a_permit_again<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job_limited("api", rate(1, 1))).await;
    t.end(&job, Outcome::Fail(failure("broken"))).await;
    assert_eq!(t.requeue(job.id).await, Requeued::Done);
    assert!(t.claim(1).await.is_empty());
    t.advance(seconds(1));
    t.claim_one().await;
}

pub async fn a_job_that_waits_for_its_limit_can_be_cancelled<H: Harness>(t: Trial<H>) {
    limited(&t, 1, "api", slow(1)).await;
    let waiting = t.add(t.job_limited("api", slow(1))).await;
    t.claim_one().await;
    assert_eq!(t.cancel(waiting).await, Cancelled::Done);
    let answer = t.take(t.claim_of(1)).await;
    assert!(answer.jobs.is_empty());
    assert_eq!(answer.next_due_at, None, "nothing waits for the limit any more");
}

/// The promise users rely on: in any window of length `w`, at most `burst + w · rate` starts.
pub async fn no_window_ever_sees_more_starts_than_the_rate_allows<H: Harness>(t: Trial<H>) {
    let (count, burst) = (10_u32, 4_u32);
    limited(&t, 300, "api", rate(count, burst)).await;
    let mut starts: Vec<Timestamp> = Vec::new();
    for step in 0_u64..120 {
        t.advance(std::time::Duration::from_millis(step * 37 % 230));
        let slots = usize::try_from(step % 5).expect("a small number");
        for job in t.claim(slots).await {
            starts.push(t.now());
            t.end(&job, Outcome::Succeed(payload("ok"))).await;
        }
    }
    for (i, from) in starts.iter().enumerate() {
        for (seen, to) in starts.iter().skip(i).enumerate() {
            let pace = to.since(*from).as_micros() * u128::from(count) / 1_000_000;
            assert!((seen as u128) < u128::from(burst) + pace, "{seen} starts too early");
        }
    }
    assert!(starts.len() > 100, "the limit lets through what it can: {}", starts.len());
}
