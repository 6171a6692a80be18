//! Reading queues and sessions.

use std::collections::BTreeMap;

use laneway_core::clock::Timestamp;
use laneway_core::error::Error;
use laneway_core::job::QueueName;
use laneway_core::store::{QueueRecord, SessionRecord, StateCounts};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::call::Call;
use crate::enqueue::column;
use crate::value::{self, Identity};

/// Asks for all queues, by name: a row for each queue and state.
pub(crate) fn queues(now: Option<i64>) -> Call {
    Call::question(
        "SELECT q.name, q.is_paused, n.state, coalesce(sum(n.jobs), 0)::bigint,
             {schema}.time_of($1) - min(n.since)
         FROM {schema}.queue q
         LEFT JOIN {schema}.line l ON l.queue = q.id
         LEFT JOIN (
             SELECT line, 0::smallint AS state, count(*) AS jobs, NULL::bigint AS since
             FROM {schema}.scheduled GROUP BY line
             UNION ALL SELECT line, 1::smallint, count(*), min(ready_at)
             FROM {schema}.ready GROUP BY line
             UNION ALL SELECT line, 1::smallint, count(*), min(ready_at)
             FROM {schema}.limited GROUP BY line
             UNION ALL SELECT line, 2::smallint, count(*), NULL
             FROM {schema}.running GROUP BY line
             UNION ALL SELECT line, state, count(*), NULL
             FROM {schema}.finished GROUP BY line, state
         ) AS n ON n.line = l.id
         GROUP BY q.name, q.is_paused, n.state ORDER BY q.name",
    )
    .with(now, Type::INT8)
}

pub(crate) fn counted(rows: &[Row]) -> Result<Vec<QueueRecord>, Error> {
    let mut records: BTreeMap<String, QueueRecord> = BTreeMap::new();
    for row in rows {
        let name: String = column(row, 0)?;
        let is_paused: bool = column(row, 1)?;
        let new = QueueRecord {
            name: QueueName::new(&name).unwrap_or_else(|_| QueueName::stand_in(&name)),
            is_paused,
            counts: StateCounts::default(),
            oldest_ready: None,
        };
        let record = records.entry(name).or_insert(new);
        if let Some(state) = column::<Option<i16>>(row, 2)? {
            let jobs: i64 = column(row, 3)?;
            *record.counts.get_mut(value::state(state)?) = jobs.unsigned_abs();
        }
        if let Some(waited) = column::<Option<i64>>(row, 4)? {
            record.oldest_ready = Some(value::span(waited));
        }
    }
    Ok(records.into_values().collect())
}

/// Asks for the open sessions, the oldest first.
pub(crate) fn sessions() -> Call {
    Call::question(
        "SELECT s.uuid, s.worker, s.opened_at, s.expires_at, s.condition, coalesce(held.jobs, 0)
         FROM {schema}.session s
         LEFT JOIN (SELECT session, count(*) AS jobs FROM {schema}.running GROUP BY session) AS held
             ON held.session = s.id
         WHERE NOT s.is_ended ORDER BY s.opened_at, s.uuid",
    )
}

pub(crate) fn listed_sessions(rows: &[Row]) -> Result<Vec<SessionRecord>, Error> {
    let record = |row| {
        let running: i64 = column(row, 5)?;
        Ok(SessionRecord {
            session: column::<Identity>(row, 0)?.session(),
            worker: column(row, 1)?,
            opened_at: Timestamp::from_micros(column(row, 2)?),
            expires_at: Timestamp::from_micros(column(row, 3)?),
            condition: column(row, 4)?,
            running: running.unsigned_abs(),
        })
    };
    rows.iter().map(record).collect()
}
