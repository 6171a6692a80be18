//! Leases of workers.

use laneway_core::error::Code;
use laneway_core::id::SessionId;
use laneway_core::job::State;
use laneway_core::store::{Claim, Outcome, Settled, Store};

use super::Harness;
use super::trial::{Trial, payload, seconds};

pub async fn an_open_session_is_listed<H: Harness>(t: Trial<H>) {
    t.advance(seconds(1));
    let session = t.open_another(seconds(10)).await;
    let listed = t.store.sessions().await.expect("sessions");
    assert_eq!(listed.len(), 2);
    let record = &listed[1];
    assert_eq!((record.session, &record.worker), (session, &format!("worker {session}")));
    assert_eq!((record.opened_at, record.running), (t.now(), 0));
    assert_eq!(record.expires_at, t.now().plus(seconds(10)));
}

pub async fn sessions_are_listed_oldest_first<H: Harness>(t: Trial<H>) {
    let mut opened = vec![t.session];
    for _ in 0..4 {
        t.advance(seconds(1));
        opened.push(t.open_another(seconds(60)).await);
    }
    let listed = t.store.sessions().await.expect("sessions");
    assert_eq!(listed.iter().map(|record| record.session).collect::<Vec<_>>(), opened);
}

pub async fn a_session_tells_how_many_jobs_it_holds<H: Harness>(t: Trial<H>) {
    t.add_many(5).await;
    let jobs = t.claim(3).await;
    assert_eq!(t.store.sessions().await.expect("sessions")[0].running, 3);
    t.end(&jobs[0], Outcome::Succeed(payload("x"))).await;
    assert_eq!(t.store.sessions().await.expect("sessions")[0].running, 2);
}

pub async fn a_renewal_extends_the_lease_and_keeps_the_condition<H: Harness>(t: Trial<H>) {
    t.advance(seconds(7));
    t.renew(t.session, seconds(10)).await.expect("an open session");
    let record = t.store.sessions().await.expect("sessions").remove(0);
    assert_eq!(record.expires_at, t.now().plus(seconds(10)));
    assert_eq!(record.condition, "well");
}

pub async fn a_renewed_session_outlives_its_first_lease<H: Harness>(t: Trial<H>) {
    let session = t.open_another(seconds(10)).await;
    t.add(t.job()).await;
    let job = t.claim_for(session, 1).await.remove(0);
    for _ in 0..5 {
        t.advance(seconds(8));
        t.renew(session, seconds(10)).await.expect("an open session");
        t.sweep().await;
    }
    let outcome = Outcome::Succeed(payload("ok"));
    assert_eq!(t.settle_as(session, job.id, job.token, outcome).await, Settled::Accepted);
}

pub async fn opening_an_open_session_renews_it<H: Harness>(t: Trial<H>) {
    let session = t.open_another(seconds(10)).await;
    t.add(t.job()).await;
    let job = t.claim_for(session, 1).await.remove(0);
    t.advance(seconds(8));
    t.open(session, seconds(10)).await;
    t.advance(seconds(8));
    assert_eq!(t.sweep().await.sessions_expired, 0);
    let outcome = Outcome::Succeed(payload("ok"));
    assert_eq!(t.settle_as(session, job.id, job.token, outcome).await, Settled::Accepted);
    assert_eq!(t.store.sessions().await.expect("sessions").len(), 2);
}

pub async fn an_expired_session_may_renew_until_it_is_swept<H: Harness>(t: Trial<H>) {
    let session = t.open_another(seconds(10)).await;
    t.advance(seconds(60));
    t.renew(session, seconds(10)).await.expect("nobody has swept it");
    assert_eq!(t.sweep().await.sessions_expired, 0);
}

pub async fn an_expired_session_may_settle_until_it_is_swept<H: Harness>(t: Trial<H>) {
    let session = t.open_another(seconds(10)).await;
    t.add(t.job()).await;
    let job = t.claim_for(session, 1).await.remove(0);
    t.advance(seconds(60));
    let outcome = Outcome::Succeed(payload("ok"));
    assert_eq!(t.settle_as(session, job.id, job.token, outcome).await, Settled::Accepted);
}

pub async fn a_swept_session_can_neither_renew_nor_claim<H: Harness>(t: Trial<H>) {
    let session = t.open_another(seconds(10)).await;
    t.advance(seconds(11));
    t.sweep().await;
    assert_eq!(t.renew(session, seconds(10)).await, Err(Code::SessionLost));
    let claim = Claim { session, ..t.claim_of(1) };
    let error = t.store.claim(claim).await.expect_err("it was swept");
    assert_eq!(error.code(), Code::SessionLost);
    assert_eq!(t.store.sessions().await.expect("sessions").len(), 1);
}

pub async fn a_session_that_was_never_opened_cannot_renew<H: Harness>(t: Trial<H>) {
    let unknown = SessionId::from_bits(77);
    assert_eq!(t.renew(unknown, seconds(10)).await, Err(Code::SessionLost));
}

pub async fn a_closed_session_is_gone<H: Harness>(t: Trial<H>) {
    t.store.close_session(t.session).await.expect("close");
    assert!(t.store.sessions().await.expect("sessions").is_empty());
    assert_eq!(t.renew(t.session, seconds(10)).await, Err(Code::SessionLost));
    assert_eq!(t.sweep().await.sessions_expired, 0);
}

pub async fn closing_interrupts_what_the_session_still_holds<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.store.close_session(t.session).await.expect("close");
    let record = t.record(job.id).await;
    assert_eq!((record.state, record.interrupts, record.session), (State::Ready, 1, None));
    assert_eq!(t.settle(&job, Outcome::Release).await, Settled::Stale);
}

pub async fn closing_leaves_the_jobs_of_other_sessions_alone<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    let other = t.open_another(seconds(60)).await;
    t.store.close_session(other).await.expect("close");
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
}

pub async fn closing_twice_is_closing_once<H: Harness>(t: Trial<H>) {
    for _ in 0..2 {
        t.store.close_session(t.session).await.expect("close");
    }
    t.store.close_session(SessionId::from_bits(77)).await.expect("close");
}

pub async fn a_closed_session_can_be_opened_again<H: Harness>(t: Trial<H>) {
    t.store.close_session(t.session).await.expect("close");
    t.open(t.session, seconds(10)).await;
    t.running(t.job()).await;
}

pub async fn a_renewal_names_the_jobs_to_cancel_until_they_are_settled<H: Harness>(t: Trial<H>) {
    t.add_many(3).await;
    let jobs = t.claim(3).await;
    t.cancel(jobs[1].id).await;
    for _ in 0..2 {
        let renewed = t.renew(t.session, seconds(60)).await.expect("an open session");
        assert_eq!(renewed.cancel, [(jobs[1].id, jobs[1].token)]);
    }
    t.end(&jobs[1], Outcome::Cancel(super::failure("stopped"))).await;
    let renewed = t.renew(t.session, seconds(60)).await.expect("an open session");
    assert_eq!(renewed.cancel, []);
}

pub async fn a_renewal_does_not_name_the_jobs_of_other_sessions<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.cancel(job.id).await;
    let other = t.open_another(seconds(60)).await;
    assert_eq!(t.renew(other, seconds(60)).await.expect("an open session").cancel, []);
}
