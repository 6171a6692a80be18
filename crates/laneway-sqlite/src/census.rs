//! Reading queues and sessions.

use std::collections::BTreeMap;

use laneway_core::clock::Timestamp;
use laneway_core::job::QueueName;
use laneway_core::store::{QueueRecord, SessionRecord, StateCounts};
use rusqlite::Connection;

use crate::fault::Result;
use crate::value;

/// All queues, by name. The caller has begun a transaction, so that one state is seen.
pub(crate) fn queues(connection: &Connection, now: Timestamp) -> Result<Vec<QueueRecord>> {
    let mut oldest = BTreeMap::new();
    let mut statement = connection.prepare_cached(OLDEST)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        oldest.insert(row.get::<_, i64>(0)?, Timestamp::from_micros(row.get(1)?));
    }
    let mut counts: BTreeMap<i64, StateCounts> = BTreeMap::new();
    let mut statement = connection.prepare_cached("SELECT queue, state, jobs FROM census")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let state = value::state(row.get(1)?)?;
        let jobs: i64 = row.get(2)?;
        *counts.entry(row.get(0)?).or_default().get_mut(state) = jobs.unsigned_abs();
    }
    let mut statement =
        connection.prepare_cached("SELECT id, name, is_paused FROM queue ORDER BY name")?;
    let mut rows = statement.query([])?;
    let mut queues = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        queues.push(QueueRecord {
            name: shown(&row.get::<_, String>(1)?),
            is_paused: row.get(2)?,
            counts: counts.get(&id).copied().unwrap_or_default(),
            oldest_ready: oldest.get(&id).map(|ready_at| now.since(*ready_at)),
        });
    }
    Ok(queues)
}

/// A queue's name, or what stands in for it.
fn shown(name: &str) -> QueueName {
    QueueName::new(name).unwrap_or_else(|_| QueueName::stand_in(name))
}

/// The open sessions, the oldest first.
pub(crate) fn sessions(connection: &Connection) -> Result<Vec<SessionRecord>> {
    let mut statement = connection.prepare_cached(SESSIONS)?;
    let mut rows = statement.query([])?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        let running: i64 = row.get(5)?;
        sessions.push(SessionRecord {
            session: value::session_id(row.get(0)?),
            worker: row.get(1)?,
            opened_at: Timestamp::from_micros(row.get(2)?),
            expires_at: Timestamp::from_micros(row.get(3)?),
            condition: row.get(4)?,
            running: running.unsigned_abs(),
        });
    }
    Ok(sessions)
}

const OLDEST: &str = "SELECT queue, min(ready_at) FROM
    (SELECT queue, ready_at FROM ready UNION ALL SELECT queue, ready_at FROM limited)
    GROUP BY queue";

const SESSIONS: &str = "SELECT s.uuid, s.worker, s.opened_at, s.expires_at, s.condition,
    coalesce(held.jobs, 0) FROM session AS s
    LEFT JOIN (SELECT session, count(*) AS jobs FROM running GROUP BY session) AS held
        ON held.session = s.id
    WHERE s.is_ended = 0 ORDER BY s.opened_at, s.uuid";
