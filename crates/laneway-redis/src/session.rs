//! Workers' leases on life, and what time has overtaken.

use laneway_core::error::Error;
use laneway_core::id::SessionId;
use laneway_core::store::{OpenSession, RenewSession, Renewed, Sweep, Swept};
use redis::Value;

use crate::claim::session_lost;
use crate::open::{SCHEMA, too_new};
use crate::reply;
use crate::script::{SESSION, SWEEP};
use crate::store::RedisStore;
use crate::value::{self, Standing};

/// The most jobs that one script interrupts or makes ready, so that the server answers others soon.
const SLICE: usize = 100;

/// Opens a session, or renews the lease of an open one.
pub(crate) async fn open(store: &RedisStore, open: OpenSession) -> Result<(), Error> {
    loop {
        let call = store
            .call(&SESSION)
            .arg("open")
            .arg(open.session.to_string())
            .arg(&open.worker)
            .arg(value::span(open.lease))
            .repeatable();
        if store.ask(call).await? == Value::Int(1) {
            return Ok(());
        }
        // An earlier life of the session is over, but some of its jobs are still to be interrupted.
        close(store, open.session).await?;
    }
}

/// Extends a lease.
pub(crate) async fn renew(store: &RedisStore, renew: RenewSession) -> Result<Renewed, Error> {
    let call = store
        .call(&SESSION)
        .arg("renew")
        .arg(renew.session.to_string())
        .arg(&renew.condition)
        .arg(value::span(renew.lease))
        .repeatable();
    let answer = store.ask(call).await?;
    if answer == Value::Int(-1) {
        return Err(session_lost(renew.session));
    }
    let mut values = reply::array(answer)?.into_iter();
    let schema = reply::number(&values.next().unwrap_or(Value::Nil))?;
    let outdated = (schema > SCHEMA).then(|| too_new(store.link().shown(), schema));
    let mut renewed = Renewed { outdated, ..Renewed::default() };
    while let (Some(id), Some(standing)) = (values.next(), values.next()) {
        let standing = reply::bytes(standing)?;
        let (standing, _) = Standing::read(&standing)?;
        renewed.cancel.push((value::job_id(&reply::bytes(id)?)?, standing.token));
    }
    Ok(renewed)
}

/// Ends a session; what it holds counts as interrupted. The first slice ends it wholly; whatever
/// keeps this caller from the others, a sweep goes on with them.
pub(crate) async fn close(store: &RedisStore, session: SessionId) -> Result<(), Error> {
    loop {
        let call =
            store.call(&SESSION).arg("close").arg(session.to_string()).arg(SLICE).repeatable();
        if store.ask(call).await? == Value::Int(0) {
            return Ok(());
        }
    }
}

/// Ends expired sessions, interrupts what they held and what has passed its deadline, and makes due
/// jobs ready, a slice at a time.
pub(crate) async fn sweep(store: &RedisStore, sweep: Sweep) -> Result<Swept, Error> {
    let mut total = Swept::default();
    let mut left = sweep.jobs_max;
    loop {
        let call = store.call(&SWEEP).arg(left.min(SLICE));
        let answer = reply::array(store.ask(call).await?)?;
        let mut counts = [0; 6];
        for (count, value) in counts.iter_mut().zip(&answer) {
            *count = reply::count(value)?;
        }
        let [expired, released, parked, failed, promoted, more] = counts;
        total.sessions_expired += expired;
        total.released += released;
        total.parked += parked;
        total.failed += failed;
        total.promoted += promoted;
        total.more = more != 0;
        let moved = released + parked + failed + promoted;
        left = left.saturating_sub(moved);
        if !total.more || left == 0 || (moved == 0 && expired == 0) {
            return Ok(total);
        }
    }
}
