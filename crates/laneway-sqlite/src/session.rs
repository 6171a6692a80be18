//! Workers' leases on life.

use laneway_core::error::Code;
use laneway_core::id::{JobId, SessionId, Token};
use laneway_core::job::Failure;
use laneway_core::store::{OpenSession, RenewSession, Renewed};
use rusqlite::{OptionalExtension, params};

use crate::claim::session_lost;
use crate::fault::Result;
use crate::schema;
use crate::settle::{interrupt, take_running};
use crate::standing::identity;
use crate::transaction::Tx;
use crate::value;

/// How many numbers of claims a session remembers. A worker repeats only its latest ones.
const CALLS_MAX: usize = 64;

/// An open session as a claim needs it.
#[derive(Debug)]
pub(crate) struct OpenRow {
    pub(crate) id: i64,
    /// Numbers of the latest claims that took something, the oldest first.
    pub(crate) calls: Vec<u64>,
}

/// Looks up a session that is open.
pub(crate) fn open_row(tx: &Tx<'_>, session: SessionId) -> Result<Option<OpenRow>> {
    let mut find = tx
        .connection
        .prepare_cached("SELECT id, calls FROM session WHERE uuid = ?1 AND is_ended = 0")?;
    let found = find.query_row([value::session_bytes(session)], |row| {
        let calls: Vec<u8> = row.get(1)?;
        let calls = calls.chunks_exact(8).map(|bytes| {
            let mut number = [0; 8];
            number.copy_from_slice(bytes);
            u64::from_le_bytes(number)
        });
        Ok(OpenRow { id: row.get(0)?, calls: calls.collect() })
    });
    Ok(found.optional()?)
}

/// The row number of an open session.
pub(crate) fn open_id(tx: &Tx<'_>, session: SessionId) -> Result<Option<i64>> {
    let mut find =
        tx.connection.prepare_cached("SELECT id FROM session WHERE uuid = ?1 AND is_ended = 0")?;
    Ok(find.query_row([value::session_bytes(session)], |row| row.get(0)).optional()?)
}

impl OpenRow {
    /// Remembers the number of a claim, so that a repetition is recognised.
    pub(crate) fn remember_call(&self, tx: &mut Tx<'_>, call: u64) -> Result<()> {
        let forgotten = (self.calls.len() + 1).saturating_sub(CALLS_MAX);
        let kept = self.calls.iter().skip(forgotten).chain([&call]);
        let calls: Vec<u8> = kept.flat_map(|call| call.to_le_bytes()).collect();
        tx.connection
            .prepare_cached("UPDATE session SET calls = ?2 WHERE id = ?1")?
            .execute(params![self.id, calls])?;
        Ok(())
    }
}

/// Opens a session, or renews the lease of an open one.
pub(crate) fn open(tx: &mut Tx<'_>, open: &OpenSession) -> Result<()> {
    let expires_at = tx.now.plus(open.lease).as_micros();
    if let Some(id) = open_id(tx, open.session)? {
        tx.connection
            .prepare_cached("UPDATE session SET expires_at = ?2 WHERE id = ?1")?
            .execute([id, expires_at])?;
        return Ok(());
    }
    close(tx, open.session)?;
    tx.connection
        .prepare_cached(
            "INSERT INTO session (uuid, worker, opened_at, expires_at, condition, calls)
             VALUES (?1, ?2, ?3, ?4, '', x'')",
        )?
        .execute(params![
            value::session_bytes(open.session),
            open.worker,
            tx.now.as_micros(),
            expires_at
        ])?;
    Ok(())
}

/// Extends a lease.
pub(crate) fn renew(tx: &mut Tx<'_>, renew: &RenewSession) -> Result<Renewed> {
    let id = open_id(tx, renew.session)?.ok_or_else(|| session_lost(renew.session))?;
    tx.connection
        .prepare_cached("UPDATE session SET expires_at = ?2, condition = ?3 WHERE id = ?1")?
        .execute(params![id, tx.now.plus(renew.lease).as_micros(), renew.condition])?;
    let mut asked = tx
        .connection
        .prepare_cached("SELECT id, token FROM running WHERE session = ?1 AND cancel_asked = 1")?;
    let cancel = asked
        .query_map([id], |row| {
            let token: i64 = row.get(1)?;
            Ok((identity(row, 0)?, Token(token.unsigned_abs())))
        })?
        .collect::<rusqlite::Result<Vec<(JobId, Token)>>>()?;
    Ok(Renewed { cancel, outdated: schema::outdated(tx.connection)? })
}

/// Ends a session; what it holds counts as interrupted.
pub(crate) fn close(tx: &mut Tx<'_>, session: SessionId) -> Result<()> {
    let mut find =
        tx.connection.prepare_cached("SELECT id, worker FROM session WHERE uuid = ?1")?;
    let found: Option<(i64, String)> = find
        .query_row([value::session_bytes(session)], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((id, worker)) = found else {
        return Ok(());
    };
    let held = {
        let mut statement = tx
            .connection
            .prepare_cached("SELECT id FROM running WHERE session = ?1 ORDER BY seq")?;
        let rows = statement.query_map([id], |row| identity(row, 0))?;
        rows.collect::<rusqlite::Result<Vec<JobId>>>()?
    };
    for job in held {
        if let Some(running) = take_running(tx, job)? {
            interrupt(tx, running, lease_lost(&worker), None)?;
        }
    }
    tx.connection.prepare_cached("DELETE FROM session WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// Why the jobs of a session that is over were interrupted.
pub(crate) fn lease_lost(worker: &str) -> Failure {
    Failure::new(Code::RunnerDied, format!("the worker `{worker}` stopped renewing its lease"))
}
