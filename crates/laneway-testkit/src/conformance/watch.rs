//! Hearing of changes. A store may ring too often; it must never fail to ring.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use laneway_core::id::JobId;
use laneway_core::store::{BATCH_MAX, Due, Outcome, Settle, Store, Wake, Watch};

use super::Harness;
use super::trial::{Trial, failure, payload, queue, seconds};

/// Waits until the watch has told what is asked for, however many wakes that takes.
async fn until(watch: &mut impl Watch, is_told: impl Fn(&Wake) -> bool) {
    let mut told = Wake::default();
    while !is_told(&told) {
        let wake = watch.next().await.expect("a wake");
        told.ready |= wake.ready;
        told.control |= wake.control;
        told.finished.extend(wake.finished);
        told.finished_others |= wake.finished_others;
    }
}

async fn until_finished(watch: &mut impl Watch, id: JobId) {
    until(watch, |wake| wake.finished.contains(&id)).await;
}

pub async fn a_new_job_rings<H: Harness>(t: Trial<H>) {
    let mut watch = t.store.watch().await.expect("watch");
    t.add(t.job()).await;
    until(&mut watch, |wake| wake.ready).await;
}

/// Whoever sleeps until the next due time must hear of an earlier one.
pub async fn a_new_due_time_rings<H: Harness>(t: Trial<H>) {
    let mut watch = t.store.watch().await.expect("watch");
    t.add(t.job_due(Due::After(seconds(30)))).await;
    until(&mut watch, |wake| wake.ready).await;
}

pub async fn a_job_that_comes_back_rings<H: Harness>(t: Trial<H>) {
    t.add(t.job()).await;
    for outcome in [
        Outcome::Release,
        Outcome::Interrupt(failure("killed")),
        Outcome::Retry { after: seconds(0), failure: failure("busy") },
        Outcome::HandBack { after: seconds(0) },
    ] {
        let job = t.claim_one().await;
        let mut watch = t.store.watch().await.expect("watch");
        t.end(&job, outcome).await;
        until(&mut watch, |wake| wake.ready).await;
    }
}

pub async fn a_requeued_job_rings<H: Harness>(t: Trial<H>) {
    let id = t.add(t.job()).await;
    t.cancel(id).await;
    let mut watch = t.store.watch().await.expect("watch");
    t.requeue(id).await;
    until(&mut watch, |wake| wake.ready).await;
}

pub async fn the_jobs_of_a_swept_session_ring<H: Harness>(t: Trial<H>) {
    t.add(t.job()).await;
    let session = t.open_another(seconds(10)).await;
    t.claim_for(session, 1).await;
    t.advance(seconds(11));
    let mut watch = t.store.watch().await.expect("watch");
    t.sweep().await;
    until(&mut watch, |wake| wake.ready).await;
}

pub async fn the_end_of_a_job_is_named<H: Harness>(t: Trial<H>) {
    for outcome in [
        Outcome::Succeed(payload("ok")),
        Outcome::Fail(failure("broken")),
        Outcome::Cancel(failure("stopped")),
        Outcome::Park(failure("unknown")),
    ] {
        let job = t.running(t.job()).await;
        let mut watch = t.store.watch().await.expect("watch");
        t.end(&job, outcome).await;
        until_finished(&mut watch, job.id).await;
    }
}

pub async fn a_cancelled_waiting_job_is_named<H: Harness>(t: Trial<H>) {
    let id = t.add(t.job()).await;
    let mut watch = t.store.watch().await.expect("watch");
    t.cancel(id).await;
    until_finished(&mut watch, id).await;
}

pub async fn the_wish_to_cancel_a_running_job_rings<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    let mut watch = t.store.watch().await.expect("watch");
    t.cancel(job.id).await;
    until(&mut watch, |wake| wake.control).await;
}

pub async fn pausing_and_resuming_ring<H: Harness>(t: Trial<H>) {
    let mut watch = t.store.watch().await.expect("watch");
    t.store.pause_queue(queue("default")).await.expect("pause");
    until(&mut watch, |wake| wake.control).await;
    t.store.resume_queue(queue("default")).await.expect("resume");
    until(&mut watch, |wake| wake.control).await;
}

pub async fn every_subscription_hears_of_a_change<H: Harness>(t: Trial<H>) {
    let mut watches = Vec::new();
    for _ in 0..3 {
        watches.push(t.store.clone().watch().await.expect("watch"));
    }
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
    for watch in &mut watches {
        until(watch, |wake| wake.ready && wake.finished.contains(&job.id)).await;
    }
}

pub async fn a_change_before_the_first_wait_is_not_missed<H: Harness>(t: Trial<H>) {
    let mut watch = t.store.watch().await.expect("watch");
    let job = t.running(t.job()).await;
    t.cancel(job.id).await;
    t.end(&job, Outcome::Cancel(failure("stopped"))).await;
    until(&mut watch, |wake| wake.ready && wake.control && wake.finished.contains(&job.id)).await;
}

pub async fn dropping_a_wait_loses_nothing<H: Harness>(t: Trial<H>) {
    let mut watch = t.store.watch().await.expect("watch");
    {
        let mut wait = pin!(watch.next());
        // Only to leave a waiter behind: nothing has happened, but a store may ring all the same.
        poll_fn(|context| {
            drop(wait.as_mut().poll(context));
            Poll::Ready(())
        })
        .await;
    }
    let id = t.add(t.job()).await;
    t.cancel(id).await;
    until_finished(&mut watch, id).await;
}

pub async fn the_ends_of_a_whole_batch_are_told<H: Harness>(t: Trial<H>) {
    t.add_many(BATCH_MAX).await;
    let jobs = t.claim(BATCH_MAX).await;
    let mut watch = t.store.watch().await.expect("watch");
    let entries = jobs.iter().map(|job| t.settlement(job, Outcome::Succeed(payload("ok"))));
    let settle = Settle { session: t.session, entries: entries.collect() };
    t.store.settle(settle).await.expect("settle");
    let is_told = |wake: &Wake| {
        wake.finished_others || jobs.iter().all(|job| wake.finished.contains(&job.id))
    };
    until(&mut watch, is_told).await;
}

pub async fn a_new_job_rings_in_another_process<H: Harness>(t: Trial<H>) {
    let second = t.second();
    let mut watch = second.watch().await.expect("watch");
    t.add(t.job()).await;
    until(&mut watch, |wake| wake.ready).await;
}

pub async fn the_wish_to_cancel_rings_in_another_process<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    let second = t.second();
    let mut watch = second.watch().await.expect("watch");
    t.cancel(job.id).await;
    until(&mut watch, |wake| wake.control).await;
}

pub async fn the_end_of_a_job_rings_in_another_process<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    let second = t.second();
    let mut watch = second.watch().await.expect("watch");
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
    until(&mut watch, |wake| wake.finished_others || wake.finished.contains(&job.id)).await;
}

pub async fn the_end_of_a_job_is_named_in_another_process<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    let second = t.second();
    let mut watch = second.watch().await.expect("watch");
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
    until_finished(&mut watch, job.id).await;
}
