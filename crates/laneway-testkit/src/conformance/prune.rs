//! Forgetting jobs that ended long ago.

use laneway_core::job::State;
use laneway_core::store::{Due, Enqueued, Outcome, Prune, Store};

use super::Harness;
use super::trial::{Trial, failure, payload, seconds};

async fn prune<H: Harness>(t: &Trial<H>, older_than: u64, jobs_max: usize) -> usize {
    let prune = Prune { older_than: seconds(older_than), jobs_max };
    t.store.prune(prune).await.expect("prune")
}

pub async fn old_ended_jobs_are_deleted<H: Harness>(t: Trial<H>) {
    let mut ended = Vec::new();
    for outcome in [
        Outcome::Succeed(payload("ok")),
        Outcome::Fail(failure("broken")),
        Outcome::Cancel(failure("stopped")),
    ] {
        let job = t.running(t.job()).await;
        t.end(&job, outcome).await;
        ended.push(job.id);
    }
    t.advance(seconds(100));
    assert_eq!(prune(&t, 99, 10).await, 3);
    for id in &ended {
        assert_eq!(t.store.job(*id).await.expect("job"), None);
    }
    assert_eq!(t.store.finished(ended).await.expect("finished"), []);
    assert_eq!(t.counts("default").await.total(), 0);
}

pub async fn young_ended_jobs_are_kept<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.advance(seconds(1_000));
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
    t.advance(seconds(50));
    assert_eq!(prune(&t, 60, 10).await, 0);
    assert_eq!(t.state(job.id).await, State::Succeeded);
}

pub async fn what_has_not_ended_is_never_deleted<H: Harness>(t: Trial<H>) {
    let parked = t.running(t.job()).await;
    t.end(&parked, Outcome::Park(failure("unknown"))).await;
    let running = t.running(t.job()).await.id;
    let ready = t.add(t.job()).await;
    let scheduled = t.add(t.job_due(Due::After(seconds(9_000)))).await;
    t.advance(seconds(1_000));
    assert_eq!(prune(&t, 1, 10).await, 0);
    for (id, state) in [
        (parked.id, State::Parked),
        (running, State::Running),
        (ready, State::Ready),
        (scheduled, State::Scheduled),
    ] {
        assert_eq!(t.state(id).await, state);
    }
}

pub async fn the_oldest_go_first_and_no_more_than_asked<H: Harness>(t: Trial<H>) {
    let added = t.add_many(5).await;
    for id in [3, 0, 4, 1, 2].map(|i| added[i]) {
        t.advance(seconds(1));
        t.cancel(id).await;
    }
    t.advance(seconds(100));
    assert_eq!(prune(&t, 50, 2).await, 2);
    for (i, id) in added.iter().enumerate() {
        let is_kept = t.store.job(*id).await.expect("job").is_some();
        assert_eq!(is_kept, ![3, 0].contains(&i), "job {i}");
    }
    assert_eq!(prune(&t, 50, 10).await, 3);
    assert_eq!(prune(&t, 50, 10).await, 0);
}

pub async fn a_requeued_job_is_not_deleted<H: Harness>(t: Trial<H>) {
    let id = t.add(t.job()).await;
    t.cancel(id).await;
    t.advance(seconds(100));
    t.requeue(id).await;
    assert_eq!(prune(&t, 50, 10).await, 0);
    assert_eq!(t.claim_one().await.id, id);
}

pub async fn the_id_of_a_deleted_job_is_forgotten<H: Harness>(t: Trial<H>) {
    let job = t.job();
    t.add(job.clone()).await;
    t.cancel(job.id).await;
    t.advance(seconds(100));
    assert_eq!(prune(&t, 50, 10).await, 1);
    let answers = t.enqueue(vec![job.clone()]).await;
    assert_eq!(answers, [Enqueued { id: job.id, created: true }]);
    assert_eq!(t.claim_one().await.args, job.args);
}

pub async fn many_jobs_are_deleted_at_once<H: Harness>(t: Trial<H>) {
    let ids = t.add_many(1_000).await;
    t.store.cancel(ids).await.expect("cancel");
    t.advance(seconds(100));
    assert_eq!(prune(&t, 50, 2_000).await, 1_000);
    assert_eq!(t.counts("default").await.total(), 0);
}
