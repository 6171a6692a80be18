//! Handing out ready jobs.

use laneway_core::error::Code;
use laneway_core::id::{SessionId, Token};
use laneway_core::job::{Lane, Priority, State};
use laneway_core::store::{BATCH_MAX, Claim, LaneSlots, NewJob, Outcome, Store};

use super::Harness;
use super::trial::{Trial, failure, ids, payload, seconds};

pub async fn a_claimed_job_is_running_and_carries_what_was_enqueued<H: Harness>(t: Trial<H>) {
    let new = t.job();
    let claimed = t.running(new.clone()).await;
    assert_eq!((claimed.id, claimed.task, claimed.queue), (new.id, new.task, new.queue));
    assert_eq!((claimed.lane, claimed.policy, claimed.args), (new.lane, new.policy, new.args));
    assert_eq!((claimed.failures, claimed.interrupts, claimed.handbacks), (0, 0, 0));
    let record = t.record(new.id).await;
    assert_eq!((record.state, record.session), (State::Running, Some(t.session)));
    assert_eq!((record.token, record.claimed_at), (claimed.token, Some(t.now())));
}

pub async fn a_claimed_job_is_not_handed_out_again<H: Harness>(t: Trial<H>) {
    t.running(t.job()).await;
    assert!(t.claim(10).await.is_empty());
    let other = t.open_another(seconds(60)).await;
    assert!(t.claim_for(other, 10).await.is_empty());
}

pub async fn the_oldest_comes_first<H: Harness>(t: Trial<H>) {
    let added = t.add_many(5).await;
    assert_eq!(ids(&t.claim(3).await), added[..3]);
    assert_eq!(ids(&t.claim(3).await), added[3..]);
}

/// Age is the order in which the store accepted the jobs: ids come from the clocks of producers.
pub async fn age_counts_from_acceptance_and_not_by_id<H: Harness>(t: Trial<H>) {
    let (first, second) = (t.job(), t.job());
    assert!(first.id < second.id);
    let expected = [second.id, first.id];
    t.enqueue(vec![second]).await;
    t.enqueue(vec![first]).await;
    assert_eq!(ids(&t.claim(2).await), expected);
}

pub async fn the_highest_priority_comes_first<H: Harness>(t: Trial<H>) {
    let mut added = Vec::new();
    for value in [0, -100, 7, 100, -1, 7] {
        added.push(t.add(with_priority(&t, value)).await);
    }
    let expected: Vec<_> = [3, 2, 5, 0, 4, 1].into_iter().map(|i| added[i]).collect();
    assert_eq!(ids(&t.claim(10).await), expected);
}

pub async fn queues_are_served_in_the_order_of_the_claim<H: Harness>(t: Trial<H>) {
    let a = t.add(t.job_in("a")).await;
    let b = t.add(NewJob { priority: priority(50), ..t.job_in("b") }).await;
    let c = t.add(t.job_in("c")).await;
    assert_eq!(ids(&t.claim_from(&["c", "a", "b"], 2).await), [c, a]);
    assert_eq!(ids(&t.claim_from(&["c", "a", "b"], 2).await), [b]);
}

pub async fn only_the_asked_queues_are_served<H: Harness>(t: Trial<H>) {
    t.add(t.job_in("a")).await;
    let b = t.add(t.job_in("b")).await;
    assert_eq!(ids(&t.claim_from(&["b", "unheard-of"], 10).await), [b]);
}

pub async fn no_more_jobs_are_handed_out_than_asked<H: Harness>(t: Trial<H>) {
    t.add_many(9).await;
    assert_eq!(t.claim(4).await.len(), 4);
    assert_eq!(t.counts("default").await.ready, 5);
}

pub async fn each_lane_is_filled_up_to_its_slots<H: Harness>(t: Trial<H>) {
    for lane in Lane::ALL {
        t.enqueue((0..5).map(|_| NewJob { lane, ..t.job() }).collect()).await;
    }
    let slots = Lane::ALL.into_iter().zip([2, 3, 1]);
    let slots = slots.map(|(lane, count)| LaneSlots { lane, count }).collect();
    let jobs = t.take(Claim { slots, ..t.claim_of(0) }).await.jobs;
    for (lane, count) in Lane::ALL.into_iter().zip([2, 3, 1]) {
        assert_eq!(jobs.iter().filter(|job| job.lane == lane).count(), count, "{lane}");
    }
}

