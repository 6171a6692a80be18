//! How far running attempts are.

use laneway_core::id::{JobId, Token};
use laneway_core::store::{ClaimedJob, Outcome, Progress, Store};

use super::Harness;
use super::trial::{Trial, payload, seconds};

fn progress(job: &ClaimedJob, done: f64) -> Progress {
    Progress { job: job.id, token: job.token, done, of: Some(10.0), note: String::from("page") }
}

async fn report<H: Harness>(t: &Trial<H>, reports: Vec<Progress>) {
    t.store.report_progress(t.session, reports).await.expect("progress");
}

async fn done<H: Harness>(t: &Trial<H>, id: JobId) -> Option<f64> {
    t.record(id).await.progress.map(|(done, ..)| done)
}

pub async fn a_report_can_be_read<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    assert_eq!(t.record(job.id).await.progress, None);
    report(&t, vec![progress(&job, 2.5)]).await;
    let expected = Some((2.5, Some(10.0), String::from("page")));
    assert_eq!(t.record(job.id).await.progress, expected);
}

pub async fn the_latest_report_counts<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    report(&t, vec![progress(&job, 1.0), progress(&job, 2.0)]).await;
    assert_eq!(done(&t, job.id).await, Some(2.0));
    report(&t, vec![progress(&job, 1.5)]).await;
    assert_eq!(done(&t, job.id).await, Some(1.5));
}

pub async fn the_number_of_steps_may_be_unknown<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    let unknown = Progress { of: None, note: String::new(), ..progress(&job, 3.0) };
    report(&t, vec![unknown]).await;
    assert_eq!(t.record(job.id).await.progress, Some((3.0, None, String::new())));
}

pub async fn a_stale_report_is_dropped_and_harms_no_other<H: Harness>(t: Trial<H>) {
    t.add_many(2).await;
    let jobs = t.claim(2).await;
    let wrong_token = Progress { token: Token(99), ..progress(&jobs[0], 5.0) };
    let unknown = Progress { job: JobId::from_bits(5), ..progress(&jobs[0], 5.0) };
    report(&t, vec![wrong_token, unknown, progress(&jobs[1], 4.0)]).await;
    assert_eq!(done(&t, jobs[0].id).await, None);
    assert_eq!(done(&t, jobs[1].id).await, Some(4.0));
}

pub async fn a_report_of_another_session_is_dropped<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    let other = t.open_another(seconds(60)).await;
    t.store.report_progress(other, vec![progress(&job, 5.0)]).await.expect("progress");
    assert_eq!(done(&t, job.id).await, None);
}

pub async fn a_report_of_an_ended_attempt_is_dropped<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
    let before = t.record(job.id).await;
    report(&t, vec![progress(&job, 5.0)]).await;
    assert_eq!(t.record(job.id).await, before);
}

pub async fn a_new_attempt_begins_without_progress<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    report(&t, vec![progress(&job, 5.0)]).await;
    t.end(&job, Outcome::Release).await;
    let again = t.claim_one().await;
    assert_eq!(done(&t, again.id).await, None);
    report(&t, vec![progress(&job, 6.0)]).await;
    assert_eq!(done(&t, again.id).await, None);
}

pub async fn a_report_leaves_the_job_running<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    report(&t, vec![progress(&job, 5.0)]).await;
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
}
