//! Jobs that wait for a time.

use laneway_core::clock::Timestamp;
use laneway_core::job::{Lane, Priority, State};
use laneway_core::store::{BATCH_MAX, Claim, Due, LaneSlots, NewJob, Outcome};

use super::Harness;
use super::trial::{Trial, failure, ids, seconds};

pub async fn a_delayed_job_waits_by_the_stores_clock<H: Harness>(t: Trial<H>) {
    let id = t.add(t.job_due(Due::After(seconds(30)))).await;
    let record = t.record(id).await;
    assert_eq!(record.state, State::Scheduled);
    assert_eq!(record.due_at, Some(t.now().plus(seconds(30))));
    assert!(t.claim(1).await.is_empty());
}

pub async fn a_job_for_an_instant_waits_until_then<H: Harness>(t: Trial<H>) {
    let instant = t.now().plus(seconds(45));
    let id = t.add(t.job_due(Due::At(instant))).await;
    assert_eq!(t.record(id).await.due_at, Some(instant));
    t.advance(seconds(44));
    assert!(t.claim(1).await.is_empty());
    t.advance(seconds(1));
    assert_eq!(t.claim_one().await.id, id);
}

pub async fn a_job_for_a_past_instant_is_ready_at_once<H: Harness>(t: Trial<H>) {
    for instant in [Timestamp::default(), t.now().minus(seconds(1)), t.now()] {
        let id = t.add(t.job_due(Due::At(instant))).await;
        let record = t.record(id).await;
        assert_eq!((record.state, record.due_at), (State::Ready, None));
    }
    let id = t.add(t.job_due(Due::After(seconds(0)))).await;
    assert_eq!(t.state(id).await, State::Ready);
}

/// A worker sleeps until `next_due_at`; if the job were not there at that very instant, the worker
/// would find nothing and sleep on.
pub async fn a_job_can_be_claimed_at_the_very_instant_it_is_due<H: Harness>(t: Trial<H>) {
    let id = t.add(t.job_due(Due::After(seconds(30)))).await;
    let due_at = t.take(t.claim_of(1)).await.next_due_at.expect("a job is scheduled");
    t.advance(due_at.since(t.now()));
    assert_eq!(t.claim_one().await.id, id);
}

pub async fn a_due_job_needs_no_sweep<H: Harness>(t: Trial<H>) {
    t.add(t.job_due(Due::After(seconds(5)))).await;
    t.advance(seconds(60));
    let job = t.claim_one().await;
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.due_at), (State::Running, None));
}

pub async fn a_due_job_has_waited_since_it_was_due<H: Harness>(t: Trial<H>) {
    t.add(t.job_due(Due::After(seconds(5)))).await;
    let due_at = t.now().plus(seconds(5));
    t.advance(seconds(60));
    assert_eq!(t.claim_one().await.ready_at, due_at);
}

pub async fn a_claim_tells_when_the_next_job_is_due<H: Harness>(t: Trial<H>) {
    for wait in [50, 20, 90] {
        t.add(t.job_due(Due::After(seconds(wait)))).await;
    }
    let start = t.now();
    assert_eq!(t.take(t.claim_of(9)).await.next_due_at, Some(start.plus(seconds(20))));
    t.advance(seconds(20));
    let answer = t.take(t.claim_of(9)).await;
    assert_eq!((answer.jobs.len(), answer.next_due_at), (1, Some(start.plus(seconds(50)))));
}

pub async fn the_next_due_time_is_that_of_the_claims_queues_and_lanes<H: Harness>(t: Trial<H>) {
    let due = Due::After(seconds(5));
    t.add(NewJob { due, ..t.job_in("other") }).await;
    t.add(NewJob { due, lane: Lane::Process, ..t.job() }).await;
    let slots = vec![LaneSlots { lane: Lane::Async, count: 5 }];
    let claim = Claim { slots, ..t.claim_of(0) };
    assert_eq!(t.take(claim).await.next_due_at, None);
}

pub async fn due_jobs_line_up_by_priority_and_then_by_their_enqueueing<H: Harness>(t: Trial<H>) {
    let late = t.add(t.job_due(Due::After(seconds(9)))).await;
    let early = t.add(t.job_due(Due::After(seconds(3)))).await;
    let priority = Priority::new(5).expect("a priority in range");
    let urgent = t.add(NewJob { priority, ..t.job_due(Due::After(seconds(6))) }).await;
    let plain = t.add(t.job()).await;
    t.advance(seconds(10));
    assert_eq!(ids(&t.claim(9).await), [urgent, late, early, plain]);
}

pub async fn a_retry_tells_its_due_time_to_the_next_claim<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Retry { after: seconds(8), failure: failure("busy") }).await;
    let expected = Some(t.now().plus(seconds(8)));
    assert_eq!(t.take(t.claim_of(1)).await.next_due_at, expected);
}

pub async fn a_retry_without_a_wait_can_be_claimed_at_once<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Retry { after: seconds(0), failure: failure("busy") }).await;
    assert_eq!(t.claim_one().await.failures, 1);
}

pub async fn scheduled_jobs_do_not_stand_in_the_way<H: Harness>(t: Trial<H>) {
    let due = Due::After(seconds(3_600));
    let priority = Priority::new(100).expect("a priority in range");
    let jobs = (0..BATCH_MAX).map(|_| NewJob { due, priority, ..t.job() });
    t.enqueue(jobs.collect()).await;
    let plain = t.add(t.job()).await;
    assert_eq!(ids(&t.claim(10).await), [plain]);
}

pub async fn many_jobs_that_are_due_at_once_are_all_handed_out<H: Harness>(t: Trial<H>) {
    t.enqueue((0..BATCH_MAX).map(|_| t.job_due(Due::After(seconds(5)))).collect()).await;
    t.advance(seconds(5));
    let mut count = 0;
    loop {
        let found = t.claim(300).await.len();
        count += found;
        assert!(count <= BATCH_MAX, "more was handed out than was added");
        if found == 0 {
            break;
        }
    }
    assert_eq!(count, BATCH_MAX);
}

pub async fn the_far_end_of_time_is_a_due_time<H: Harness>(t: Trial<H>) {
    let id = t.add(t.job_due(Due::At(Timestamp::from_micros(i64::MAX)))).await;
    t.add(t.job_due(Due::After(std::time::Duration::MAX))).await;
    assert_eq!(t.state(id).await, State::Scheduled);
    assert!(t.claim(9).await.is_empty());
    assert_eq!(t.sweep().await.promoted, 0);
}
