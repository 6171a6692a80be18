//! Workers' leases on life, and what time has overtaken.

use laneway_core::error::{Code, Error};
use laneway_core::id::{SessionId, Token};
use laneway_core::store::{OpenSession, RenewSession, Renewed, Sweep, Swept};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::call::Call;
use crate::enqueue::column;
use crate::fault::Place;
use crate::schema;
use crate::value::{self, Identity};

pub(crate) fn open(open: &OpenSession, now: Option<i64>) -> Call {
    Call::function("open_session")
        .with(Identity::from(open.session), Type::UUID)
        .with(value::text(&open.worker), Type::TEXT)
        .with(value::span_column(open.lease), Type::INT8)
        .with(now, Type::INT8)
}

pub(crate) fn renew(renew: &RenewSession, now: Option<i64>) -> Call {
    Call::function("renew_session")
        .with(Identity::from(renew.session), Type::UUID)
        .with(value::span_column(renew.lease), Type::INT8)
        .with(value::text(&renew.condition), Type::TEXT)
        .with(now, Type::INT8)
}

/// The answer to a renewal. A row without a job has the version of the schema.
pub(crate) fn renewed(rows: &[Row], place: &Place) -> Result<Renewed, Error> {
    let mut renewed = Renewed::default();
    for row in rows {
        let number: i64 = column(row, 1)?;
        if let Some(id) = column::<Option<Identity>>(row, 0)? {
            renewed.cancel.push((id.job(), Token(number.unsigned_abs())));
        } else {
            let found = i32::try_from(number).unwrap_or(i32::MAX);
            let is_newer = found > schema::version();
            renewed.outdated = is_newer.then(|| schema::too_new(place, found));
        }
    }
    Ok(renewed)
}

pub(crate) fn close(session: SessionId, now: Option<i64>) -> Call {
    Call::function("close_session").with(Identity::from(session), Type::UUID).with(now, Type::INT8)
}

pub(crate) fn sweep(sweep: Sweep, now: Option<i64>) -> Call {
    // One more is looked for, to see whether there is more.
    let jobs_max = value::count_column(sweep.jobs_max).min(1_000_000);
    Call::function("sweep").with(jobs_max, Type::INT4).with(now, Type::INT8)
}

pub(crate) fn swept(rows: &[Row]) -> Result<Swept, Error> {
    let Some(row) = rows.first() else {
        return Ok(Swept::default());
    };
    let number = |index| -> Result<usize, Error> {
        Ok(usize::try_from(column::<i32>(row, index)?).unwrap_or(0))
    };
    Ok(Swept {
        sessions_expired: number(0)?,
        released: number(1)?,
        parked: number(2)?,
        failed: number(3)?,
        promoted: number(4)?,
        more: column(row, 5)?,
    })
}

/// The refusal of a session that is not open.
pub(crate) fn session_lost(session: SessionId) -> Error {
    Error::new(Code::SessionLost, format!("session {session} is not open"))
        .why("its lease ran out and it was swept, or it was closed or never opened")
}
