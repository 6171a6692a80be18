//! Queues: pausing them and looking at them.

use laneway_core::job::State;
use laneway_core::store::{Due, NewJob, Outcome, Prune, QueueRecord, StateCounts, Store};

use super::Harness;
use super::trial::{Trial, failure, payload, queue, seconds};

async fn names<H: Harness>(t: &Trial<H>) -> Vec<String> {
    let queues = t.store.queues().await.expect("queues");
    queues.into_iter().map(|record| record.name.to_string()).collect()
}

async fn pause<H: Harness>(t: &Trial<H>, name: &str) {
    t.store.pause_queue(queue(name)).await.expect("pause");
}

async fn resume<H: Harness>(t: &Trial<H>, name: &str) {
    t.store.resume_queue(queue(name)).await.expect("resume");
}

pub async fn a_paused_queue_hands_nothing_out<H: Harness>(t: Trial<H>) {
    let id = t.add(t.job()).await;
    pause(&t, "default").await;
    assert!(t.claim(10).await.is_empty());
    assert_eq!(t.state(id).await, State::Ready);
    resume(&t, "default").await;
    assert_eq!(t.claim_one().await.id, id);
}

pub async fn pausing_twice_is_pausing_once<H: Harness>(t: Trial<H>) {
    t.add(t.job()).await;
    pause(&t, "default").await;
    pause(&t, "default").await;
    resume(&t, "default").await;
    t.claim_one().await;
    resume(&t, "default").await;
}

pub async fn a_paused_queue_takes_new_jobs<H: Harness>(t: Trial<H>) {
    pause(&t, "default").await;
    t.add(t.job()).await;
    assert!(t.claim(10).await.is_empty());
    resume(&t, "default").await;
    t.claim_one().await;
}

pub async fn other_queues_go_on<H: Harness>(t: Trial<H>) {
    pause(&t, "a").await;
    t.add(t.job_in("a")).await;
    let b = t.add(t.job_in("b")).await;
    let jobs = t.claim_from(&["a", "b"], 10).await;
    assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [b]);
}

pub async fn running_jobs_of_a_paused_queue_can_end<H: Harness>(t: Trial<H>) {
    t.add_many(2).await;
    let jobs = t.claim(2).await;
    pause(&t, "default").await;
    t.end(&jobs[0], Outcome::Succeed(payload("ok"))).await;
    t.end(&jobs[1], Outcome::Release).await;
    assert!(t.claim(10).await.is_empty());
    resume(&t, "default").await;
    assert_eq!(t.claim_one().await.id, jobs[1].id);
}

pub async fn a_due_job_of_a_paused_queue_waits<H: Harness>(t: Trial<H>) {
    let id = t.add(t.job_due(Due::After(seconds(5)))).await;
    pause(&t, "default").await;
    t.advance(seconds(6));
    t.sweep().await;
    assert!(t.claim(10).await.is_empty());
    resume(&t, "default").await;
    assert_eq!(t.claim_one().await.id, id);
}

/// A worker that slept until the due time of a paused job would spin.
pub async fn a_paused_queue_has_no_next_due_time<H: Harness>(t: Trial<H>) {
    t.add(t.job_due(Due::After(seconds(5)))).await;
    t.add(t.job_limited("api", super::rate(1, 1))).await;
    pause(&t, "default").await;
    assert_eq!(t.take(t.claim_of(5)).await.next_due_at, None);
}

pub async fn queues_are_listed_by_name_with_their_counts<H: Harness>(t: Trial<H>) {
    t.add(t.job_in("b")).await;
    t.add(t.job_in("a")).await;
    t.add(NewJob { due: Due::After(seconds(9)), ..t.job_in("b") }).await;
    t.advance(seconds(3));
    let record = |name, counts| QueueRecord {
        name: queue(name),
        is_paused: false,
        counts,
        oldest_ready: Some(seconds(3)),
    };
    let expected = [
        record("a", StateCounts { ready: 1, ..StateCounts::default() }),
        record("b", StateCounts { ready: 1, scheduled: 1, ..StateCounts::default() }),
    ];
    assert_eq!(t.store.queues().await.expect("queues"), expected);
}

pub async fn every_state_is_counted<H: Harness>(t: Trial<H>) {
    for outcome in [
        Outcome::Succeed(payload("ok")),
        Outcome::Fail(failure("broken")),
        Outcome::Cancel(failure("stopped")),
        Outcome::Park(failure("unknown")),
    ] {
        let job = t.running(t.job()).await;
        t.end(&job, outcome).await;
    }
    t.running(t.job()).await;
    t.add(t.job()).await;
    t.add(t.job_due(Due::After(seconds(9)))).await;
    let counts = t.counts("default").await;
    for state in State::ALL {
        assert_eq!(counts.get(state), 1, "{state}");
    }
}

pub async fn a_queue_without_ready_jobs_has_no_oldest_one<H: Harness>(t: Trial<H>) {
    t.running(t.job()).await;
    let record = t.store.queues().await.expect("queues").remove(0);
    assert_eq!(record.oldest_ready, None);
}

pub async fn a_paused_queue_is_listed_before_it_has_a_job<H: Harness>(t: Trial<H>) {
    pause(&t, "mail").await;
    let record = t.store.queues().await.expect("queues").remove(0);
    assert_eq!((record.name, record.is_paused), (queue("mail"), true));
    assert_eq!((record.counts, record.oldest_ready), (StateCounts::default(), None));
    resume(&t, "mail").await;
    assert!(!t.store.queues().await.expect("queues")[0].is_paused);
}

pub async fn a_queue_whose_jobs_were_pruned_is_still_listed<H: Harness>(t: Trial<H>) {
    let id = t.add(t.job()).await;
    t.cancel(id).await;
    t.advance(seconds(10));
    let prune = Prune { older_than: seconds(5), jobs_max: 10 };
    assert_eq!(t.store.prune(prune).await.expect("prune"), 1);
    assert_eq!(names(&t).await, ["default"]);
    assert_eq!(t.counts("default").await, StateCounts::default());
}

pub async fn an_empty_store_has_no_queues<H: Harness>(t: Trial<H>) {
    assert!(names(&t).await.is_empty());
}