pub async fn a_full_lane_does_not_block_another<H: Harness>(t: Trial<H>) {
    let computing = || NewJob { lane: Lane::Process, priority: priority(9), ..t.job() };
    t.enqueue((0..500).map(|_| computing()).collect()).await;
    let waiting = t.add(t.job()).await;
    let slots = vec![LaneSlots { lane: Lane::Async, count: 10 }];
    assert_eq!(ids(&t.take(Claim { slots, ..t.claim_of(0) }).await.jobs), [waiting]);
}

pub async fn a_claim_without_work_is_answered_with_nothing<H: Harness>(t: Trial<H>) {
    let answer = t.take(t.claim_of(10)).await;
    assert!(answer.jobs.is_empty());
    assert_eq!(answer.next_due_at, None);
}

pub async fn a_claim_without_slots_takes_nothing<H: Harness>(t: Trial<H>) {
    t.add(t.job()).await;
    assert!(t.take(Claim { slots: Vec::new(), ..t.claim_of(0) }).await.jobs.is_empty());
    assert!(t.claim(0).await.is_empty());
    assert_eq!(t.counts("default").await.ready, 1);
}

pub async fn every_claim_adds_one_to_the_token<H: Harness>(t: Trial<H>) {
    t.add(t.job()).await;
    for number in 1..=4 {
        let job = t.claim_one().await;
        assert_eq!(job.token, Token(number));
        t.end(&job, Outcome::Release).await;
    }
}

pub async fn a_session_that_was_never_opened_cannot_claim<H: Harness>(t: Trial<H>) {
    t.add(t.job()).await;
    let claim = Claim { session: SessionId::from_bits(77), ..t.claim_of(1) };
    let error = t.store.claim(claim).await.expect_err("there is no such session");
    assert_eq!(error.code(), Code::SessionLost);
    assert_eq!(t.counts("default").await.ready, 1);
}

pub async fn the_answer_tells_the_stores_time<H: Harness>(t: Trial<H>) {
    t.advance(seconds(5));
    assert_eq!(t.take(t.claim_of(1)).await.now, t.now());
}

pub async fn a_claimed_job_tells_since_when_it_was_ready<H: Harness>(t: Trial<H>) {
    let enqueued_at = t.now();
    t.add(t.job()).await;
    t.advance(seconds(5));
    assert_eq!(t.claim_one().await.ready_at, enqueued_at);
}

pub async fn a_claimed_job_tells_how_its_earlier_attempts_ended<H: Harness>(t: Trial<H>) {
    t.add(t.job()).await;
    let ends = [
        Outcome::Retry { after: seconds(0), failure: failure("once") },
        Outcome::Interrupt(failure("gone")),
        Outcome::Retry { after: seconds(0), failure: failure("twice") },
        Outcome::HandBack { after: seconds(0) },
        Outcome::Release,
    ];
    for outcome in ends {
        let job = t.claim_one().await;
        t.end(&job, outcome).await;
    }
    let job = t.claim_one().await;
    assert_eq!((job.failures, job.interrupts, job.handbacks), (2, 1, 1));
}

pub async fn a_thousand_jobs_are_claimed_at_once_and_in_order<H: Harness>(t: Trial<H>) {
    let added = t.add_many(BATCH_MAX).await;
    assert_eq!(ids(&t.claim(BATCH_MAX).await), added);
}

pub async fn jobs_that_ended_are_never_handed_out<H: Harness>(t: Trial<H>) {
    for outcome in [
        Outcome::Succeed(payload("x")),
        Outcome::Fail(failure("x")),
        Outcome::Cancel(failure("x")),
        Outcome::Park(failure("x")),
    ] {
        let job = t.running(t.job()).await;
        t.end(&job, outcome).await;
    }
    t.advance(seconds(3_600));
    t.sweep().await;
    assert!(t.claim(10).await.is_empty());
}

fn priority(value: i64) -> Priority {
    Priority::new(value).expect("a priority in range")
}

fn with_priority<H: Harness>(t: &Trial<H>, value: i64) -> NewJob {
    NewJob { priority: priority(value), ..t.job() }
}
